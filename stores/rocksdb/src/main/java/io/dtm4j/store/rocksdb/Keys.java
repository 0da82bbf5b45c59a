package io.dtm4j.store.rocksdb;

import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.store.Cursors;
import java.time.Instant;
import java.util.Arrays;

/**
 * How rows are named. Transactions are numbered ({@link Numbers}) by type and in the order in which
 * they are stored, so that the rows that are written most lie side by side: half the cost of random
 * keys, in memory and in compactions. Walking backward through states gives the newest first.
 *
 * <pre>
 * gids          gid                                   its number
 * definitions   number (8 bytes)                      DefinitionRow, written once
 *               number, n (8 bytes)                   later rows, from row n on
 * states        number                                StateRow, written with each batch
 * rollbacks     status (1 byte), number               empty; those that are aborting or failed
 * due           seconds, nanos (8 bytes each), gid    DueRow
 * values        category 0xFF key                     KeyValueRow
 * (default)     text                                  see Database
 * </pre>
 *
 * No text holds the byte 0xFF, and all sort by {@link String#compareTo}. Not thread-safe.
 */
final class Keys {
  private static final int END_OF_TEXT = 0xFF;

  /** Bytes of a time in the due index. */
  private static final int TIME = 2 * Long.BYTES;

  private final RowWriter writer = new RowWriter();

  byte[] gid(Gid gid) {
    return writer.clear().units(gid.value()).copy();
  }

  byte[] number(long number) {
    return writer.clear().sorted(number).copy();
  }

  /** The number at the beginning of a key. */
  static long numberOf(byte[] key) {
    return new RowReader(key, 0).sorted();
  }

  /** The same key with another number at its beginning. */
  static byte[] renumbered(byte[] key, byte[] number) {
    byte[] other = key.clone();
    System.arraycopy(number, 0, other, 0, number.length);
    return other;
  }

  /** Where rows lie that were registered later, by the place of the first of them. */
  byte[] laterRows(long number, int first) {
    return writer.clear().sorted(number).sorted(first).copy();
  }

  /** The key of a transaction among those of that status. */
  byte[] rollback(GlobalStatus status, long number) {
    return writer.clear().code(StateRow.STATUSES.indexOf(status)).sorted(number).copy();
  }

  static long numberOfRollback(byte[] key) {
    return new RowReader(key, 1).sorted();
  }

  byte[] due(Instant time, Gid gid) {
    return time(writer.clear(), time).units(gid.value()).copy();
  }

  /** The first key behind that one. */
  byte[] behindDue(Instant time, Gid gid) {
    return time(writer.clear(), time).units(gid.value()).code(0).copy();
  }

  /** Sorts before all that is due at that time or later. */
  byte[] dueAt(Instant time) {
    return time(writer.clear(), time).copy();
  }

  private static RowWriter time(RowWriter writer, Instant time) {
    return writer.sorted(time.getEpochSecond()).sorted(time.getNano());
  }

  static Instant timeOfDue(byte[] key) {
    var reader = new RowReader(key, 0);
    long seconds = reader.sorted();
    return Instant.ofEpochSecond(seconds, reader.sorted());
  }

  static Gid gidOfDue(byte[] key) {
    return new Gid(new RowReader(key, TIME).rest());
  }

  byte[] value(String category, String key) {
    return writer.clear().units(category).code(END_OF_TEXT).units(key).copy();
  }

  /** Sorts before all keys of that category. */
  byte[] firstOf(String category) {
    return writer.clear().units(category).code(END_OF_TEXT).copy();
  }

  /** Sorts behind all keys of that category. */
  byte[] endOf(String category) {
    return writer.clear().units(category).code(END_OF_TEXT).code(END_OF_TEXT).copy();
  }

  /** The first key behind that value. */
  byte[] behindValue(Cursors.Name name) {
    return writer.clear().units(name.category()).code(END_OF_TEXT).units(name.key()).code(0).copy();
  }

  /** The name of the value with that key. */
  static Cursors.Name nameOfValue(byte[] key) {
    int end = 0;
    while ((key[end] & 0xFF) != END_OF_TEXT) {
      end++;
    }
    String category = new RowReader(Arrays.copyOf(key, end), 0).rest();
    return new Cursors.Name(category, new RowReader(key, end + 1).rest());
  }
}
