package io.dtm4j.coordinator;

import static java.util.Objects.requireNonNull;

import io.dtm4j.engine.Commands;
import io.dtm4j.engine.Engine;
import io.dtm4j.engine.WaitRules;
import io.dtm4j.model.Batch;
import io.dtm4j.model.Due;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Reply;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.Committer;
import io.dtm4j.store.EventLoop;
import io.dtm4j.store.HaltPoint;
import io.dtm4j.store.TransactionStore;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Commands on their way, whatever they ask for: what is stored is read or guessed, a rule decides,
 * its batch is committed, and a pass begins or is joined where one is due. What loses is decided
 * again on the record that won (R4). Thread-safe; never blocks.
 */
final class Runs {
  private static final Logger log = LoggerFactory.getLogger(Runs.class);

  /** How often a waiting client's transaction is read that another server works on (R4). */
  private static final Duration LOOK_EVERY = Duration.ofMillis(200);

  /** How often a command is decided anew when it loses. */
  private static final int TRIES = 4;

  /** Pauses until a pass of this process, claimed already, has begun. */
  private static final Duration BEGIN_PAUSE = Duration.ofMillis(5);

  private static final int BEGIN_PAUSES = 40;

  private final Coordinator coordinator;
  private final Engine engine;
  private final Commands commands;
  private final TransactionStore store;
  private final Committer committer;
  private final ClientReads reads;
  private final Claims claims;
  private final Timers timers;
  private final LongSupplier nanoTime;
  private final Admission admission;
  private final LastSeen lastSeen = new LastSeen();
  private final Set<Run> running = ConcurrentHashMap.newKeySet();

  /**
   * @param store read from, through {@code reads}; written only through {@code committer}
   * @param nanoTime the monotonic clock, in nanoseconds
   */
  Runs(
      Coordinator coordinator,
      Engine engine,
      Commands commands,
      TransactionStore store,
      Committer committer,
      ClientReads reads,
      Claims claims,
      Timers timers,
      LongSupplier nanoTime,
      Admission admission) {
    this.coordinator = coordinator;
    this.engine = engine;
    this.commands = commands;
    this.store = store;
    this.committer = committer;
    this.reads = reads;
    this.claims = claims;
    this.timers = timers;
    this.nanoTime = nanoTime;
    this.admission = admission;
  }

  /** What a command does about the record as last seen; null: there is none as far as is known. */
  interface Rule {
    Commands.Verdict decide(@Nullable Stored stored, Owner owner, Instant now);
  }

  /** Told the end of a command, and the transaction as last seen; null: none was seen. */
  interface Done {
    void tell(Reply answer, @Nullable Stored seen);
  }

  /** Whether the client hears only the result of the pass. */
  enum Waits {
    NEVER,
    ALWAYS,
    /** An abort, if the transaction was created with {@code wait_result}. */
    AS_STORED
  }

  /**
   * Begins a command that creates a transaction, unless the gid is known.
   *
   * @param status of what it creates
   */
  void create(
      Transaction proposed,
      GlobalStatus status,
      Rule rule,
      Waits waits,
      EventLoop loop,
      Done done) {
    var run = new Run(proposed.gid(), rule, waits, loop, done);
    if (!isTaken(run)) {
      return;
    }
    if (admission.isFull()) {
      run.readUnlessNew();
      return;
    }
    run.hold(proposed);
    Stored last = lastSeen.of(run.gid);
    if (last == null && status == GlobalStatus.SUBMITTED && proposed.branches().isEmpty()) {
      run.readUnlessTooMuch(); // if it is known, its branches are more than was kept of it
    } else {
      run.guess(last);
    }
  }

  /** Begins a command that needs to know what is stored. */
  void change(Gid gid, Rule rule, Waits waits, EventLoop loop, Done done) {
    var run = new Run(gid, rule, waits, loop, done);
    if (!isTaken(run)) {
      return;
    }
    Stored last = lastSeen.of(gid);
    if (last == null) {
      run.readUnlessTooMuch();
    } else {
      run.guess(last);
    }
  }

  /**
   * Reads what is needed to say what a command is; it is open meanwhile, so a stop waits for it.
   *
   * @param then told what was read, unless the command was answered before
   */
  <T> void prepare(Gid gid, Supplier<T> read, EventLoop loop, Done done, Consumer<T> then) {
    Rule undecided = (_, _, _) -> new Commands.Verdict.Answer(Admission.stopped());
    var run = new Run(gid, undecided, Waits.NEVER, loop, done);
    if (isTaken(run)) {
      reads.submit(
          read,
          loop,
          result -> {
            if (running.remove(run)) {
              run.answered = true; // by what follows, though a stop may be about to end it
              then.accept(result);
            }
          },
          run::answer);
    }
  }

  private boolean isTaken(Run run) {
    running.add(run);
    if (admission.isStopping()) {
      run.answer(Admission.stopped()); // whoever ends what is open may have looked already
      return false;
    }
    return true;
  }

  /** The transaction as it is stored; null: there is none. */
  void query(Gid gid, EventLoop loop, Consumer<@Nullable Stored> found, Consumer<Reply> trouble) {
    reads.submit(() -> store.find(gid), loop, stored -> found.accept(stored.orElse(null)), trouble);
  }

  /** Commands that have not been answered. */
  int open() {
    return running.size();
  }

  /** Answers all that are still open, with what is known. */
  void endAll() {
    running.forEach(run -> run.loop.execute(run::end));
  }

  /** Tells clients whose write takes too long; called several times a second. */
  void sweep() {
    long now = nanoTime.getAsLong();
    for (Run run : running) {
      long since = run.committingSince;
      if (since != 0 && now - since > ClientWrites.OUTCOME_WITHIN.toNanos()) {
        run.loop.execute(
            () -> {
              if (run.committingSince == since) {
                run.answer(Waiter.outcomeUnknown());
              }
            });
      }
    }
  }

  /** One command on its way; confined to its loop. */
  private final class Run {
    final Gid gid;
    final Rule rule;
    final Waits waits;
    final EventLoop loop;
    final Done done;

    /** By the monotonic clock: since when a batch of it is on its way; 0: none is. */
    volatile long committingSince;

    /** The transaction as last seen; null: none yet. */
    private @Nullable Stored seen;

    /** Bytes of records that it has in memory, as counted. */
    private long held;

    private boolean answered;
    private int tries;
    private int pauses;

    Run(Gid gid, Rule rule, Waits waits, EventLoop loop, Done done) {
      this.gid = gid;
      this.rule = rule;
      this.waits = waits;
      this.loop = loop;
      this.done = done;
    }

    /** By the gid: a sweep goes through the runs in an order that a simulation can repeat. */
    @Override
    public int hashCode() {
      return gid.hashCode();
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return this == other;
    }

    private boolean waitsFor(Stored stored) {
      return switch (waits) {
        case NEVER -> false;
        case ALWAYS -> true;
        case AS_STORED -> stored.transaction().definition().options().waitResult();
      };
    }

    /** Counts a record that it has in memory, until it is answered. */
    void hold(Transaction record) {
      long more = MemoryUse.of(record) - held;
      if (more > 0) {
        held += more;
        admission.hold(more);
      }
    }

    private void letGo() {
      if (held > 0) {
        admission.hold(-held);
        held = 0;
      }
    }

    void answer(Reply answer) {
      running.remove(this);
      letGo();
      if (!answered) {
        answered = true;
        done.tell(answer, seen);
      }
    }

    /** Answers with the result of a pass. */
    private void answerResult(Reply result) {
      answer(waits == Waits.AS_STORED ? WaitRules.ofAbort(result) : result);
    }

    /** The server ends before the client could be told more. */
    void end() {
      if (committingSince != 0) {
        answer(Waiter.outcomeUnknown());
      } else if (seen == null) {
        answer(Admission.stopped());
      } else {
        answerResult(Waiter.replyOf(seen));
      }
    }

    void read() {
      query(gid, loop, this::decide, this::answer);
    }

    /** The first read: nothing is stored yet, so what it finds may be refused. */
    void readUnlessTooMuch() {
      query(
          gid,
          loop,
          stored -> {
            Reply refusal = admission.refusal();
            if (refusal == null) {
              decide(stored);
            } else {
              answer(refusal);
            }
          },
          this::answer);
    }

    void readUnlessNew() {
      query(
          gid,
          loop,
          stored -> {
            if (stored == null) {
              answer(Admission.overloaded());
            } else {
              decide(stored);
            }
          },
          this::answer);
    }

    /** Decides on what this server saw last; null: nothing, so it may be new. */
    void guess(@Nullable Stored last) {
      decide(last, last != null);
    }

    /** Decides on the record as it was just read, or as it won; null: there is none. */
    void decide(@Nullable Stored stored) {
      decide(stored, false);
    }

    /**
     * @param guessed whether the record may have changed since: then only a commit, whose guard
     *     finds out, may follow from it
     */
    private void decide(@Nullable Stored stored, boolean guessed) {
      if (answered) {
        return; // its client has been told that nothing, or nothing more, is stored
      }
      if (tries++ == TRIES) {
        answer(
            new Reply.Failed(
                ErrorCode.CONTENDED,
                "other requests for this gid were always first; repeat the request"));
        return;
      }
      if (stored != null && !guessed) {
        seen = stored;
        hold(stored.transaction());
      }
      Owner owner = claims.next();
      long since = nanoTime.getAsLong(); // before the store's time: no lease counts too long (R7)
      Commands.Verdict verdict = rule.decide(stored, owner, store.storeTime());
      if (guessed && !(verdict instanceof Commands.Verdict.Commit)) {
        read();
        return;
      }
      switch (verdict) {
        case Commands.Verdict.Answer(Reply answer) -> answer(answer);
        case Commands.Verdict.Commit(Batch batch, boolean runs) -> commit(batch, runs, since);
        case Commands.Verdict.Join join -> {
          Stored joined = requireNonNull(stored, "only what is stored can be joined");
          if (join.first() == null) {
            join(joined);
          } else {
            joinAfter(join.first(), joined, since);
          }
        }
      }
    }

    private void commit(Batch batch, boolean runs, long since) {
      committingSince = since | 1;
      if (runs) {
        coordinator.expect(gid);
      }
      committer.commit(batch, loop, result -> committed(batch, runs, since, result));
    }

    private void committed(Batch batch, boolean runs, long since, CommitResult result) {
      committingSince = 0;
      if (runs && !(result instanceof CommitResult.Committed)) {
        coordinator.giveUp(gid);
      }
      switch (result) {
        case CommitResult.Committed committed -> {
          HaltPoint.AFTER_COMMAND_BEFORE_REPLY.pass();
          if (batch.owner() == null) {
            noted(committed.stored());
            return;
          }
          Stored stored = storedBy(batch, committed);
          seen = stored;
          lastSeen.note(stored);
          if (runs) {
            boolean waiting = waitsFor(stored) && !answered;
            coordinator.begin(
                stored,
                since + engine.leaseOf(stored.transaction()).toNanos(),
                loop,
                waiting ? new Waiter(loop, this::answerResult, since) : null);
            if (waiting) {
              letGo(); // the pass counts it now
            } else {
              answer(Reply.Success.INSTANCE);
            }
          } else {
            coordinator.supersede(stored, loop, () -> answer(Reply.Success.INSTANCE));
          }
        }
        case CommitResult.Lost lost -> {
          lastSeen.forget(gid);
          decide(lost.stored());
        }
        case CommitResult.Conflict conflict ->
            answer(
                new Reply.Failed(
                    ErrorCode.BRANCH_EXISTS,
                    "branch " + conflict.key() + " is registered with other content"));
        case CommitResult.Rejected(String cause, ErrorCode code) when code != null ->
            answer(new Reply.Failed(code, cause));
        case CommitResult.Rejected rejected -> {
          log.atError()
              .addKeyValue("gid", gid)
              .addKeyValue("cause", rejected.cause())
              .log("the store rejects a command");
          answer(new Reply.Failed(ErrorCode.INTERNAL, "the store rejects it; nothing was stored"));
        }
      }
    }

    /** Whoever had the transaction keeps it; what rests may be due at another time now. */
    private void noted(@Nullable Stored stored) {
      if (stored == null) {
        lastSeen.forget(gid);
      } else {
        lastSeen.note(stored);
      }
      if (stored != null && !stored.owner().isHeld() && !stored.transaction().status().isFinal()) {
        coordinator.rests(Due.of(stored));
      }
      answer(Reply.Success.INSTANCE);
    }

    /** The record after a commit; a store need not send back what we have sent it. */
    private Stored storedBy(Batch batch, CommitResult.Committed committed) {
      if (committed.stored() != null) {
        return committed.stored();
      }
      if (batch.writes().getFirst() instanceof Write.SaveNew save && batch.owner() != null) {
        return new Stored(save.transaction(), batch.owner());
      }
      throw new IllegalStateException("a batch that takes over returns the record (R4a)");
    }

    // ---- a repeat of something that is on its way (R4, R5)

    private void join(Stored stored) {
      LivePass live = coordinator.passOf(gid);
      if (live != null) {
        joinPass(live, stored);
      } else if (!stored.owner().isHeld()) {
        long since = nanoTime.getAsLong();
        commit(commands.takeOver(stored, claims.next(), store.storeTime()), true, since);
      } else if (claims.isOurs(stored.owner().claim()) && pauses++ < BEGIN_PAUSES) {
        tries--; // our own pass is about to begin
        timers.after(BEGIN_PAUSE, () -> loop.execute(this::read));
      } else {
        lookAgain(stored);
      }
    }

    /** Writes down what is new about it, then joins whoever works on it. */
    private void joinAfter(Batch first, Stored read, long since) {
      committingSince = since | 1;
      committer.commit(
          first,
          loop,
          result -> {
            if (!(result instanceof CommitResult.Committed committed)) {
              committed(first, false, since, result);
              return;
            }
            committingSince = 0;
            if (!answered) {
              join(committed.stored() == null ? read : committed.stored());
            }
          });
    }

    private void joinPass(LivePass live, Stored stored) {
      if (!waitsFor(stored)) {
        answer(Reply.Success.INSTANCE); // its calls are in flight
        return;
      }
      var waiter = new Waiter(loop, this::answerResult, nanoTime.getAsLong());
      live.loop.execute(
          () -> {
            if (!coordinator.join(live, waiter)) {
              loop.execute(this::read);
            }
          });
    }

    /** Another server has it: it shall look again, and we watch if the client waits. */
    private void lookAgain(Stored stored) {
      Batch note =
          new Batch(
              gid,
              new Guard.LeasedTo(stored.owner().claim()),
              null,
              List.of(Write.LookAgain.INSTANCE));
      committingSince = nanoTime.getAsLong() | 1;
      committer.commit(
          note,
          loop,
          result -> {
            committingSince = 0;
            if (result instanceof CommitResult.Lost lost) {
              decide(lost.stored());
            } else if (waitsFor(stored) && !answered) {
              Duration longest = engine.longestWaitOf(stored.transaction());
              watch(longest == null ? null : nanoTime.getAsLong() + longest.toNanos());
            } else {
              answer(Reply.Success.INSTANCE);
            }
          });
    }

    /**
     * @param until by the monotonic clock; null: until the transaction ends or rests
     */
    private void watch(@Nullable Long until) {
      query(
          gid,
          loop,
          stored -> {
            boolean over =
                stored == null
                    || stored.transaction().status().isFinal()
                    || !stored.owner().isHeld()
                    || (until != null && nanoTime.getAsLong() - until > 0);
            seen = stored;
            if (over) {
              answerResult(Waiter.replyOf(stored));
            } else {
              timers.after(LOOK_EVERY, () -> loop.execute(() -> watch(until)));
            }
          },
          this::answer);
    }
  }
}
