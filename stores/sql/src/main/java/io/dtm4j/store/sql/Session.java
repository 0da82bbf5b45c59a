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

  /** Marks for the members of a list; {@link Prepared#texts} fills them. */
  String marks(int members) {
    return "(" + String.join(", ", Collections.nCopies(dialect.places(members), "?")) + ")";
  }
}
