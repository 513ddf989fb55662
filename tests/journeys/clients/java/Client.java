import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Properties;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.copy.CopyManager;

/** pgjdbc in each of its query modes. Prints what it was told, so that two servers can be compared. */
public class Client {
    public static void main(String[] arguments) throws Exception {
        for (String mode : new String[] {"simple", "extended", "extendedForPrepared", "extendedCacheEverything"}) {
            System.out.println("== " + mode);
            converse(mode);
        }
    }

    static Connection connect(String mode, String... more) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", System.getenv("PGUSER"));
        if (System.getenv("PGPASSWORD") != null) {
            properties.setProperty("password", System.getenv("PGPASSWORD"));
        }
        properties.setProperty("preferQueryMode", mode);
        for (int at = 0; at < more.length; at += 2) {
            properties.setProperty(more[at], more[at + 1]);
        }
        return DriverManager.getConnection("jdbc:postgresql://" + System.getenv("PGHOST") + ":"
            + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE"), properties);
    }

    static void show(String what, ResultSet rows) throws SQLException {
        ResultSetMetaData columns = rows.getMetaData();
        StringBuilder text = new StringBuilder(what);
        while (rows.next()) {
            text.append(" [");
            for (int at = 1; at <= columns.getColumnCount(); at++) {
                Object value = rows.getObject(at);
                text.append(at == 1 ? "" : ", ").append(value instanceof byte[] bytes ? Arrays.toString(bytes) : value);
            }
            text.append(']');
        }
        System.out.println(text);
    }

    static String failure(String sql, Statement statement) throws SQLException {
        try {
            statement.execute(sql);
            return "no failure";
        } catch (SQLException problem) {
            return problem.getSQLState() + " " + problem.getMessage().lines().findFirst().orElse("");
        }
    }

    static void converse(String mode) throws Exception {
        try (Connection connection = connect(mode)) {
            statements(connection);
            transactions(connection);
            copies(connection);
            denials(connection);
            describes(connection.getMetaData());
            try (Statement statement = connection.createStatement()) {
                statement.execute("drop table kept");
            }
        }
        try (Connection connection = connect(mode, "readOnly", "true", "readOnlyMode", "always",
                "reWriteBatchedInserts", "true", "prepareThreshold", "1", "binaryTransfer", "true",
                "ApplicationName", "journey", "assumeMinServerVersion", "15")) {
            try (Statement statement = connection.createStatement()) {
                System.out.println("read only " + failure("create table never (id int)", statement));
                show("application", statement.executeQuery("select current_setting('application_name')"));
            }
        }
    }

    static void statements(Connection connection) throws SQLException {
        try (PreparedStatement byId = connection.prepareStatement("select name, email from customers where id = ?")) {
            for (int id = 1; id <= 8; id++) {
                byId.setInt(1, id);
                show("prepared", byId.executeQuery());
            }
            System.out.println("columns " + byId.getMetaData().getColumnTypeName(1));
        }
        try (PreparedStatement values = connection.prepareStatement("select ?::int, ?::text, ?::int[], ?::jsonb::text,"
                + " ?::bytea, ?::numeric, ?::timestamptz, ?::uuid, ?::text, ?::bool")) {
            values.setInt(1, 7);
            values.setNull(2, Types.VARCHAR);
            values.setArray(3, connection.createArrayOf("int4", new Integer[] {1, 2, null}));
            values.setString(4, "{\"a\": [1]}");
            values.setBytes(5, new byte[] {0, -1, 39});
            values.setBigDecimal(6, new BigDecimal("12.50"));
            values.setObject(7, OffsetDateTime.of(2026, 1, 2, 3, 4, 5, 678000, ZoneOffset.UTC));
            values.setObject(8, new UUID(0, 5));
            values.setString(9, "naïve — 'quoted' \\ ?");
            values.setBoolean(10, true);
            for (int times = 0; times < 7; times++) {
                show("values", values.executeQuery());
            }
        }
        try (Statement statement = connection.createStatement()) {
            statement.execute("create table kept (id serial primary key, name text)");
            try (PreparedStatement insert = connection.prepareStatement("insert into kept (name) values (?)",
                    Statement.RETURN_GENERATED_KEYS)) {
                for (int n = 0; n < 300; n++) {
                    insert.setString(1, "name " + n);
                    insert.addBatch();
                }
                System.out.println("batch " + Arrays.stream(insert.executeBatch()).sum());
                insert.setString(1, "alone");
                insert.execute();
                show("key", insert.getGeneratedKeys());
            }
            statement.addBatch("update kept set name = 'x' where id = 1");
            statement.addBatch("select 1 / 0");
            statement.addBatch("update kept set name = 'y' where id = 1");
            try {
                statement.executeBatch();
            } catch (BatchUpdateException problem) {
                System.out.println("batch failed " + Arrays.toString(problem.getUpdateCounts()) + problem.getSQLState());
            }
            statement.execute("select 1; select 2; update kept set name = 'z' where id = 2");
            show("first of many", statement.getResultSet());
            statement.getMoreResults();
            show("second of many", statement.getResultSet());
            System.out.println("third " + statement.getMoreResults() + statement.getUpdateCount());
            show("escapes", statement.executeQuery("select {fn concat('a', 'b')}, {d '2026-01-02'}"));
        }
    }

    static void transactions(Connection connection) throws Exception {
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            Savepoint here = connection.setSavepoint("here");
            System.out.println("failed " + failure("select 1 / 0", statement));
            System.out.println("aborted " + failure("select 1", statement));
            connection.rollback(here);
            System.out.println("deleted " + statement.executeUpdate("delete from kept where id > 200"));
            connection.rollback();
            statement.setFetchSize(70);
            ResultSet rows = statement.executeQuery("select id from orders order by id");
            int sum = 0;
            while (rows.next()) {
                sum += rows.getInt(1);
            }
            System.out.println("fetched " + sum);
            connection.commit();
            connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
            System.out.println("isolation " + connection.getTransactionIsolation());
            connection.commit();
            connection.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
            connection.commit();
        }
        try (Statement scrolling = connection.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE)) {
            ResultSet rows = scrolling.executeQuery("select id, name from kept order by id");
            rows.absolute(3);
            rows.updateString("name", "changed");
            rows.updateRow();
            System.out.println("updated " + rows.getString(2));
            connection.commit();
        }
        connection.setAutoCommit(true);
        try (Statement slow = connection.createStatement()) {
            slow.setQueryTimeout(1);
            System.out.println("timed out " + failure("select pg_sleep(30)", slow));
        }
        var timer = Executors.newSingleThreadScheduledExecutor();
        try (Statement slow = connection.createStatement()) {
            timer.scheduleAtFixedRate(() -> {
                try {
                    slow.cancel();
                } catch (SQLException problem) {
                    System.out.println("not cancelled " + problem);
                }
            }, 200, 200, TimeUnit.MILLISECONDS);
            System.out.println("cancelled " + failure("select pg_sleep(30)", slow));
            timer.shutdown();
            timer.awaitTermination(10, TimeUnit.SECONDS);
        }
        try (Statement statement = connection.createStatement()) {
            statement.execute("listen news");
            statement.execute("notify news, 'hello'");
            for (PGNotification note : connection.unwrap(PGConnection.class).getNotifications(10_000)) {
                System.out.println("heard " + note.getName() + " " + note.getParameter());
            }
            statement.execute("unlisten *");
        }
    }

    static void copies(Connection connection) throws Exception {
        CopyManager copies = connection.unwrap(PGConnection.class).getCopyAPI();
        System.out.println("copied " + copies.copyIn("copy kept (id, name) from stdin with (format csv)",
            new StringReader("1000,a\n1001,\"b, c\"\n")));
        StringWriter out = new StringWriter();
        System.out.println("copied out " + copies.copyOut("copy (select * from kept where id >= 1000 order by id) to stdout", out) + out);
        try {
            copies.copyIn("copy kept from stdin", new StringReader("no number\n"));
        } catch (SQLException problem) {
            System.out.println("refused data " + problem.getSQLState());
        }
    }

    static void denials(Connection connection) throws SQLException {
        try (PreparedStatement salary = connection.prepareStatement("select salary from payroll where id = ?");
                Statement statement = connection.createStatement()) {
            for (int id = 1; id <= 2; id++) {
                try {
                    salary.setInt(1, id);
                    salary.executeQuery();
                } catch (SQLException problem) {
                    System.out.println("denied " + problem.getSQLState() + " " + problem.getMessage().lines().findFirst().orElse(""));
                }
                show("goes on", statement.executeQuery("select 8"));
            }
            statement.addBatch("update kept set name = 'batched' where id = 3");
            statement.addBatch("select salary from payroll");
            statement.addBatch("update kept set name = 'batched' where id = 4");
            try {
                statement.executeBatch();
            } catch (BatchUpdateException problem) {
                System.out.println("batch denied " + problem.getSQLState());
            }
            show("batched", statement.executeQuery("select count(*) from kept where name = 'batched'"));
        }
        System.out.println("valid " + connection.isValid(5));
    }

    static void describes(DatabaseMetaData metadata) throws SQLException {
        show("tables", metadata.getTables(null, "public", "%", new String[] {"TABLE"}));
        try (ResultSet rows = metadata.getColumns(null, "public", "customers", "%")) {
            while (rows.next()) {
                System.out.println("column " + rows.getString("COLUMN_NAME") + " " + rows.getString("TYPE_NAME") + rows.getInt("NULLABLE"));
            }
        }
        show("key", metadata.getPrimaryKeys(null, "public", "orders"));
        show("imported", metadata.getImportedKeys(null, "public", "orders"));
        try (ResultSet rows = metadata.getIndexInfo(null, "public", "orders", false, true)) {
            while (rows.next()) {
                System.out.println("index " + rows.getString("INDEX_NAME"));
            }
        }
        var schemas = new TreeSet<String>();
        try (ResultSet rows = metadata.getSchemas()) {
            while (rows.next()) {
                schemas.add(rows.getString(1));
            }
        }
        System.out.println("schemas " + schemas + " " + metadata.getTypeInfo().next() + metadata.getFunctions(null, "pg_catalog", "lower").next());
    }
}
