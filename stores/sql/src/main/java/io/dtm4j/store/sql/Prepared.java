package io.dtm4j.store.sql;

import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A prepared statement whose parameters are given one after another. Not thread-safe. */
final class Prepared implements AutoCloseable {
  private final PreparedStatement statement;
  private final Dialect dialect;
  private final Form form;
  private int index;

  Prepared(PreparedStatement statement, Dialect dialect, Form form) {
    this.statement = statement;
    this.dialect = dialect;
    this.form = form;
  }

  /**
   * @throws UnstorableException when no column can hold it
   */
  Prepared text(String text) throws SQLException {
    if (!Texts.isStorable(text)) {
      throw new UnstorableException("text with a character that no database keeps");
    }
    statement.setString(++index, text);
    return this;
  }

  /**
   * @param text null: none
   */
  Prepared textOrNull(@Nullable String text) throws SQLException {
    if (text != null) {
      return text(text);
    }
    statement.setNull(++index, Types.VARCHAR);
    return this;
  }

  /** All of a list, for {@link Session#marks}; the last stands for those that are too many. */
  Prepared texts(List<String> texts) throws SQLException {
    for (int i = 0; i < dialect.places(texts.size()); i++) {
      text(texts.get(Math.min(i, texts.size() - 1)));
    }
    return this;
  }

  /** All of a list, as {@link #texts}. */
  Prepared numbers(List<Long> numbers) throws SQLException {
    for (int i = 0; i < dialect.places(numbers.size()); i++) {
      number(numbers.get(Math.min(i, numbers.size() - 1)));
    }
    return this;
  }

  Prepared number(long number) throws SQLException {
    statement.setLong(++index, number);
    return this;
  }

  /** A number where PostgreSQL takes no large one. */
  Prepared integer(int number) throws SQLException {
    statement.setInt(++index, number);
    return this;
  }

  /**
   * @param number null: none
   */
  Prepared numberOrNull(@Nullable Long number) throws SQLException {
    if (number != null) {
      return number(number);
    }
    statement.setNull(++index, Types.BIGINT);
    return this;
  }

  /**
   * A time, as far as columns hold it.
   *
   * @throws UnstorableException when it is no time of a calendar
   */
  Prepared time(@Nullable Instant time) throws SQLException {
    dialect.setTime(
        statement, ++index, time == null ? null : form.times().stored(time), form.zone());
    return this;
  }

  /**
   * @param bytes null: none
   */
  Prepared bytes(byte @Nullable [] bytes) throws SQLException {
    statement.setBytes(++index, bytes);
    return this;
  }

  Columns query() throws SQLException {
    return new Columns(statement.executeQuery(), dialect, form);
  }

  /** The number of rows that were found, changed or not. */
  int update() throws SQLException {
    return statement.executeUpdate();
  }

  /** The same of each of so many statements in one. */
  int[] updates(int statements) throws SQLException {
    statement.execute();
    var counts = new int[statements];
    for (int i = 0; i < statements; i++) {
      counts[i] = statement.getUpdateCount();
      statement.getMoreResults();
    }
    return counts;
  }

  /** The parameters are complete; what follows is for the next one. */
  void add() throws SQLException {
    statement.addBatch();
    index = 0;
  }

  /** Sends all that was added; the number of rows that each has found. */
  int[] updateAll() throws SQLException {
    return statement.executeBatch();
  }

  @Override
  public void close() throws SQLException {
    statement.close();
  }
}
