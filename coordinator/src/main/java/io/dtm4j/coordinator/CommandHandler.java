package io.dtm4j.coordinator;

import io.dtm4j.engine.Commands;
import io.dtm4j.engine.Creation;
import io.dtm4j.engine.Engine;
import io.dtm4j.model.Batch;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Reply;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.Committer;
import io.dtm4j.store.EventLoop;
import io.dtm4j.store.Reads;
import io.dtm4j.store.TransactionStore;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries out what clients ask for: reads what is needed, lets {@link Commands} decide, commits,
 * and begins a pass where one is due. A command that loses against another one is decided again on
 * the record that won (R4). Thread-safe; never blocks.
 */
public final class CommandHandler implements Doors {
  private static final Logger log = LoggerFactory.getLogger(CommandHandler.class);

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
  private final Reads reads;
  private final Claims claims;
  private final Timers timers;
  private final LongSupplier nanoTime;
  private final CoordinatorLimits limits;
  private final Set<Run> running = ConcurrentHashMap.newKeySet();
  private volatile boolean stopping;

  /**
   * @param store read from, through {@code reads}; written only through {@code committer}
   * @param nanoTime the monotonic clock, in nanoseconds
   */
  public CommandHandler(
      Coordinator coordinator,
      Engine engine,
      TransactionStore store,
      Committer committer,
      Reads reads,
      Claims claims,
      Timers timers,
      LongSupplier nanoTime,
      CoordinatorLimits limits) {
    this.coordinator = coordinator;
    this.engine = engine;
    this.commands = new Commands(engine.settings());
    this.store = store;
    this.committer = committer;
    this.reads = reads;
    this.claims = claims;
    this.timers = timers;
    this.nanoTime = nanoTime;
    this.limits = limits;
  }

  @Override
  public void query(
      Gid gid, EventLoop loop, Consumer<@Nullable Stored> found, Consumer<Reply> trouble) {
    reads.submit(
        () -> store.find(gid),
        loop,
        stored -> found.accept(stored.orElse(null)),
        e -> trouble.accept(unreadable(e)));
  }

  @Override
  public void handle(Command command, EventLoop loop, Consumer<Reply> reply) {
    Reply refusal = refusal();
    if (refusal != null) {
      reply.accept(refusal);
      return;
    }
    Run run;
    try {
      Gid gid = Creation.gidOf(command.request());
      Transaction proposed =
          switch (command.kind()) {
            case PREPARE, SUBMIT -> Creation.of(command.request(), store.storeTime());
            case ABORT, FORCE_STOP -> null;
          };
      run = new Run(gid, command, proposed, loop, reply);
    } catch (Creation.RefusedException e) {
      reply.accept(e.reply());
      return;
    }
    running.add(run);
    if (run.proposed == null) {
      run.read();
    } else if (isFull()) {
      run.readUnlessNew();
    } else {
      run.decide(null);
    }
  }

  /** Why nothing is taken at the moment; null when all is well. Nothing was stored then. */
  private @Nullable Reply refusal() {
    if (stopping) {
      return stopped();
    }
    Reply refusal = ClientWrites.refusal(store, committer);
    if (refusal != null) {
      return refusal;
    }
    if (coordinator.openPasses() >= 2 * limits.openPasses()
        || coordinator.openBytes() >= 2 * limits.openBytes()
        || committer.backlog() >= 2 * limits.commitBacklog()) {
      return overloaded();
    }
    return null;
  }

  /** Whether only known transactions are taken at the moment. */
  private boolean isFull() {
    return coordinator.openPasses() >= limits.openPasses()
        || coordinator.openBytes() >= limits.openBytes()
        || committer.backlog() >= limits.commitBacklog();
  }

  private static Reply stopped() {
    return new Reply.Failed(
        ErrorCode.STOPPING, "the server is stopping; nothing was stored, ask another one");
  }

  private static Reply overloaded() {
    return new Reply.Failed(
        ErrorCode.OVERLOADED,
        "too many transactions are open; nothing was stored, try again later");
  }

  private static Reply unreadable(Throwable e) {
    log.atWarn().addKeyValue("cause", String.valueOf(e.getMessage())).log("store read failed");
    return new Reply.Failed(
        ErrorCode.STORE_UNAVAILABLE, "the store cannot be read at the moment, try again later");
  }

  /** Commands that have not been answered. */
  public int open() {
    return running.size();
  }

  /** From now on every command is refused. */
  void stop() {
    stopping = true;
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
    final Command command;
    final @Nullable Transaction proposed;
    final EventLoop loop;
    final Consumer<Reply> reply;

    /** By the monotonic clock: since when a batch of it is on its way; 0: none is. */
    volatile long committingSince;

    /** The transaction that its client waits for, as last seen; null: none yet. */
    private @Nullable Stored awaited;

    private boolean answered;
    private int tries;
    private int pauses;

    Run(
        Gid gid,
        Command command,
        @Nullable Transaction proposed,
        EventLoop loop,
        Consumer<Reply> reply) {
      this.gid = gid;
      this.command = command;
      this.proposed = proposed;
      this.loop = loop;
      this.reply = reply;
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

    boolean waits() {
      return command.kind() == Command.Kind.SUBMIT && command.request().options().waitResult();
    }

    void answer(Reply answer) {
      running.remove(this);
      if (!answered) {
        answered = true;
        reply.accept(answer);
      }
    }

    /** The server ends before the client could be told more. */
    void end() {
      if (committingSince != 0) {
        answer(Waiter.outcomeUnknown());
      } else {
        answer(awaited == null ? stopped() : Waiter.replyOf(awaited));
      }
    }

    void read() {
      query(gid, loop, this::decide, this::answer);
    }

    void readUnlessNew() {
      query(
          gid,
          loop,
          stored -> {
            if (stored == null) {
              answer(overloaded());
            } else {
              decide(stored);
            }
          },
          this::answer);
    }

    /** Decides on the record as last seen; null: there is none as far as is known. */
    void decide(@Nullable Stored stored) {
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
      Owner owner = claims.next();
      long since = nanoTime.getAsLong(); // before the store's time: no lease counts too long (R7)
      Instant now = store.storeTime();
      Commands.Verdict verdict =
          switch (command.kind()) {
            case PREPARE -> commands.prepare(requireProposed(), stored, owner, now);
            case SUBMIT -> commands.submit(requireProposed(), stored, owner, now);
            case ABORT -> commands.abort(stored, owner, now);
            case FORCE_STOP -> commands.forceStop(stored, owner, now);
          };
      switch (verdict) {
        case Commands.Verdict.Answer(Reply answer) -> answer(answer);
        case Commands.Verdict.Commit(Batch batch, boolean runs) -> commit(batch, runs, since);
        case Commands.Verdict.Join _ -> join(stored);
      }
    }

    private Transaction requireProposed() {
      if (proposed == null) {
        throw new IllegalStateException(command.kind() + " proposes no transaction");
      }
      return proposed;
    }

    private void commit(Batch batch, boolean runs, long since) {
      committingSince = since | 1;
      committer.commit(batch, loop, result -> committed(batch, runs, since, result));
    }

    private void committed(Batch batch, boolean runs, long since, CommitResult result) {
      committingSince = 0;
      switch (result) {
        case CommitResult.Committed committed -> {
          Stored stored = storedBy(batch, committed);
          awaited = stored;
          if (runs) {
            boolean waiting = waits() && !answered;
            coordinator.begin(
                stored,
                since + engine.leaseOf(stored.transaction()).toNanos(),
                loop,
                waiting ? new Waiter(loop, this::answer, since) : null);
            if (!waiting) {
              answer(Reply.Success.INSTANCE);
            }
          } else {
            coordinator.supersede(stored);
            answer(Reply.Success.INSTANCE);
          }
        }
        case CommitResult.Lost lost -> decide(lost.stored());
        case CommitResult.Conflict conflict ->
            answer(
                new Reply.Failed(
                    ErrorCode.STATUS_CONFLICT, "branch " + conflict.key() + " is registered"));
        case CommitResult.Rejected rejected -> {
          log.atError()
              .addKeyValue("gid", gid)
              .addKeyValue("cause", rejected.cause())
              .log("the store rejects a command");
          answer(new Reply.Failed(ErrorCode.INTERNAL, "the store rejects it; nothing was stored"));
        }
      }
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

    private void join(@Nullable Stored stored) {
      awaited = stored;
      LivePass live = coordinator.passOf(gid);
      if (live != null) {
        joinPass(live);
      } else if (stored == null) {
        read();
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

    private void joinPass(LivePass live) {
      if (!waits()) {
        answer(Reply.Success.INSTANCE); // its calls are in flight
        return;
      }
      var waiter = new Waiter(loop, this::answer, nanoTime.getAsLong());
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
            } else if (waits() && !answered) {
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
            awaited = stored;
            if (over) {
              answer(Waiter.replyOf(stored));
            } else {
              timers.after(LOOK_EVERY, () -> loop.execute(() -> watch(until)));
            }
          },
          this::answer);
    }
  }
}
