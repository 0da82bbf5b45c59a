package io.dtm4j.store.sql;

import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

/**
 * Changes that go to the database one after another, several with each packet where it takes them
 * so: what a commit waits for is round trips. Not thread-safe.
 */
final class Statements {
  /** Bytes of one packet, about; a statement that is larger than that goes alone. */
  private static final long MOST_BYTES = 1 << 20;

  private static final int ANY = -1;

  private final Session session;
  private final List<Statement> all = new ArrayList<>();

  /** Gives a statement its parameters. */
  interface Parameters {
    void write(Prepared to) throws SQLException;
  }

  /**
   * A statement.
   *
   * @param bytes of what it is given, about
   * @param rows that it has to find, or {@link #ANY}
   */
  private record Statement(String sql, long bytes, int rows, Parameters parameters) {
    long size() {
      return sql.length() + bytes;
    }

    boolean isContent(int found) {
      return rows == ANY || rows == found;
    }
  }

  Statements(Session session) {
    this.session = session;
  }

  Session session() {
    return session;
  }

  /**
   * Adds one.
   *
   * @param bytes of what it is given, about
   */
  void add(String sql, long bytes, Parameters parameters) {
    all.add(new Statement(sql, bytes, ANY, parameters));
  }

  /** Adds one that has to find so many rows, changed or not. */
  void addFinding(int rows, String sql, long bytes, Parameters parameters) {
    all.add(new Statement(sql, bytes, rows, parameters));
  }

  /**
   * Sends them all.
   *
   * @return whether each has found what it has to; if not some have not been sent
   */
  boolean run() throws SQLException {
    for (int from = 0; from < all.size(); ) {
      int to = packetFrom(from);
      if (!run(all.subList(from, to))) {
        return false;
      }
      from = to;
    }
    return true;
  }

  private int packetFrom(int from) {
    int to = from + 1;
    if (!session.dialect().keepsStatements()) {
      for (long bytes = all.get(from).size(); to < all.size(); to++) {
        bytes += all.get(to).size();
        if (bytes > MOST_BYTES) {
          break;
        }
      }
    }
    return to;
  }

  private boolean run(List<Statement> packet) throws SQLException {
    String sql = String.join("; ", packet.stream().map(Statement::sql).toList());
    try (Prepared prepared = session.prepare(sql)) {
      for (Statement statement : packet) {
        statement.parameters.write(prepared);
      }
      int[] found = prepared.updates(packet.size());
      for (int i = 0; i < found.length; i++) {
        if (!packet.get(i).isContent(found[i])) {
          return false;
        }
      }
      return true;
    }
  }
}
