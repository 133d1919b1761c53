import java.lang.ref.*;
import java.util.*;

/** Weak, soft and phantom references, some shared with strong ones, cleaners, finalizers, weak maps, thread locals. */
@SuppressWarnings({"deprecation", "removal"})
public final class References {
  static final List<Object> KEPT = new ArrayList<>();
  static final ReferenceQueue<Object> QUEUE = new ReferenceQueue<>();
  static final class Finalized {
    final byte[] bytes = new byte[100];
    @Override protected void finalize() throws InterruptedException { Thread.sleep(Long.MAX_VALUE); }
  }
  static final class Named extends WeakReference<Object> {
    final String name;
    Named(Object referent, String name) { super(referent, QUEUE); this.name = name; }
  }

  public static void main(String[] arguments) throws Exception {
    Map<Object, Object> weak = new WeakHashMap<>();
    ThreadLocal<Object> local = ThreadLocal.withInitial(() -> new int[100]);
    local.get();
    for (int i = 0; i < 3000; i++) {
      Object[] value = {new byte[i % 50], "value " + i};
      KEPT.add(new SoftReference<>(value));
      if (i % 2 == 0) KEPT.add(value);
      KEPT.add(new Named(value[0], "name " + i));
      KEPT.add(new PhantomReference<>(value, QUEUE));
      weak.put(value, value[1]);
      if (i % 10 == 0) new Finalized();
      if (i % 11 == 0) KEPT.add(new Finalized());
      if (i % 13 == 0) Cleaner.create().register(value, () -> {});
    }
    KEPT.add(weak);
    KEPT.add(local);
    System.gc();
    System.out.println("ready");
    Thread.sleep(Long.MAX_VALUE);
  }
}
