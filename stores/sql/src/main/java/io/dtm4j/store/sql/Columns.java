package io.dtm4j.store.sql;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.ZoneOffset;
import org.jspecify.annotations.Nullable;

/** Rows of a result, whose columns are read one after another. Not thread-safe. */
final class Columns implements AutoCloseable {
  private final ResultSet rows;
  private final Dialect dialect;
  private final Form form;
  private int index;

  Columns(ResultSet rows, Dialect dialect, Form form) {
    this.rows = rows;
    this.dialect = dialect;
    this.form = form;
  }

  /** Goes to the next row, and its first column. */
  boolean next() throws SQLException {
    index = 0;
    return rows.next();
  }

  /** Goes on behind so many columns. */
  Columns skip(int columns) {
    index += columns;
    return this;
  }

  /** Goes back to the first column. */
  void rewind() {
    index = 0;
  }

  /** Text; what is null counts as "". */
  String text() throws SQLException {
    String text = rows.getString(++index);
    return text == null ? "" : text;
  }

  long number() throws SQLException {
    return rows.getLong(++index);
  }

  /** A number, or null. */
  @Nullable Long numberOrNull() throws SQLException {
    long number = rows.getLong(++index);
    return rows.wasNull() ? null : number;
  }

  byte @Nullable [] bytes() throws SQLException {
    return rows.getBytes(++index);
  }

  /** The database's own clock, which is in UTC. */
  Instant now() throws SQLException {
    Instant now = dialect.getTime(rows, ++index, ZoneOffset.UTC);
    if (now == null) {
      throw new BrokenRowException("the database has no time", null);
    }
    return now;
  }

  @Nullable Instant time() throws SQLException {
    return dialect.getTime(rows, ++index, form.zone());
  }

  /**
   * A time that has to be there.
   *
   * @throws BrokenRowException when it is not
   */
  Instant requiredTime() throws SQLException {
    Instant time = time();
    if (time == null) {
      throw new BrokenRowException("a time is missing in column " + index, null);
    }
    return time;
  }

  @Override
  public void close() throws SQLException {
    rows.close();
  }
}
