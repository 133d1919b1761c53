import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.spi.ToolProvider;
import javax.lang.model.SourceVersion;
import javax.lang.model.element.Element;
import com.sun.source.doctree.DocCommentTree;
import jdk.javadoc.doclet.Doclet;
import jdk.javadoc.doclet.DocletEnvironment;
import jdk.javadoc.doclet.Reporter;

/** The JDK's javadoc in the middle of its work, on the sources given: it has read them all and asks this doclet to write. */
public final class Documents implements Doclet {
  static final Map<Element, DocCommentTree> COMMENTS = new HashMap<>();

  public static void main(String[] sources) {
    // The tool finds the doclet through the class path of this process.
    String[] words = new String[sources.length + 6];
    String[] options = {"-quiet", "-package", "-doclet", "Documents", "-docletpath", System.getProperty("java.class.path")};
    System.arraycopy(options, 0, words, 0, options.length);
    System.arraycopy(sources, 0, words, options.length, sources.length);
    int code = ToolProvider.findFirst("javadoc").orElseThrow().run(System.err, System.err, words);
    System.exit(code == 0 ? 1 : code);  // run() does not come back
  }

  @Override public void init(Locale locale, Reporter reporter) {}
  @Override public String getName() { return "Documents"; }
  @Override public Set<? extends Option> getSupportedOptions() { return Set.of(); }
  @Override public SourceVersion getSupportedSourceVersion() { return SourceVersion.latest(); }
  @Override public boolean run(DocletEnvironment environment) {
    for (Element type : environment.getIncludedElements()) {
      COMMENTS.put(type, environment.getDocTrees().getDocCommentTree(type));
      for (Element member : type.getEnclosedElements()) COMMENTS.put(member, environment.getDocTrees().getDocCommentTree(member));
    }
    System.out.println("ready");
    try {
      Thread.sleep(Long.MAX_VALUE);
    } catch (InterruptedException e) {
      return false;
    }
    return true;
  }
}
