import com.sun.net.httpserver.HttpServer;
import java.lang.ref.WeakReference;
import java.net.*;
import java.net.http.*;
import java.util.*;
import java.util.concurrent.*;

/** A web server on the loopback with a pool of threads, a session cache of weak references, timers; after 200 requests. */
public final class Server {
  static final Map<String, WeakReference<Object[]>> SESSIONS = new ConcurrentHashMap<>();
  static final Deque<Object[]> RECENT = new ConcurrentLinkedDeque<>();

  public static void main(String[] arguments) throws Exception {
    HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    ExecutorService pool = Executors.newFixedThreadPool(8);
    server.setExecutor(pool);
    server.createContext("/", exchange -> {
      Object[] session = {exchange.getRequestURI().toString(), new HashMap<>(Map.of("k", new byte[500]))};
      SESSIONS.put(exchange.getRequestURI().toString(), new WeakReference<>(session));
      RECENT.add(session);
      if (RECENT.size() > 50) RECENT.poll();
      byte[] answer = "hello".getBytes();
      exchange.sendResponseHeaders(200, answer.length);
      exchange.getResponseBody().write(answer);
      exchange.close();
    });
    server.start();
    ScheduledExecutorService timers = Executors.newScheduledThreadPool(2);
    for (int i = 0; i < 20; i++) timers.schedule(() -> RECENT.clear(), 100 + i, TimeUnit.DAYS);
    HttpClient client = HttpClient.newHttpClient();
    for (int i = 0; i < 200; i++)
      client.send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/s" + i)).build(),
          HttpResponse.BodyHandlers.ofString());
    CountDownLatch never = new CountDownLatch(1);
    for (int i = 0; i < 10; i++) {
      int number = i;
      Thread thread = new Thread(() -> { Object[] local = {new int[1000 + number]}; synchronized (local) { try { never.await(); } catch (InterruptedException e) { RECENT.add(local); } } }, "worker " + i);
      thread.setDaemon(true);
      thread.start();
    }
    System.out.println("ready");
    never.await();
  }
}
