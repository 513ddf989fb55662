import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;

/** pgjdbc with autoCommit off under a rule that reads what the server expects: BEGIN comes with the first statement. */
public class Estimate {
    public static void main(String[] arguments) throws Exception {
        for (String mode : new String[] {"simple", "extended", "extendedForPrepared", "extendedCacheEverything"}) {
            for (String autosave : new String[] {"never", "always"}) {
                Properties properties = new Properties();
                properties.setProperty("user", System.getenv("PGUSER"));
                properties.setProperty("preferQueryMode", mode);
                properties.setProperty("autosave", autosave);
                String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/"
                    + System.getenv("PGDATABASE");
                try (Connection connection = DriverManager.getConnection(url, properties)) {
                    connection.setAutoCommit(false);
                    converse(connection);
                    connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
                    connection.setReadOnly(true);
                    check(body(connection, 3).equals("body 3"), "a serializable transaction that only reads");
                    connection.commit();
                }
            }
        }
        System.out.println("every mode");
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new IllegalStateException(what);
        }
    }

    static String body(Connection connection, int id) throws SQLException {
        try (PreparedStatement select = connection.prepareStatement("select body from big where id = ?")) {
            select.setInt(1, id);
            try (ResultSet rows = select.executeQuery()) {
                check(rows.next(), "a row");
                return rows.getString(1);
            }
        }
    }

    static void converse(Connection connection) throws SQLException {
        // From the fifth on it is prepared.
        for (int id = 1; id <= 8; id++) {
            check(body(connection, id).equals("body " + id), "the first statement of a transaction");
            connection.commit();
        }
        for (String refused : new String[] {"select * from big", "update big set body = ''", "delete from big"}) {
            try (Statement statement = connection.createStatement()) {
                statement.execute(refused);
                throw new IllegalStateException("it was not refused: " + refused);
            } catch (SQLException problem) {
                check(problem.getSQLState().equals("42501"), problem.toString());
                check(problem.getMessage().contains("reads too much"), problem.toString());
            }
            connection.rollback();
        }
        try (Statement statement = connection.createStatement()) {
            check(statement.executeUpdate("insert into payroll values (900, 1)") == 1, "a write");
            try {
                statement.executeQuery("select id from big where id > 1");
                throw new IllegalStateException("it was not refused");
            } catch (SQLException problem) {
                check(problem.getMessage().contains("reads too much"), problem.toString());
            }
            connection.rollback();
            try (ResultSet rows = statement.executeQuery("select count(*) from payroll where id = 900")) {
                check(rows.next() && rows.getInt(1) == 0, "what was refused took the write with it");
            }
            connection.commit();
            statement.setFetchSize(2);
            try (ResultSet rows = statement.executeQuery("select id from big where id < 6 order by id limit 5")) {
                int all = 0;
                while (rows.next()) {
                    all += rows.getInt(1);
                    check(body(connection, 40 + all).equals("body " + (40 + all)), "a statement beside a cursor");
                }
                check(all == 15, "rows by twos");
            }
            connection.commit();
        }
        try (PreparedStatement insert = connection.prepareStatement("update big set kind = ? where id = ?")) {
            for (int id = 1; id <= 20; id++) {
                insert.setString(1, "often");
                insert.setInt(2, id);
                insert.addBatch();
            }
            check(insert.executeBatch().length == 20, "a batch");
        }
        connection.commit();
    }
}
