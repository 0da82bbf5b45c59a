package io.dtm4j.server.grpc;

import io.dtm4j.coordinator.Caller;
import io.dtm4j.engine.Call;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.server.http.AddressPolicy;
import io.dtm4j.server.http.Loops;
import io.dtm4j.server.http.Room;
import io.dtm4j.store.EventLoop;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Calls participants over gRPC (docs/spec/branch-calls.md 5). A call stays on the loop from which
 * it was sent, and so does its answer: each loop has a channel to each target it calls.
 */
public final class GrpcCaller implements Caller, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(GrpcCaller.class);
  private static final long SWEEP_MILLIS = 1_000;
  private static final long CLOSES_WITHIN_SECONDS = 1;

  private final GrpcCallerConfig config;
  private final AddressPolicy policy;
  private final Room answers;
  private final LongSupplier nanoTime;
  private final Channels channels;
  private final List<LoopCaller> callers;
  private final AtomicBoolean closed = new AtomicBoolean();

  private GrpcCaller(
      Loops loops,
      GrpcCallerConfig config,
      AddressPolicy policy,
      Room answers,
      LongSupplier nanoTime) {
    this.config = config;
    this.policy = policy;
    this.answers = answers;
    this.nanoTime = nanoTime;
    channels = new Channels(loops, config);
    callers = loops.all().stream().map(LoopCaller::new).toList();
  }

  /**
   * Makes a caller for these loops.
   *
   * @param policy which addresses may be called
   * @param answers memory for answers that are on their way in; one that finds none is unknown
   */
  public static GrpcCaller open(
      Loops loops, GrpcCallerConfig config, AddressPolicy policy, Room answers) {
    return open(loops, config, policy, answers, System::nanoTime);
  }

  /**
   * The same with a clock of one's own.
   *
   * @param nanoTime monotonic, for idle times
   */
  static GrpcCaller open(
      Loops loops,
      GrpcCallerConfig config,
      AddressPolicy policy,
      Room answers,
      LongSupplier nanoTime) {
    var caller = new GrpcCaller(loops, config, policy, answers, nanoTime);
    loops.every(SWEEP_MILLIS, caller::sweep);
    return caller;
  }

  /**
   * {@inheritDoc}
   *
   * @throws IllegalStateException on a thread that is none of the loops
   */
  @Override
  public void send(Call call, Ended ended) {
    for (LoopCaller caller : callers) {
      if (caller.loop.isCurrent()) {
        caller.send(call, ended);
        return;
      }
    }
    throw new IllegalStateException("a call from " + Thread.currentThread() + ", which is no loop");
  }

  /** Closes channels that nobody has used for a while, each on its loop. */
  void sweep() {
    callers.forEach(caller -> caller.loop.execute(caller::closeIdle));
  }

  /** Channels that are open, over all loops; on any of them as it is at the moment. */
  long openChannels() {
    return callers.stream().mapToLong(caller -> caller.targets.size()).sum();
  }

  /** Closes all connections; calls in flight end as unknown. Blocks for a second at most. */
  @Override
  public void close() {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    var open = new ArrayList<ManagedChannel>();
    var told = new CountDownLatch(callers.size());
    for (LoopCaller caller : callers) {
      caller.loop.execute(
          () -> {
            List<ManagedChannel> ended = caller.closeAll();
            synchronized (open) {
              open.addAll(ended);
            }
            told.countDown();
          });
    }
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(CLOSES_WITHIN_SECONDS);
    try {
      told.await(CLOSES_WITHIN_SECONDS, TimeUnit.SECONDS);
      List<ManagedChannel> ended;
      synchronized (open) {
        ended = List.copyOf(open);
      }
      for (ManagedChannel channel : ended) {
        channel.awaitTermination(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** The caller's part on one event loop; all but its making happens there. */
  private final class LoopCaller {
    final EventLoop loop;
    private final Map<String, Target> targets = new ConcurrentHashMap<>(); // counted elsewhere

    LoopCaller(EventLoop loop) {
      this.loop = loop;
    }

    void send(Call call, Ended ended) {
      try {
        begin(call, ended);
      } catch (IllegalArgumentException e) {
        fail(String.valueOf(e.getMessage()), ended);
      } catch (RuntimeException e) {
        log.atError().setCause(e).addKeyValue("gid", call.gid()).log("a call failed by a defect");
        fail("a defect of the server, its log has the cause", ended);
      }
    }

    private void begin(Call call, Ended ended) {
      if (closed.get()) {
        throw new IllegalArgumentException("the server stops");
      }
      if (!policy.allows(call.url())) {
        throw new IllegalArgumentException("the address may not be called");
      }
      Outgoing outgoing = Outgoing.of(call, ended, loop, nanoTime.getAsLong());
      outgoing.start(targets.computeIfAbsent(outgoing.address().target(), Target::new));
    }

    /** Whoever sends does not expect the answer before its own method has returned. */
    private void fail(String why, Ended ended) {
      loop.execute(() -> ended.ended(new BranchAnswer.Unknown(why), false));
    }

    void closeIdle() {
      long now = nanoTime.getAsLong();
      targets
          .values()
          .removeIf(
              target -> {
                boolean idle = now - target.usedAt > config.idleTimeout().toNanos();
                if (idle) {
                  target.close();
                }
                return idle;
              });
    }

    List<ManagedChannel> closeAll() {
      List<ManagedChannel> all =
          targets.values().stream().map(target -> target.line.channel()).toList();
      targets.clear();
      all.forEach(ManagedChannel::shutdownNow);
      return all;
    }

    /** What lies between the loop and a target. */
    private final class Target implements Outgoing.Target {
      private final String name;
      private Outgoing.Line line;
      private long openedAt;
      private long usedAt;
      private long answeredAt;

      /** Its calls run out of time, so its connection may be dead without anybody knowing. */
      private boolean silent;

      Target(String name) {
        this.name = name;
        openedAt = nanoTime.getAsLong();
        answeredAt = openedAt;
        line = open();
      }

      private Outgoing.Line open() {
        Connections none = channels.none();
        return new Outgoing.Line(channels.open(name, none, loop), none);
      }

      @Override
      public Outgoing.Line line() {
        usedAt = nanoTime.getAsLong();
        // A channel waits longer and longer before it connects again, up to two minutes, and
        // refuses all calls meanwhile. A call that is due is tried.
        boolean mayReopen = usedAt - openedAt > config.reconnectPause().toNanos();
        if (mayReopen && (silent || isBroken())) {
          close();
          line = open();
          openedAt = usedAt;
          silent = false;
        }
        return line;
      }

      private boolean isBroken() {
        // The channel itself hears of a failure later than the call that failed by it.
        return line.connections().areDown() || Channels.isBroken(line.channel());
      }

      @Override
      public Room answers() {
        return answers;
      }

      @Override
      public void ended(Status.Code code, long beganAt) {
        if (code != Status.Code.DEADLINE_EXCEEDED) {
          answeredAt = nanoTime.getAsLong();
        } else if (answeredAt - beganAt < 0 && openedAt - beganAt <= 0) {
          silent = true;
        }
      }

      /** Calls in flight come to their end. */
      void close() {
        line.channel().shutdown();
      }
    }
  }
}
