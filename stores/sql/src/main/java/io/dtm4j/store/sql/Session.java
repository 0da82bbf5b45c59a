package io.dtm4j.store.sql;

import java.sql.Connection;
import java.sql.SQLException;

/** A connection while it is used for one thing. */
record Session(Connection connection, Dialect dialect, Form form) {
  /** A statement whose parameters come one after another. */
  Prepared prepare(String sql) throws SQLException {
    return new Prepared(connection.prepareStatement(sql), dialect, form);
  }

  /** As {@link Dialect#marks}. */
  String marks(int members) {
    return dialect.marks(members);
  }
}
