package io.dtm4j.server.http;

import io.dtm4j.engine.Call;
import io.dtm4j.protocol.BranchAnswer;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpClientAgent;
import io.vertx.core.http.HttpClientOptions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/** The caller's part on one event loop. All but opening and closing happens there. */
final class LoopCaller {
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
  final long idleNanos;
  private final boolean insideDocker;
  private final Map<Address.Origin, Destination> destinations = new HashMap<>();
  private final Map<String, Address> addresses = new HashMap<>();

  /**
   * @param loops how many share the limits
   */
  LoopCaller(
      Vertx vertx,
      Loop loop,
      int loops,
      CallerConfig config,
      AddressPolicy policy,
      LongSupplier nanoTime) {
    this.loop = loop;
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

  void send(Call call, Consumer<BranchAnswer> answered) {
    var outgoing = new Outgoing(this, call, answered);
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
