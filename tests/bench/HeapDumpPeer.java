// As many live objects of 64 B as dump_bench has, and a probe thread whose longest gap is the pause of a heap dump.
//   java -Xms3g -Xmx3g HeapDumpPeer.java OBJECTS     prints "ready", then "gap MILLISECONDS" for every gap over 50 ms
public final class HeapDumpPeer {
  static final class Node {
    Node a, b, c;
    long w0, w1, w2, w3, w4;  // 12 B header, 3 references of 4 B, 5 longs: 64 B
  }

  static volatile Object keep;

  public static void main(String[] arguments) throws Exception {
    int count = Integer.parseInt(arguments[0]);
    Node[] nodes = new Node[count];
    for (int i = 0; i < count; i++) nodes[i] = new Node();
    java.util.SplittableRandom random = new java.util.SplittableRandom(1);
    for (Node node : nodes) {
      node.a = nodes[random.nextInt(count)];
      node.b = nodes[random.nextInt(count)];
    }
    keep = nodes;
    System.gc();
    System.out.println("ready");
    System.out.flush();
    long last = System.nanoTime();
    while (true) {
      Thread.sleep(1);
      long now = System.nanoTime();
      if (now - last > 50_000_000L) {
        System.out.println("gap " + (now - last) / 1_000_000L);
        System.out.flush();
      }
      last = now;
    }
  }
}
