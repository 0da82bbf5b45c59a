package io.dtm4j.store.redis;

import io.dtm4j.model.Due;
import io.dtm4j.model.Owner;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.TransType;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What can be seen of a transaction at little cost: who holds it and until when, and what lists and
 * indexes go by. Stored on its own, rewritten with each change, and each time with a stamp that
 * never comes twice: while the bytes are the same nothing of the transaction has changed.
 *
 * @param number grows in the order in which transactions are stored
 * @param sizes how many bytes the rest takes
 */
record Head(
    TransType type,
    GlobalStatus status,
    Owner owner,
    Instant nextTime,
    Instant createTime,
    @Nullable Instant endTime,
    long number,
    Sizes sizes) {
  private static final int VERSION = 1;

  /** Their places are stored: only append. */
  private static final List<TransType> TYPES =
      List.of(TransType.SAGA, TransType.TCC, TransType.XA, TransType.MSG, TransType.WORKFLOW);

  /** Their places are stored: only append. */
  private static final List<GlobalStatus> STATUSES =
      List.of(
          GlobalStatus.PREPARED,
          GlobalStatus.SUBMITTED,
          GlobalStatus.ABORTING,
          GlobalStatus.SUCCEED,
          GlobalStatus.FAILED);

  /** Their places are stored: only append. */
  private static final List<Owner.Mark> MARKS =
      List.of(Owner.Mark.LEASED, Owner.Mark.RESTING, Owner.Mark.LOOK_AGAIN);

  /** Bytes of the parts of a record. */
  record Sizes(int definition, int state, int branches) {
    static final Sizes NONE = new Sizes(0, 0, 0);

    /** What a list reads of it. */
    int listed() {
      return definition + state;
    }

    int all() {
      return definition + state + branches;
    }
  }

  static Head of(Stored stored, long number, Sizes sizes) {
    Transaction transaction = stored.transaction();
    State state = transaction.state();
    return new Head(
        transaction.definition().type(),
        state.status(),
        stored.owner(),
        state.schedule().nextTime(),
        transaction.definition().createTime(),
        state.endTime(),
        number,
        sizes);
  }

  /**
   * Its bytes.
   *
   * @param stamp a number that nobody has used before
   */
  byte[] write(long stamp) {
    RowOutput row =
        new RowOutput()
            .code(VERSION)
            .fixed(stamp)
            .code(TYPES.indexOf(type))
            .code(STATUSES.indexOf(status))
            .code(MARKS.indexOf(owner.mark()))
            .text(owner.server())
            .text(owner.claim())
            .number(owner.revision())
            .time(nextTime)
            .time(createTime)
            .number(number)
            .number(sizes.definition)
            .number(sizes.state)
            .number(sizes.branches);
    return (endTime == null ? row.code(0) : row.code(1).time(endTime)).toBytes();
  }

  /**
   * The head of these bytes.
   *
   * @throws BrokenRecordException when these bytes make no sense
   */
  static Head read(byte[] bytes) {
    try {
      var row = new RowInput(bytes, VERSION);
      row.fixed();
      TransType type = TYPES.get(row.code());
      GlobalStatus status = STATUSES.get(row.code());
      Owner.Mark mark = MARKS.get(row.code());
      String server = row.text();
      String claim = row.text();
      var owner = new Owner(mark, server, claim, row.number());
      Instant nextTime = row.time();
      Instant createTime = row.time();
      long number = row.number();
      var sizes = new Sizes((int) row.number(), (int) row.number(), (int) row.number());
      Instant endTime = row.code() == 0 ? null : row.time();
      return new Head(type, status, owner, nextTime, createTime, endTime, number, sizes);
    } catch (RuntimeException e) {
      throw new BrokenRecordException("the head of a transaction cannot be read", e);
    }
  }

  Head with(Owner newOwner, Instant newTime) {
    return new Head(type, status, newOwner, newTime, createTime, endTime, number, sizes);
  }

  /** The record that it becomes the head of when nothing else changes. */
  Stored of(Stored stored) {
    Stored moved =
        Objects.equals(stored.transaction().state().schedule().nextTime(), nextTime)
            ? stored
            : stored.withNextTime(nextTime);
    return new Stored(moved.transaction(), owner);
  }

  Due due(Gid gid) {
    return new Due(gid, owner, nextTime);
  }

  /** As {@link Stored#isLeasedTo}. */
  boolean isLeasedTo(String claim) {
    return owner.isHeld() && owner.claim().equals(claim) && !status.isFinal();
  }

  /** As {@link Stored#endedBefore}. */
  boolean endedBefore(Instant time) {
    return status.isFinal() && endTime != null && endTime.isBefore(time);
  }
}
