package io.dtm4j.coordinator;

import io.dtm4j.engine.Call;
import io.dtm4j.model.Batch;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.CustomData;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Reply;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One thing that must hold after every event, whatever goes wrong. It is told what happens, keeps
 * what it needs to know of it, and throws in the middle of the event that breaks it.
 */
abstract class Invariant {
  static final Set<Op> BACKWARD = Set.of(Op.COMPENSATE, Op.CANCEL, Op.ROLLBACK);

  private final String rule;

  /**
   * @param rule what must hold, with the rule of docs/architecture.md it belongs to
   */
  Invariant(String rule) {
    this.rule = rule;
  }

  /**
   * A record has changed.
   *
   * @param before null: it is new
   */
  record Change(@Nullable Stored before, Stored now, SharedStore.Cause cause) {
    Gid gid() {
      return now.transaction().gid();
    }

    boolean isClaimed() {
      return before == null || !before.owner().claim().equals(now.owner().claim());
    }
  }

  /**
   * A call that leaves a server, or has come to its end there.
   *
   * @param stored the record at this moment
   */
  record Departure(Server server, LivePass pass, Call call, Stored stored) {
    Gid gid() {
      return call.gid();
    }

    Transaction transaction() {
      return stored.transaction();
    }

    boolean isOf(io.dtm4j.protocol.TransType type) {
      return transaction().definition().type() == type;
    }

    /** Of a saga. */
    int step() {
      return call.row() / 2;
    }

    boolean isAction() {
      return call.key().op().equals(Op.ACTION);
    }

    /** Whether the pass still has the record. */
    boolean isOfItsHolder() {
      return stored.owner().claim().equals(pass.claim);
    }
  }

  /**
   * What a client hears.
   *
   * @param command null: it registered a branch, or started a workflow
   * @param stored the record at this moment; null: there is none
   */
  record Answer(
      Server server, String gid, @Nullable Command command, Reply reply, @Nullable Stored stored) {}

  /** A record has changed that was not final before. */
  void changed(Change change) {}

  /** A record was deleted: what comes under that gid from now on is another transaction. */
  void deleted(Gid gid) {}

  /** A client's request reaches a server. */
  void asked(Server server, Gid gid) {}

  /** A server hands a batch over to its committer. */
  void handedOver(Server server, Batch batch) {}

  void leaves(Departure departure) {}

  void ended(Departure departure) {}

  void answered(Answer answer) {}

  final void check(boolean holds, @Nullable Object about) {
    if (!holds) {
      throw new Violation(rule, about);
    }
  }

  // ---- what several of them ask

  /** When a record is due, or its lease ends. */
  static Instant nextTime(Stored stored) {
    return stored.transaction().state().schedule().nextTime();
  }

  static boolean isDone(Transaction transaction, int row) {
    return transaction.branches().get(row).isDone();
  }

  static boolean hasRow(Transaction transaction, Op op) {
    return transaction.branches().stream().anyMatch(branch -> branch.key().op().equals(op));
  }

  /** The steps of a saga that come directly before one. */
  static List<Integer> before(Definition definition, int step) {
    CustomData.Saga data = CustomData.saga(definition.customData());
    List<Integer> before = new ArrayList<>(data.orders().getOrDefault(step, List.of()));
    if (!data.concurrent() && step > 0) {
      before.add(step - 1);
    }
    return before;
  }
}
