import java.util.*;
import java.util.concurrent.*;

/** Collections of all kinds, enums, strings of both widths, boxed values, arrays of arrays. */
public final class Collections {
  enum Colour { RED, GREEN }
  static final Map<String, Object> KEPT = new HashMap<>();

  public static void main(String[] arguments) throws Exception {
    LinkedList<String> linked = new LinkedList<>();
    for (int i = 0; i < 20000; i++) linked.add("item " + i);
    KEPT.put("linked", linked);
    KEPT.put("tree", new TreeMap<>(Map.of("a", 1, "b", 2, "c", 3)));
    ConcurrentHashMap<Integer, long[]> concurrent = new ConcurrentHashMap<>();
    for (int i = 0; i < 20000; i++) concurrent.put(i, new long[i % 7]);
    KEPT.put("concurrent", concurrent);
    ArrayDeque<Object> deque = new ArrayDeque<>();
    for (int i = 0; i < 5000; i++) deque.add(i % 3 == 0 ? linked.get(i) : new double[i % 5]);
    KEPT.put("deque", deque);
    KEPT.put("skip list", new ConcurrentSkipListMap<>(concurrent));
    KEPT.put("cube", new int[20][30][40]);
    KEPT.put("identity", new IdentityHashMap<>(KEPT));
    KEPT.put("colour", EnumSet.allOf(Colour.class));
    KEPT.put("wide", "gr\u00fcn \u20ac \ud83d\ude00");
    KEPT.put("itself", KEPT);
    Thread.currentThread().setName("collections");
    System.out.println("ready");
    Thread.sleep(Long.MAX_VALUE);
  }
}
