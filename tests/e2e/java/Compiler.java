import com.sun.source.util.JavacTask;
import java.io.File;
import java.util.*;
import javax.tools.*;

/** javac, having parsed and analysed the files it is given, with all its trees and symbols alive. */
public final class Compiler {
  static final List<Object> KEPT = new ArrayList<>();

  public static void main(String[] arguments) throws Exception {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null);
    List<File> sources = new ArrayList<>();
    for (String name : arguments) sources.add(new File(name));
    JavacTask task = (JavacTask) compiler.getTask(null, files, null, List.of("-proc:none", "-nowarn"), null, files.getJavaFileObjectsFromFiles(sources));
    for (Object tree : task.parse()) KEPT.add(tree);
    for (Object element : task.analyze()) KEPT.add(element);
    KEPT.add(task);
    System.out.println("ready");
    Thread.sleep(Long.MAX_VALUE);
  }
}
