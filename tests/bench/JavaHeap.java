import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.SplittableRandom;
import java.util.TreeMap;

/**
 * A heap as a program of ours would have it, in which most references lead to neighbours and some far away: customers in a HashMap
 * by name, each with an address, strings and a list of orders, orders in a TreeMap by number. About 18 objects a customer, 3.3
 * references and 65 bytes of dump an object.
 *   java -Xmx3g JavaHeap.java OBJECTS OUT.hprof      prints how many customers there are, and how long the dump took
 */
public final class JavaHeap {
  static final class Region {
    String name;
    ArrayList<Customer> largest = new ArrayList<>();
  }
  static final class Address {
    String street, city;
    Region region;
    Customer owner;
    Address before, neighbour;
    int number, zip;
  }
  static final class Order {
    Customer customer;
    Product product;
    Address shipTo;
    Order before, after;
    State state;
    long cents;
    int pieces;
  }
  static final class Product {
    String name;
    Product similar;
    long cents;
  }
  enum State { NEW, PAID, SENT, DONE }
  static final class Customer {
    String name;
    Address address;
    ArrayList<Order> orders;
    Customer before, after, recommendedBy;
    Region region;
    Order last;
    long since;
  }

  static HashMap<String, Customer> customers = new HashMap<>();
  static TreeMap<Long, Order> orders = new TreeMap<>();
  static ArrayList<Product> products = new ArrayList<>();
  static ArrayList<Region> regions = new ArrayList<>();

  public static void main(String[] arguments) throws Exception {
    long wanted = Long.parseLong(arguments[0]);
    SplittableRandom random = new SplittableRandom(1);
    State[] states = State.values();
    for (int i = 0; i < 50; i++) {
      Region region = new Region();
      region.name = "region " + i;
      regions.add(region);
    }
    for (int i = 0; i < 20_000; i++) {
      Product product = new Product();
      product.name = "product " + Integer.toHexString(random.nextInt());
      product.similar = products.isEmpty() ? null : products.get(random.nextInt(products.size()));
      product.cents = random.nextInt(100_000);
      products.add(product);
    }
    ArrayList<Customer> recent = new ArrayList<>();  // whom people know: most are recent ones, some anybody
    Customer before = null;
    Order lastOrder = null;
    long made = 60_000, order = 0, count = 0;
    while (made < wanted) {
      Customer c = new Customer();
      c.name = "customer " + Long.toString(random.nextLong() >>> 20, 36);
      c.since = count;
      c.region = regions.get(random.nextInt(random.nextInt(regions.size()) + 1));
      c.before = before;
      if (before != null) before.after = c;
      Address address = new Address();
      address.street = random.nextInt(1000) + " street of " + count;
      address.city = c.region.name;
      address.region = c.region;
      address.owner = c;
      address.neighbour = before == null ? null : before.address;
      address.number = random.nextInt();
      c.address = address;
      c.orders = new ArrayList<>();
      int bought = random.nextInt(random.nextInt(12) + 1) + 1;
      for (int i = 0; i < bought; i++) {
        Order o = new Order();
        o.customer = c;
        o.product = products.get(random.nextInt(random.nextInt(products.size()) + 1));
        o.shipTo = random.nextInt(8) == 0 && before != null ? before.address : address;
        o.before = lastOrder;
        if (lastOrder != null) lastOrder.after = o;
        o.state = states[random.nextInt(4)];
        o.cents = random.nextLong();
        c.orders.add(o);
        c.last = lastOrder = o;
        orders.put(order++, o);
        made += 3;
      }
      if (recent.size() < 1000) recent.add(c);
      else recent.set(random.nextInt(1000), c);
      if (random.nextInt(3) != 0) c.recommendedBy = recent.get(random.nextInt(recent.size()));
      if (random.nextInt(2000) == 0) c.region.largest.add(c);
      customers.put(c.name, c);
      made += 9;
      before = c;
      count++;
    }
    var diagnostics = ManagementFactory.newPlatformMXBeanProxy(ManagementFactory.getPlatformMBeanServer(),
        "com.sun.management:type=HotSpotDiagnostic", com.sun.management.HotSpotDiagnosticMXBean.class);
    long begin = System.nanoTime();
    diagnostics.dumpHeap(arguments[1], true);
    System.out.printf("%d customers, %d orders, dumped in %.1f s%n", count, order, (System.nanoTime() - begin) / 1e9);
  }
}
