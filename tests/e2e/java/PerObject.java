package org.graalvm.visualvm.lib.jfluid.heap;

import java.io.BufferedOutputStream;
import java.io.File;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.util.Iterator;

/**
 * What VisualVM's heap library says of every object of a dump, a line each: id, retained size, immediate dominator (0: none), kind,
 * shallow size, tree object; ids in hexadecimal. In the library's package, because its dominators are nobody else's business.
 *   java -cp jfluid-heap.jar:. org.graalvm.visualvm.lib.jfluid.heap.PerObject DUMP.hprof [quiet]
 * Also prints one line to standard error: "seconds S objects N peak B".
 */
public final class PerObject {
  // kind: I an instance or array, C a class. The last column: 1 = a tree object, which the library sizes apart from dominators.
  private static void print(PrintStream out, HprofHeap heap, DominatorTree tree, long id, char kind, long size) {
    LongMap.Entry entry = heap.idToOffsetMap.get(id);
    out.println("0x" + Long.toHexString(id) + '\t' + entry.getRetainedSize() + "\t0x" + Long.toHexString(tree.getIdomId(id, entry))
        + '\t' + kind + '\t' + size + '\t' + (entry.isTreeObj() ? 1 : 0));
  }

  public static void main(String[] arguments) throws Exception {
    long begin = System.nanoTime();
    Heap heap = HeapFactory.createHeap(new File(arguments[0]));
    heap.getBiggestObjectsByRetainedSize(1);
    double seconds = (System.nanoTime() - begin) / 1e9;
    HprofHeap hprof = (HprofHeap) heap;
    Field field = HprofHeap.class.getDeclaredField("domTree");
    field.setAccessible(true);
    DominatorTree tree = (DominatorTree) field.get(hprof);
    boolean quiet = arguments.length > 1;
    long count = 0;
    PrintStream out = new PrintStream(new BufferedOutputStream(System.out, 1 << 20));
    for (Iterator<Instance> all = heap.getAllInstancesIterator(); all.hasNext(); ) {
      Instance instance = all.next();
      if (instance instanceof ClassDumpInstance) continue;  // those between instances; all of them follow
      count++;
      if (!quiet) print(out, hprof, tree, instance.getInstanceId(), 'I', instance.getSize());
    }
    for (JavaClass javaClass : heap.getAllClasses()) {
      count++;
      if (quiet) continue;
      long id = javaClass.getJavaClassId();
      Instance instance = heap.getInstanceByID(id);
      print(out, hprof, tree, id, 'C', instance == null ? 0 : instance.getSize());
    }
    out.flush();
    System.err.println("seconds " + seconds + " objects " + count);
  }
}
