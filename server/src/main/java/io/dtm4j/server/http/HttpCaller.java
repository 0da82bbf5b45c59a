package io.dtm4j.server.http;

import io.dtm4j.coordinator.Caller;
import io.dtm4j.engine.Call;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpClientAgent;
import io.vertx.core.http.HttpClientOptions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * Calls participants over HTTP (docs/spec/branch-calls.md 3). A call stays on the loop from which
 * it was sent, and so does its answer.
 */
public final class HttpCaller implements Caller, AutoCloseable {
  private final List<LoopCaller> callers;
  private final Room answers;

  private HttpCaller(List<LoopCaller> callers, Room answers) {
    this.callers = callers;
    this.answers = answers;
  }

  /**
   * Makes a caller for these loops.
   *
   * @param policy which addresses may be called
   */
  public static HttpCaller open(Loops loops, CallerConfig config, AddressPolicy policy) {
    return open(loops, config, policy, System::nanoTime);
  }

  /**
   * The same with a clock of one's own.
   *
   * @param nanoTime monotonic, for time-outs and idle times
   */
  static HttpCaller open(
      Loops loops, CallerConfig config, AddressPolicy policy, LongSupplier nanoTime) {
    List<Loop> all = loops.withContexts();
    var answers = new Room(config.answerRoom());
    return new HttpCaller(
        all.stream()
            .map(
                loop ->
                    new LoopCaller(
                        loops.vertx(), loop, all.size(), config, answers, policy, nanoTime))
            .toList(),
        answers);
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

  /** Memory for answers that are on their way in, for callers of other transports, too. */
  public Room answers() {
    return answers;
  }

  /** Closes all connections; calls in flight end as unknown. Blocks until it is done. */
  @Override
  public void close() {
    Future.join(callers.stream().map(LoopCaller::close).toList()).otherwiseEmpty().await();
  }

  /** The caller's part on one event loop. All but opening and closing happens there. */
  static final class LoopCaller {
    private static final int CHUNK = 64 << 10;
    private static final int MAX_HEADERS = 64 << 10;

    /** Urls that are kept in pieces; most participants have a handful. */
    private static final int KNOWN_URLS = 1_024;

    private static final int LONG_URL = 1_024;

    final Loop loop;
    final HttpClientAgent client;
    final AddressPolicy policy;
    final LongSupplier nanoTime;
    final Deadlines deadlines;
    final int maxConnections;
    final int maxWaiting;
    final int maxAnswer;

    /** Room for answers that are on their way in, on all loops. */
    final Room answers;

    final long idleNanos;
    private final boolean insideDocker;
    private final Map<Address.Origin, Destination> destinations = new HashMap<>();
    private final Map<String, Address> addresses = new HashMap<>();

    /**
     * @param loops how many share the limits
     * @param answers room that they share
     */
    LoopCaller(
        Vertx vertx,
        Loop loop,
        int loops,
        CallerConfig config,
        Room answers,
        AddressPolicy policy,
        LongSupplier nanoTime) {
      this.loop = loop;
      this.answers = answers;
      this.policy = policy;
      this.nanoTime = nanoTime;
      deadlines = new Deadlines(nanoTime.getAsLong());
      maxConnections = share(config.connectionsPerDestination(), loops);
      maxWaiting = share(config.waitingPerDestination(), loops);
      maxAnswer = config.answerBytes();
      idleNanos = config.idleTimeout().toNanos();
      insideDocker = config.insideDocker();
      client =
          vertx.createHttpClient(
              new HttpClientOptions()
                  .setConnectTimeout((int) config.connectTimeout().toMillis())
                  .setMaxChunkSize(CHUNK)
                  .setMaxHeaderSize(MAX_HEADERS));
      loop.execute(() -> vertx.setPeriodic(Deadlines.TICK_MILLIS, _ -> sweep()));
    }

    private static int share(int all, int loops) {
      return (all + loops - 1) / loops;
    }

    void send(Call call, Ended ended) {
      var outgoing = new Outgoing(this, call, ended);
      deadlines.add(outgoing, nanoTime.getAsLong(), call.timeout().toNanos());
      outgoing.start();
    }

    /**
     * A url in pieces.
     *
     * @throws IllegalArgumentException when it cannot be called
     */
    Address addressOf(String url) {
      Address known = addresses.get(url);
      if (known == null) {
        known = Address.of(url, insideDocker);
        if (url.length() <= LONG_URL) {
          if (addresses.size() >= KNOWN_URLS) {
            addresses.clear();
          }
          addresses.put(url, known);
        }
      }
      return known;
    }

    Destination destination(Address.Origin origin) {
      Destination destination = destinations.get(origin);
      if (destination == null) {
        destination = new Destination(this, origin);
        destinations.put(origin, destination);
      }
      return destination;
    }

    void forget(Address.Origin origin, Destination destination) {
      destinations.remove(origin, destination);
    }

    /** Ends all calls as unknown. */
    Future<?> close() {
      return client.close();
    }

    private void sweep() {
      long now = nanoTime.getAsLong();
      deadlines.sweep(now);
      List.copyOf(destinations.values()).forEach(destination -> destination.sweep(now));
    }
  }
}
