import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;

/** HSQLDB (Debian's libhsqldb-java) with tables, indexes and an open transaction, all in memory. */
public final class Database {
  static Connection connection;
  static ResultSet open;

  public static void main(String[] arguments) throws Exception {
    connection = DriverManager.getConnection("jdbc:hsqldb:mem:shop", "SA", "");
    try (Statement statement = connection.createStatement()) {
      statement.execute("CREATE TABLE customer (id INTEGER PRIMARY KEY, name VARCHAR(40), city VARCHAR(20))");
      statement.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customer, cents DECIMAL(12,2), note VARCHAR(200))");
      statement.execute("CREATE INDEX by_city ON customer (city)");
      statement.execute("CREATE VIEW large AS SELECT c.name, o.cents FROM customer c JOIN orders o ON o.customer = c.id WHERE o.cents > 500");
    }
    try (PreparedStatement customer = connection.prepareStatement("INSERT INTO customer VALUES (?, ?, ?)");
         PreparedStatement order = connection.prepareStatement("INSERT INTO orders VALUES (?, ?, ?, ?)")) {
      for (int i = 0; i < 2000; i++) {
        customer.setInt(1, i);
        customer.setString(2, "customer " + i * 7919 % 2000);
        customer.setString(3, "city " + i % 37);
        customer.execute();
        for (int k = 0; k < 3; k++) {
          order.setInt(1, 3 * i + k);
          order.setInt(2, i);
          order.setBigDecimal(3, new java.math.BigDecimal(i % 1000).movePointLeft(k));
          order.setString(4, k == 0 ? null : "note " + i);
          order.execute();
        }
      }
    }
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      statement.execute("UPDATE orders SET cents = cents + 1 WHERE customer < 300");  // neither committed nor rolled back
    }
    open = connection.createStatement().executeQuery("SELECT city, COUNT(*), SUM(cents) FROM customer JOIN orders ON customer.id = orders.customer GROUP BY city ORDER BY 3");
    open.next();
    System.out.println("ready");
    Thread.sleep(Long.MAX_VALUE);
  }
}
