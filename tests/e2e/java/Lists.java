/** A list 100,000 deep, a random graph, a complete bipartite one, arrays of a million elements. */
public final class Lists {
  static final class Node { Node next; Object value; }
  static Node list;
  static Object[] graph, bipartite, wide;
  static long[] longs = new long[1_000_000];
  static byte[] bytes = new byte[3_000_001];

  public static void main(String[] arguments) throws Exception {
    for (int i = 0; i < 100_000; i++) {
      Node node = new Node();
      node.next = list;
      if (i % 5 == 0) node.value = new int[i % 4];
      list = node;
    }
    java.util.SplittableRandom random = new java.util.SplittableRandom(1);
    Node[] nodes = new Node[30_000];
    for (int i = 0; i < nodes.length; i++) nodes[i] = new Node();
    for (Node node : nodes) {
      node.next = nodes[random.nextInt(nodes.length)];
      node.value = nodes[random.nextInt(nodes.length)];
    }
    graph = new Object[] {nodes[0], nodes[1], nodes[2]};
    bipartite = new Object[300];
    Object[] right = new Object[300];
    for (int i = 0; i < right.length; i++) right[i] = new Object();
    for (int i = 0; i < bipartite.length; i++) bipartite[i] = right.clone();
    wide = new Object[1_000_000];
    for (int i = 0; i < wide.length; i += 10) wide[i] = Integer.valueOf(i);
    nodes = null;
    right = null;
    System.out.println("ready");
    Thread.sleep(Long.MAX_VALUE);
  }
}
