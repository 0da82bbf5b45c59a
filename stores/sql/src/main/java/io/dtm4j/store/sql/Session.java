package io.dtm4j.store.sql;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.Collections;

/** A connection while it is used for one thing. */
record Session(Connection connection, Dialect dialect, Form form) {
  /** A statement whose parameters come one after another. */
  Prepared prepare(String sql) throws SQLException {
    return new Prepared(connection.prepareStatement(sql), dialect, form);
  }

  /**
   * As many marks as a list has members, or some more, so that there are few different statements;
   * {@link Prepared#texts} fills them.
   */
  static String marks(int members) {
    return "(" + String.join(", ", Collections.nCopies(places(members), "?")) + ")";
  }

  /** How many marks there are for so many members. */
  static int places(int members) {
    int places = 1;
    while (places < members) {
      places *= 2;
    }
    return places;
  }
}
