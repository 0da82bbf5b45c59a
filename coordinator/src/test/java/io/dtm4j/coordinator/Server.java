package io.dtm4j.coordinator;

import static java.util.Objects.requireNonNull;

import io.dtm4j.engine.Engine;
import io.dtm4j.model.Batch;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.BranchRequest;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.TransactionRequest;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.TransactionStore;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A server in virtual time: the real classes between a virtual store and virtual participants. */
final class Server {
  private static final int LOOPS = 2;
  private static final Duration CLAIM_LEASE = Duration.ofSeconds(10);

  final String name;
  final VirtualProcess process;
  final VirtualTimers timers;
  final VirtualCommitter committer;
  final VirtualCaller caller;
  final Coordinator coordinator;
  final CommandHandler commands;
  final Recovery recovery;
  final Keeper keeper;
  private final World world;
  private final List<VirtualLoop> loops;
  private int asked;
  private int unanswered;
  private boolean stopping;
  private Duration stopsBy = Duration.ZERO;

  /** What a client hears. */
  final class Answer {
    private @Nullable Reply reply;
    private @Nullable Instant at;

    boolean isThere() {
      return reply != null;
    }

    /** What came. */
    Reply reply() {
      return requireNonNull(reply, "no answer yet");
    }

    /** When it came. */
    Instant at() {
      return requireNonNull(at, "no answer yet");
    }

    private void came(String gid, @Nullable Command command, Reply answer) {
      if (reply != null) {
        throw new Violation("a client is answered once", gid + ": " + reply + ", " + answer);
      }
      unanswered--;
      world.invariants.replied(Server.this, gid, command, answer);
      reply = answer;
      at = world.time.instant();
    }
  }

  Server(World world, String name, Weather weather) {
    CoordinatorLimits limits = world.limits;
    this.world = world;
    this.name = name;
    VirtualTime time = world.time;

    process = new VirtualProcess(time);
    loops = Stream.generate(() -> new VirtualLoop(process, weather)).limit(LOOPS).toList();
    timers = new VirtualTimers(process, weather);
    committer =
        new VirtualCommitter(
            time,
            process,
            weather,
            world.store,
            world.disk,
            world.inSteps,
            new VirtualCommitter.Listener() {
              @Override
              public void handedOver(Batch batch) {
                world.invariants.handedOver(Server.this, batch);
              }

              @Override
              public void settled(Batch batch, CommitResult result) {
                if (result instanceof CommitResult.Rejected) {
                  world.rejected(batch);
                }
              }
            });
    caller =
        new VirtualCaller(
            time,
            process,
            weather,
            world.participants,
            loops,
            (pass, call) -> world.invariants.leaves(this, pass, call));
    var reads = new VirtualReads(process, weather);
    var claims = new Claims(name, "process-" + world.nextProcess());
    var engine = new Engine(world.settings);
    TransactionStore store = world.store.seenBy(weather);
    coordinator =
        new Coordinator(
            engine,
            committer,
            caller,
            timers,
            store::storeTime,
            time::nanoTime,
            limits,
            world.observer);
    commands =
        new CommandHandler(
            coordinator,
            engine,
            store,
            committer,
            reads,
            claims,
            timers,
            time::nanoTime,
            new Subscriptions(world.store, new ClientWrites(world.store, committer, timers)),
            limits);
    recovery =
        new Recovery(
            coordinator,
            store,
            committer,
            reads,
            claims,
            timers,
            time::nanoTime,
            loops,
            CLAIM_LEASE,
            world.safetyNet,
            limits);
    keeper =
        new Keeper(
            coordinator, commands, recovery, committer, timers, time::nanoTime, loops.getFirst());
  }

  void start() {
    if (world.disk != null) {
      world.disk.openAnew();
    }
    keeper.start();
    recovery.start();
  }

  /** A client's request; it arrives on one of the loops. */
  Answer ask(Command command) {
    return ask(command, _ -> {});
  }

  /**
   * The same.
   *
   * @param heard told the answer
   */
  Answer ask(Command command, Consumer<Reply> heard) {
    return ask(command, loops.get(asked++ % LOOPS), heard);
  }

  /** A client's request; it arrives on that loop. */
  Answer ask(Command command, VirtualLoop loop) {
    return ask(command, loop, _ -> {});
  }

  private Answer ask(Command command, VirtualLoop loop, Consumer<Reply> heard) {
    var answer = new Answer();
    String gid = command.request().gid();
    if (command.kind() == Command.Kind.FORCE_STOP) {
      world.invariants.stopIsWanted(new Gid(gid));
    }
    loop.execute(
        () -> {
          unanswered++;
          world.invariants.asked(this, gid);
          commands.handle(
              command,
              loop,
              reply -> {
                answer.came(gid, command, reply);
                heard.accept(reply);
              });
        });
    return answer;
  }

  /** A client registers a branch; it arrives on one of the loops. */
  Answer register(BranchRequest branch) {
    return register(branch, _ -> {});
  }

  /**
   * The same.
   *
   * @param heard told the answer
   */
  Answer register(BranchRequest branch, Consumer<Reply> heard) {
    var answer = new Answer();
    VirtualLoop loop = loops.get(asked++ % LOOPS);
    loop.execute(
        () -> {
          unanswered++;
          world.invariants.asked(this, branch.gid());
          commands.registerBranch(
              branch,
              loop,
              reply -> {
                answer.came(branch.gid(), null, reply);
                world.invariants.registered(branch, reply);
                heard.accept(reply);
              });
        });
    return answer;
  }

  /** A client starts a workflow; it arrives on one of the loops. */
  Answer prepareWorkflow(Requests workflow, Consumer<Stored> found) {
    return prepareWorkflow(workflow, found, _ -> {});
  }

  /**
   * The same.
   *
   * @param refused told any answer that is no success
   */
  Answer prepareWorkflow(Requests workflow, Consumer<Stored> found, Consumer<Reply> refused) {
    var answer = new Answer();
    VirtualLoop loop = loops.get(asked++ % LOOPS);
    TransactionRequest request = workflow.request();
    loop.execute(
        () -> {
          unanswered++;
          world.invariants.asked(this, request.gid());
          commands.prepareWorkflow(
              request,
              loop,
              stored -> {
                answer.came(request.gid(), null, Reply.Success.INSTANCE);
                found.accept(stored);
              },
              trouble -> {
                answer.came(request.gid(), null, trouble);
                refused.accept(trouble);
              });
        });
    return answer;
  }

  /** A client's query; it arrives on the first loop. */
  void query(String gid, Consumer<@Nullable Stored> found, Consumer<Reply> trouble) {
    VirtualLoop loop = loops.getFirst();
    loop.execute(() -> commands.query(new Gid(gid), loop, found, trouble));
  }

  /** The pass that this server has for a gid; null: none. */
  @Nullable LivePass passOf(String gid) {
    return coordinator.passOf(new Gid(gid));
  }

  /** Where the passes of a gid run that recovery begins. */
  VirtualLoop loopOf(String gid) {
    return loops.get(Math.floorMod(new Gid(gid).hashCode(), LOOPS));
  }

  /** One that is not that one. */
  VirtualLoop loopBeside(VirtualLoop loop) {
    return loops.get((loops.indexOf(loop) + 1) % LOOPS);
  }

  /** Whether it has neither crashed nor begun to stop. */
  boolean isUp() {
    return !process.isDead() && !stopping;
  }

  /**
   * Whether it may have cut off by now what it waited for when it began to stop; true as well of
   * one that does not stop.
   */
  boolean isStopOver() {
    return process.isDead() || world.time.passed().compareTo(stopsBy) >= 0;
  }

  /** Nothing is kept of what has ended. */
  void checkIdle() {
    checkNone("passes", coordinator.openPasses());
    checkNone("passes to come", coordinator.upcomingPasses());
    checkNone("bytes", coordinator.openBytes());
    checkNone("commands", commands.open());
    checkNone("clients without an answer", unanswered);
    checkNone("timers", recovery.armed());
  }

  private void checkNone(String what, long number) {
    if (number != 0) {
      throw new Violation("nothing is kept of what has ended", name + ": " + number + " " + what);
    }
  }

  /** It is gone at once, with all it had in memory. */
  void crash() {
    process.die();
  }

  /**
   * It ends in good order.
   *
   * @param ended run when it has, unless it crashes before
   */
  void stop(Duration within, Runnable ended) {
    if (!stopping) { // an impatient operator may ask again
      stopsBy = world.time.passed().plus(within);
    }
    stopping = true;
    process.after(Duration.ZERO, () -> keeper.stop(within, () -> stopped(ended)));
  }

  private void stopped(Runnable ended) {
    if (unanswered != 0) {
      throw new Violation("a stop leaves no client without an answer", name + ": " + unanswered);
    }
    crash();
    ended.run();
  }

  /** It stands still for that long. */
  void pause(Duration length) {
    process.pause(length);
  }
}
