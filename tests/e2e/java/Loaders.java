import java.net.*;
import java.nio.file.*;
import java.util.*;

/** The same class in 30 class loaders, half of them reachable through one of its instances only; lambdas and proxies. */
public final class Loaders {
  static final List<Object> KEPT = new ArrayList<>();
  public static class Loaded implements Runnable {
    static final Object[] TABLE = {new byte[1000], "table"};
    final Object[] own = new Object[10];
    @Override public void run() { KEPT.add(this); }
  }

  public static void main(String[] arguments) throws Exception {
    URL here = Loaders.class.getProtectionDomain().getCodeSource().getLocation();
    for (int i = 0; i < 30; i++) {
      URLClassLoader loader = new URLClassLoader(new URL[] {here}, ClassLoader.getPlatformClassLoader());
      Object loaded = loader.loadClass("Loaders$Loaded").getDeclaredConstructor().newInstance();
      KEPT.add(loaded);
      if (i % 2 == 0) KEPT.add(loader);
      final int number = i;
      KEPT.add((Runnable) () -> System.out.println(number + KEPT.size()));
      KEPT.add(java.lang.reflect.Proxy.newProxyInstance(Loaders.class.getClassLoader(), new Class<?>[] {Runnable.class, Comparable.class},
          (proxy, method, values) -> null));
    }
    System.out.println("ready");
    Thread.sleep(Long.MAX_VALUE);
  }
}
