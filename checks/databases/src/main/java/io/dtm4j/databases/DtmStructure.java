package io.dtm4j.databases;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/** What a database says of the three tables of a DTM (docs/spec/storage.md 3), to the last word. */
public final class DtmStructure {
  private static final List<String> TABLES = List.of("trans_global", "trans_branch_op", "kv");
  private static final String MINE =
      " where table_name in ('trans_global', 'trans_branch_op', 'kv') and table_schema = %s"
          + " order by 1, 2, 3, 4";

  private DtmStructure() {}

  /**
   * The structure of those in the database, or schema, of a connection to MariaDB or PostgreSQL.
   */
  public static List<String> of(Connection connection) throws SQLException {
    var all = new ArrayList<String>();
    if (connection.getMetaData().getDatabaseProductName().equals("PostgreSQL")) {
      String mine = MINE.formatted("current_schema()");
      read(connection, "select * from information_schema.columns" + mine, all);
      read(
          connection,
          "select indexname, indexdef from pg_indexes where tablename in"
              + " ('trans_global', 'trans_branch_op', 'kv') order by indexname",
          all);
      read(
          connection,
          "select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid in"
              + " ('trans_global'::regclass, 'trans_branch_op'::regclass, 'kv'::regclass)"
              + " order by conname",
          all);
      read(connection, "select * from information_schema.sequences order by sequence_name", all);
    } else {
      String mine = MINE.formatted("database()");
      for (String table : TABLES) {
        read(connection, "show create table " + table, all);
      }
      // What an insert counts on with is no structure.
      all.replaceAll(row -> row.replaceAll(" AUTO_INCREMENT=\\d+", ""));
      read(connection, "select * from information_schema.columns" + mine, all);
      read(
          connection,
          "select table_name, index_name, seq_in_index, column_name, collation, non_unique"
              + " from information_schema.statistics"
              + mine,
          all);
    }
    return List.copyOf(all);
  }

  private static void read(Connection connection, String select, List<String> all)
      throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(select)) {
      while (rows.next()) {
        var row = new ArrayList<String>();
        for (int i = 1; i <= rows.getMetaData().getColumnCount(); i++) {
          row.add(String.valueOf(rows.getString(i)));
        }
        all.add(String.join("|", row));
      }
    }
  }
}
