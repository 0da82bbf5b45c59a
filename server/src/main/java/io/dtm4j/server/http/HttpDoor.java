package io.dtm4j.server.http;

import io.dtm4j.coordinator.Doors;
import io.dtm4j.model.Stored;
import io.vertx.core.Future;
import io.vertx.core.net.SocketAddress;
import java.time.Duration;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The door for clients that speak HTTP (docs/spec/http-api.md): a listener on each event loop, all
 * on one port. Any thread.
 *
 * <p>It ends in two steps. {@link #stopAccepting} lets what is open come to its end and refuses
 * everything new politely; {@link #close} closes what is left.
 */
public final class HttpDoor implements AutoCloseable {
  private static final Duration LAST_WORDS = Duration.ofSeconds(1);

  /** Listeners that name the same number share one free port. */
  private static final AtomicInteger RANDOM_PORTS = new AtomicInteger();

  private final List<Listener> listeners;

  private HttpDoor(List<Listener> listeners) {
    this.listeners = List.copyOf(listeners);
  }

  /**
   * What a door needs to answer.
   *
   * @param doors carries out what clients want
   * @param policy which branch addresses are taken
   * @param answers writes transactions for people
   * @param waitingFor says what a transaction waits for; null: for nothing
   * @param version of the server
   */
  record Service(
      Doors doors,
      AddressPolicy policy,
      QueryAnswer answers,
      Function<Stored, @Nullable String> waitingFor,
      String version) {}

  /**
   * Opens a listener on each loop. Blocks until all of them listen; when one cannot, none does, and
   * the reason is thrown.
   *
   * @param waitingFor a sentence that says what a transaction waits for, or null for nothing
   * @param zone of the times in answers
   * @param version of the server, for {@code /version}
   */
  public static HttpDoor open(
      Loops loops,
      ListenerConfig config,
      Doors doors,
      AddressPolicy policy,
      Function<Stored, @Nullable String> waitingFor,
      ZoneId zone,
      String version) {
    var service = new Service(doors, policy, new QueryAnswer(zone), waitingFor, version);
    List<Listener> listeners = new ArrayList<>();
    List<Future<?>> opened = new ArrayList<>();
    SocketAddress address =
        config.port() == 0
            ? SocketAddress.sharedRandomPort(RANDOM_PORTS.incrementAndGet(), config.host())
            : SocketAddress.inetSocketAddress(config.port(), config.host());
    for (Loop loop : loops.withContexts()) {
      var listener = new Listener(loops.vertx(), loop, config, service);
      listeners.add(listener);
      opened.add(listener.open(address));
    }
    var door = new HttpDoor(listeners);
    try {
      Future.join(opened).await();
    } catch (RuntimeException e) {
      door.close();
      throw e;
    }
    return door;
  }

  /** Where it listens. */
  public int port() {
    return listeners.getFirst().port();
  }

  /** Requests that have begun and are not answered yet. */
  public int openRequests() {
    return listeners.stream().mapToInt(listener -> listener.open.get()).sum();
  }

  /**
   * From now on answers new requests with 503 and the code STOPPING, on kept and on new
   * connections, and closes each connection after its answer. What is open is answered as ever.
   */
  public void stopAccepting() {
    listeners.forEach(Listener::stopAccepting);
  }

  /**
   * Closes listeners and connections. Answers that are on their way out are given a second. Blocks
   * until everything is closed.
   */
  @Override
  public void close() {
    stopAccepting();
    Future.join(listeners.stream().map(listener -> listener.close(LAST_WORDS)).toList())
        .otherwiseEmpty()
        .await();
  }
}
