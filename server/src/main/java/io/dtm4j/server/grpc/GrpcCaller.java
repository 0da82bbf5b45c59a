package io.dtm4j.server.grpc;

import io.dtm4j.coordinator.Caller;
import io.dtm4j.engine.Call;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.GrpcAddress;
import io.dtm4j.server.http.AddressPolicy;
import io.dtm4j.server.http.Loops;
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
import java.util.function.Consumer;
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
  private final LongSupplier nanoTime;
  private final Channels channels;
  private final List<LoopCaller> callers;
  private final AtomicBoolean closed = new AtomicBoolean();

  private GrpcCaller(
      Loops loops, GrpcCallerConfig config, AddressPolicy policy, LongSupplier nanoTime) {
    this.config = config;
    this.policy = policy;
    this.nanoTime = nanoTime;
    channels = new Channels(loops, config);
    callers = loops.all().stream().map(LoopCaller::new).toList();
  }

  /**
   * Makes a caller for these loops.
   *
   * @param policy which addresses may be called
   */
  public static GrpcCaller open(Loops loops, GrpcCallerConfig config, AddressPolicy policy) {
    return open(loops, config, policy, System::nanoTime);
  }

  /**
   * The same with a clock of one's own.
   *
   * @param nanoTime monotonic, for idle times
   */
  static GrpcCaller open(
      Loops loops, GrpcCallerConfig config, AddressPolicy policy, LongSupplier nanoTime) {
    var caller = new GrpcCaller(loops, config, policy, nanoTime);
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
        // gRPC does not tell a connection that never came up from one that broke.
        caller.send(call, answer -> ended.ended(answer, false));
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

  /** Closes all connections; calls in flight end as unknown. Blocks until it is done. */
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
    try {
      told.await(CLOSES_WITHIN_SECONDS, TimeUnit.SECONDS);
      List<ManagedChannel> ended;
      synchronized (open) {
        ended = List.copyOf(open);
      }
      for (ManagedChannel channel : ended) {
        channel.awaitTermination(CLOSES_WITHIN_SECONDS, TimeUnit.SECONDS);
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

    void send(Call call, Consumer<BranchAnswer> answered) {
      try {
        begin(call, answered);
      } catch (RuntimeException e) {
        log.atError().setCause(e).addKeyValue("gid", call.gid()).log("a call failed by a defect");
        answered.accept(new BranchAnswer.Unknown("a defect of the server, its log has the cause"));
      }
    }

    private void begin(Call call, Consumer<BranchAnswer> answered) {
      if (closed.get()) {
        answered.accept(new BranchAnswer.Unknown("the server stops"));
        return;
      }
      if (!policy.allows(call.url())) {
        answered.accept(new BranchAnswer.Unknown("the address may not be called"));
        return;
      }
      Outgoing outgoing;
      try {
        GrpcAddress address = GrpcAddress.of(call.url());
        outgoing = Outgoing.of(call, address, answered, nanoTime.getAsLong());
      } catch (IllegalArgumentException e) {
        answered.accept(new BranchAnswer.Unknown(String.valueOf(e.getMessage())));
        return;
      }
      Target target = targets.computeIfAbsent(outgoing.address().target(), Target::new);
      outgoing.start(target.channel(), loop, target);
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
      List<ManagedChannel> all = targets.values().stream().map(target -> target.channel).toList();
      targets.clear();
      all.forEach(ManagedChannel::shutdownNow);
      return all;
    }

    /** The channel to a target. */
    private final class Target implements Outgoing.Ended {
      private final String name;
      private ManagedChannel channel;
      private long openedAt;
      private long usedAt;
      private long answeredAt;

      /** Its calls run out of time, so its connection may be dead without anybody knowing. */
      private boolean silent;

      Target(String name) {
        this.name = name;
        openedAt = nanoTime.getAsLong();
        answeredAt = openedAt;
        channel = channels.open(name, loop);
      }

      /** The channel for a call that begins now. */
      ManagedChannel channel() {
        usedAt = nanoTime.getAsLong();
        // A channel waits longer and longer before it connects again, up to two minutes, and
        // refuses all calls meanwhile. A call that is due is tried.
        boolean mayReopen = usedAt - openedAt > config.reconnectPause().toNanos();
        if (mayReopen && (silent || Channels.isBroken(channel))) {
          channel.shutdown(); // what is in flight on it comes to its end
          channel = channels.open(name, loop);
          openedAt = usedAt;
          silent = false;
        }
        return channel;
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
        channel.shutdown();
      }
    }
  }
}
