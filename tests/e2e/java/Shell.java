import java.util.ArrayList;
import java.util.List;
import jdk.jshell.JShell;
import jdk.jshell.SnippetEvent;

/** The JDK's own shell in this process, after a session: classes, methods, lambdas and values that snippets made and replaced. */
public final class Shell {
  static final List<SnippetEvent> EVENTS = new ArrayList<>();
  static JShell shell;

  public static void main(String[] arguments) throws Exception {
    shell = JShell.builder().executionEngine("local").build();
    for (int i = 0; i < 12; i++) {
      EVENTS.addAll(shell.eval("record Point" + i + "(int x, int y) { int sum() { return x + y; } }"));
      EVENTS.addAll(shell.eval("int twice" + i + "(int n) { return n + new Point" + i + "(n, 0).sum(); }"));
      EVENTS.addAll(shell.eval("java.util.Map<String, Object> map" + i + " = new java.util.TreeMap<>();"));
      EVENTS.addAll(shell.eval("for (int i = 0; i < 300; i++) map" + i + ".put(\"key \" + i, i % 2 == 0 ? new Point" + i + "(i, twice" + i + "(i)) : new int[i]);"));
      EVENTS.addAll(shell.eval("Runnable later = () -> map" + i + ".clear();"));  // takes the place of the one before
    }
    for (SnippetEvent event : EVENTS)
      if (event.exception() != null || event.status() == jdk.jshell.Snippet.Status.REJECTED)
        throw new AssertionError(event.snippet().source() + ": " + event.exception());
    System.out.println("ready");
    Thread.sleep(Long.MAX_VALUE);
  }
}
