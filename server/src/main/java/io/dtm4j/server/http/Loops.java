package io.dtm4j.server.http;

import static java.util.Objects.requireNonNull;

import io.dtm4j.store.EventLoop;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFactory;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.ServerChannel;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.core.internal.ContextInternal;
import io.vertx.core.internal.VertxInternal;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * The event loops on which doors, passes and callers run. As many as there are cores is best: one
 * less leaves a core idle, one more costs a fifth more CPU (docs/performance.md).
 */
public final class Loops implements AutoCloseable {
  static {
    // Read once, when Vert.x is loaded: nothing asks for its metrics, and they cost on each
    // message.
    if (System.getProperty("vertx.disableMetrics") == null) {
      System.setProperty("vertx.disableMetrics", "true");
    }
  }

  private final Vertx vertx;
  private final List<Loop> loops;

  private Loops(Vertx vertx, List<Loop> loops) {
    this.vertx = vertx;
    this.loops = List.copyOf(loops);
  }

  /**
   * Starts the loops. Blocks until they run.
   *
   * @param count at least 1
   */
  public static Loops start(int count) {
    Vertx vertx =
        Vertx.vertx(
            new VertxOptions()
                .setEventLoopPoolSize(count)
                .setPreferNativeTransport(true)
                .setFileSystemOptions(
                    new FileSystemOptions()
                        .setFileCachingEnabled(false)
                        .setClassPathResolvingEnabled(false)));
    List<Loop> loops = new CopyOnWriteArrayList<>();
    vertx
        .deployVerticle(() -> new Arrival(loops), new DeploymentOptions().setInstances(count))
        .await();
    return new Loops(vertx, loops);
  }

  /** What carries HTTP here, by name and version. */
  public static String library() {
    Package vertx = requireNonNull(Vertx.class.getPackage(), "only arrays have none");
    return "Vert.x " + vertx.getImplementationVersion();
  }

  /** All loops, always in the same order. */
  public List<EventLoop> all() {
    return List.copyOf(loops);
  }

  /**
   * The loop whose thread this is.
   *
   * @throws IllegalStateException on any other thread
   */
  public EventLoop current() {
    for (Loop loop : loops) {
      if (loop.isCurrent()) {
        return loop;
      }
    }
    throw new IllegalStateException(Thread.currentThread() + " is no loop");
  }

  /** Does something again and again on one of them, with a pause of that many milliseconds. */
  public void every(long pauseMillis, Runnable task) {
    loops.getFirst().execute(() -> vertx.setPeriodic(pauseMillis, _ -> task.run()));
  }

  /** The same loops, for a library that brings its own protocol on Netty. */
  public EventLoopGroup netty() {
    return ((VertxInternal) vertx).nettyEventLoopGroup();
  }

  /** Makes the channels that listen on {@link #netty}. */
  public ChannelFactory<? extends ServerChannel> listeningChannels() {
    return ((VertxInternal) vertx).transport().serverChannelFactory(false);
  }

  /** The Netty loop of one of these loops. */
  public EventLoopGroup nettyLoop(EventLoop loop) {
    return ((ContextInternal) ((Loop) loop).context()).nettyEventLoop();
  }

  /** Makes the channels that connect from {@link #netty}. */
  public ChannelFactory<? extends Channel> connectingChannels() {
    return ((VertxInternal) vertx).transport().channelFactory(false);
  }

  List<Loop> withContexts() {
    return loops;
  }

  Vertx vertx() {
    return vertx;
  }

  /** Ends all loops, with whatever still runs on them. Blocks until they have ended. */
  @Override
  public void close() {
    vertx.close().await();
  }

  /** Vert.x gives each instance of a verticle the next loop; that is all it is for. */
  private static final class Arrival extends VerticleBase {
    private final List<Loop> loops;

    Arrival(List<Loop> loops) {
      this.loops = loops;
    }

    @Override
    public Future<?> start() {
      loops.add(new Loop(context, Thread.currentThread()));
      return Future.succeededFuture();
    }
  }
}
