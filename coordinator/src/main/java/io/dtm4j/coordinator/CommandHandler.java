package io.dtm4j.coordinator;

import io.dtm4j.coordinator.Runs.Done;
import io.dtm4j.coordinator.Runs.Rule;
import io.dtm4j.coordinator.Runs.Waits;
import io.dtm4j.engine.Commands;
import io.dtm4j.engine.Creation;
import io.dtm4j.engine.Engine;
import io.dtm4j.engine.RefusedException;
import io.dtm4j.engine.Registration;
import io.dtm4j.engine.Topics;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.BranchRequest;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.TransType;
import io.dtm4j.protocol.TransactionRequest;
import io.dtm4j.store.Committer;
import io.dtm4j.store.EventLoop;
import io.dtm4j.store.Reads;
import io.dtm4j.store.TransactionStore;
import java.time.Instant;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Carries out what clients ask for: says for each command what it creates and which rule of {@link
 * Commands} decides about what is stored already; {@link Runs} does the rest. Thread-safe; never
 * blocks.
 */
public final class CommandHandler implements Doors {
  private final Commands commands;
  private final TransactionStore store;
  private final ClientReads reads;
  private final Subscriptions subscriptions;
  private final Admission admission;
  private final Runs runs;

  /**
   * @param store read from, through {@code reads}; written only through {@code committer}
   * @param nanoTime the monotonic clock, in nanoseconds
   * @param subscriptions asked for each message to a topic that is created
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
      Subscriptions subscriptions,
      CoordinatorLimits limits) {
    this.commands = new Commands(engine.settings());
    this.store = store;
    this.reads = new ClientReads(reads);
    this.subscriptions = subscriptions;
    admission = new Admission(coordinator, store, committer, limits);
    runs =
        new Runs(
            coordinator,
            engine,
            commands,
            store,
            committer,
            this.reads,
            claims,
            timers,
            nanoTime,
            admission);
  }

  @Override
  public <T> void query(
      Gid gid,
      Function<@Nullable Stored, T> view,
      EventLoop loop,
      Consumer<T> shown,
      Consumer<Reply> trouble) {
    reads.submit(() -> view.apply(store.find(gid).orElse(null)), loop, shown, trouble);
  }

  /** The transaction itself. */
  void query(Gid gid, EventLoop loop, Consumer<@Nullable Stored> found, Consumer<Reply> trouble) {
    runs.query(gid, loop, found, trouble);
  }

  @Override
  public void handle(Command command, EventLoop loop, Consumer<Reply> reply) {
    Done done = (answer, _) -> reply.accept(answer);
    unlessRefused(done, () -> begin(command.kind(), command.request(), loop, done));
  }

  private void begin(Command.Kind kind, TransactionRequest request, EventLoop loop, Done done)
      throws RefusedException {
    switch (kind) {
      case PREPARE -> {
        Known again = (stored, _, _) -> commands.prepare(stored);
        create(request, GlobalStatus.PREPARED, again, Waits.NEVER, loop, done);
      }
      case SUBMIT -> {
        if (request.transType().equals(TransType.WORKFLOW.wireName())) {
          Map<String, String> end = request.reqExtra();
          Rule ends = (stored, owner, now) -> commands.endWorkflow(end, stored, owner, now);
          runs.change(Creation.gidOf(request), ends, Waits.NEVER, loop, done);
        } else {
          Waits waits = request.options().waitResult() ? Waits.ALWAYS : Waits.NEVER;
          Options options = request.options(); // and not the request with its payloads
          Known again = (stored, owner, now) -> commands.submit(options, stored, owner, now);
          create(request, GlobalStatus.SUBMITTED, again, waits, loop, done);
        }
      }
      case ABORT -> {
        String why = request.rollbackReason();
        Rule aborts = (stored, owner, now) -> commands.abort(why, stored, owner, now);
        runs.change(Creation.gidOf(request), aborts, Waits.AS_STORED, loop, done);
      }
      case FORCE_STOP ->
          runs.change(Creation.gidOf(request), commands::forceStop, Waits.NEVER, loop, done);
      case RESET_NEXT_CRON_TIME -> {
        Rule resets = (stored, _, now) -> commands.resetNextCronTime(stored, now);
        runs.change(Creation.gidOf(request), resets, Waits.NEVER, loop, done);
      }
    }
  }

  @Override
  public void registerBranch(BranchRequest request, EventLoop loop, Consumer<Reply> reply) {
    Done done = (answer, _) -> reply.accept(answer);
    unlessRefused(
        done,
        () -> {
          Registration branch = Registration.of(request, store.storeTime());
          Rule registers = (stored, _, now) -> commands.registerBranch(branch, stored, now);
          runs.change(branch.gid(), registers, Waits.NEVER, loop, done);
        });
  }

  @Override
  public void prepareWorkflow(
      TransactionRequest request, EventLoop loop, Consumer<Stored> found, Consumer<Reply> trouble) {
    Done done =
        (answer, seen) -> {
          if (answer instanceof Reply.Success && seen != null) {
            found.accept(seen);
          } else {
            trouble.accept(answer);
          }
        };
    unlessRefused(
        done,
        () -> {
          Transaction proposed = Creation.workflow(request, store.storeTime());
          Known again = (stored, _, _) -> commands.prepareWorkflow(stored);
          create(proposed, GlobalStatus.PREPARED, again, Waits.NEVER, loop, done);
        });
  }

  private interface Beginning {
    void begin() throws RefusedException;
  }

  /** Begins a command, unless nothing is taken at the moment or it can be none as it stands. */
  private void unlessRefused(Done done, Beginning beginning) {
    Reply refusal = admission.refusal();
    if (refusal != null) {
      done.tell(refusal, null);
      return;
    }
    try {
      beginning.begin();
    } catch (RefusedException e) {
      done.tell(e.reply(), null);
    }
  }

  /** Begins a command that creates what its request describes, unless the gid is known. */
  private void create(
      TransactionRequest request,
      GlobalStatus status,
      Known again,
      Waits waits,
      EventLoop loop,
      Done done)
      throws RefusedException {
    Set<String> topics = Creation.topicsOf(request);
    if (topics.isEmpty()) {
      create(request, Topics.NONE, status, again, waits, loop, done);
      return;
    }
    runs.prepare(
        Creation.gidOf(request),
        () -> subscriptions.read(topics),
        loop,
        done,
        read ->
            unlessRefused(
                done, () -> create(request, read::get, status, again, waits, loop, done)));
  }

  private void create(
      TransactionRequest request,
      Topics topics,
      GlobalStatus status,
      Known again,
      Waits waits,
      EventLoop loop,
      Done done)
      throws RefusedException {
    Transaction proposed;
    try {
      proposed = Creation.of(request, topics, store.storeTime());
    } catch (RefusedException e) {
      if (!e.isByTopics()) {
        throw e;
      }
      var refused = new Commands.Verdict.Answer(e.reply());
      Rule rule =
          (stored, owner, now) -> stored == null ? refused : again.decide(stored, owner, now);
      runs.change(Creation.gidOf(request), rule, waits, loop, done);
      return;
    }
    create(proposed, status, again, waits, loop, done);
  }

  private void create(
      Transaction proposed,
      GlobalStatus status,
      Known again,
      Waits waits,
      EventLoop loop,
      Done done) {
    Rule rule =
        (stored, owner, now) ->
            stored == null
                ? commands.create(proposed, status, owner, now)
                : again.decide(stored, owner, now);
    runs.create(proposed, status, rule, waits, loop, done);
  }

  /** Commands that have not been answered. */
  public int open() {
    return runs.open();
  }

  /** From now on every command is refused. */
  void stop() {
    admission.stop();
  }

  /** Answers all that are still open, with what is known. */
  void endAll() {
    runs.endAll();
  }

  /** Tells clients whose write takes too long; called several times a second. */
  void sweep() {
    runs.sweep();
  }

  /** What a command does about a record that is there. */
  private interface Known {
    Commands.Verdict decide(Stored stored, Owner owner, Instant now);
  }
}
