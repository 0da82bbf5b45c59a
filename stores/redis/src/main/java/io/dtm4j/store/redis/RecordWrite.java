package io.dtm4j.store.redis;

import io.dtm4j.model.Branch;
import io.dtm4j.model.Definition;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.Gid;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * What the script is to make of a record, if it still is as it was seen: only the fields and the
 * places in the index sets that have changed.
 *
 * @param arguments those of the script, but for where its index sets are
 * @param bytes how long they are together
 */
record RecordWrite(Bytes gid, List<byte[]> arguments, int bytes) {
  private static final byte[] AS_IT_IS = {};
  private static final byte[] NONE = {'-'};
  private static final byte[] DELETE = {'-', '1'};

  /** What a write leaves, with the write. */
  record Change<T extends Seen>(RecordWrite write, @Nullable T after) {}

  /** A change that is put into bytes when its turn comes, while Redis is busy with others. */
  interface Plan<T extends Seen> {
    Change<T> change();
  }

  /** Only compares. */
  static RecordWrite comparing(Gid gid, @Nullable Seen seen) {
    var writing = new Writing(gid, seen);
    writing.head(AS_IT_IS, List.of());
    for (Index _ : Index.values()) {
      writing.add(AS_IT_IS);
    }
    return writing.done();
  }

  /** Deletes a record that was seen. */
  static <T extends Seen> Change<T> deleting(Gid gid, T seen) {
    var writing = new Writing(gid, seen);
    writing.add(DELETE);
    writing.add(AS_IT_IS);
    for (Index _ : Index.values()) {
      writing.add(NONE);
    }
    return new Change<>(writing.done(), null);
  }

  /** Gives a record another head and leaves the rest alone. */
  static Change<Seen.Glance> moving(Gid gid, Seen seen, Head head) {
    byte[] bytes = head.write(newStamp());
    var writing = new Writing(gid, seen);
    var fields = new ArrayList<byte[]>();
    addField(fields, Rows.HEAD, bytes);
    writing.head(AS_IT_IS, fields);
    writing.indexes(seen.head(), head);
    fields.forEach(writing::add);
    return new Change<>(writing.done(), new Seen.Glance(new Bytes(bytes), head));
  }

  /**
   * Makes a record what it is to be.
   *
   * @param seen null: there is none yet
   * @param newNumber its number if there is none yet
   * @param expiry how long it is kept once it is finished; zero: for ever
   */
  static Change<Seen.Whole> of(
      Gid gid, Seen.@Nullable Whole seen, Stored now, long newNumber, Duration expiry) {
    var fields = new ArrayList<byte[]>();
    Transaction transaction = now.transaction();
    Definition definition = transaction.definition();
    Stored before = seen == null ? null : seen.stored();
    Head.Sizes sizes = seen == null ? Head.Sizes.NONE : seen.head().sizes();
    int definitionSize = sizes.definition();
    if (before == null || !before.transaction().definition().equals(definition)) {
      definitionSize = addField(fields, Rows.DEFINITION, Rows.writeDefinition(definition));
    }
    int branchesSize = sizes.branches();
    int first = before == null ? 0 : before.transaction().branches().size();
    List<Branch> later = transaction.branches().subList(first, transaction.branches().size());
    if (!later.isEmpty()) {
      byte[] rows = Rows.writeBranches(later, definition.createTime());
      branchesSize += addField(fields, Rows.branches(first), rows);
    }
    int stateSize = sizes.state();
    if (before == null || !isSameState(before.transaction(), transaction)) {
      stateSize = addField(fields, Rows.STATE, Rows.writeState(transaction));
    }
    long number = seen == null ? newNumber : seen.head().number();
    Head head = Head.of(now, number, new Head.Sizes(definitionSize, stateSize, branchesSize));
    byte[] bytes = head.write(newStamp());
    addField(fields, Rows.HEAD, bytes);

    var writing = new Writing(gid, seen);
    writing.head(expiry(seen == null ? null : seen.head(), head, expiry), fields);
    writing.indexes(seen == null ? null : seen.head(), head);
    fields.forEach(writing::add);
    return new Change<>(writing.done(), new Seen.Whole(new Bytes(bytes), head, now));
  }

  private static long newStamp() {
    return ThreadLocalRandom.current().nextLong();
  }

  /** As far as it does not stand in the head. */
  private static boolean isSameState(Transaction before, Transaction now) {
    State was = before.state();
    State is = now.state();
    return was.schedule().interval().equals(is.schedule().interval())
        && was.updateTime().equals(is.updateTime())
        && was.reason().equals(is.reason())
        && was.result().equals(is.result())
        && was.extra().equals(is.extra())
        && before.branches().equals(now.branches());
  }

  /** What is unfinished never expires. */
  private static byte[] expiry(@Nullable Head before, Head now, Duration expiry) {
    boolean wasFinal = before != null && before.status().isFinal();
    if (wasFinal == now.status().isFinal() || expiry.isZero()) {
      return AS_IT_IS;
    }
    return wasFinal ? NONE : Texts.bytes(Long.toString(expiry.toMillis()));
  }

  private static int addField(List<byte[]> fields, String name, byte[] value) {
    fields.add(Texts.bytes(name));
    fields.add(value);
    return value.length;
  }

  /** Arguments on their way. */
  private static final class Writing {
    private final Bytes gid;
    private final List<byte[]> arguments = new ArrayList<>();
    private int bytes;

    Writing(Gid gid, @Nullable Seen seen) {
      this.gid = Bytes.of(gid.value());
      add(this.gid.array());
      add(seen == null ? AS_IT_IS : seen.bytes().array());
    }

    void add(byte[] argument) {
      arguments.add(argument);
      bytes += argument.length;
    }

    void head(byte[] expiry, List<byte[]> fields) {
      add(Texts.bytes(Integer.toString(fields.size())));
      add(expiry);
    }

    /** One that was not there and is finished at once may have been left where it was due. */
    void indexes(@Nullable Head before, Head now) {
      for (Index index : Index.values()) {
        Long was = before == null ? null : index.score(before);
        Long is = index.score(now);
        if (is == null) {
          boolean mayBeLeft = before == null && (index == Index.DUE || index == Index.OPEN);
          add(mayBeLeft || was != null ? NONE : AS_IT_IS);
        } else {
          add(is.equals(was) ? AS_IT_IS : Texts.bytes(is.toString()));
        }
      }
    }

    RecordWrite done() {
      return new RecordWrite(gid, arguments, bytes);
    }
  }
}
