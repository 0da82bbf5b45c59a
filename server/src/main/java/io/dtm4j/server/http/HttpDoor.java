package io.dtm4j.server.http;

import io.dtm4j.coordinator.Doors;
import io.dtm4j.coordinator.Listings;
import io.dtm4j.coordinator.Servers;
import io.dtm4j.coordinator.Subscriptions;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Reply;
import io.dtm4j.server.metrics.Metrics;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.WorkerExecutor;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.impl.HttpServerConnection;
import io.vertx.core.net.SocketAddress;
import java.time.Duration;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

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
  private final WorkerExecutor largeBodies;

  private HttpDoor(List<Listener> listeners, WorkerExecutor largeBodies) {
    this.listeners = List.copyOf(listeners);
    this.largeBodies = largeBodies;
  }

  /**
   * What stands behind the door.
   *
   * @param resetAfter a due time further away than this is what {@code resetCronTime} means when it
   *     does not say so
   * @param notReady why no requests should be sent to this server; gives null when they should
   */
  public record Operations(
      Doors doors,
      Listings listings,
      Subscriptions subscriptions,
      Servers servers,
      Duration resetAfter,
      Supplier<? extends @Nullable Reply> notReady) {}

  /**
   * What a door needs to answer.
   *
   * @param doors carries out what clients want
   * @param policy which branch addresses are taken
   * @param administration carries out what concerns many transactions
   * @param json writes transactions for people
   * @param waitingFor says what a transaction waits for; null: for nothing
   * @param notReady why no requests should be sent here; gives null when they should
   * @param version of the server
   * @param metrics what is shown of them all
   * @param counts of the requests here
   * @param bodies room for bodies until their requests are answered
   * @param answers room for long answers until they have left
   * @param largeBodies reads one at a time: that takes several times its size
   */
  record Service(
      Doors doors,
      AddressPolicy policy,
      Administration administration,
      RecordJson json,
      Function<Stored, @Nullable String> waitingFor,
      Supplier<? extends @Nullable Reply> notReady,
      String version,
      Metrics metrics,
      RequestCounts counts,
      Room bodies,
      Room answers,
      WorkerExecutor largeBodies) {}

  /**
   * Opens a listener on each loop. Blocks until all of them listen; when one cannot, none does, and
   * the reason is thrown.
   *
   * @param waitingFor a sentence that says what a transaction waits for, or null for nothing
   * @param zone of the times in answers
   * @param version of the server, for {@code /version}
   * @param metrics shown, and told of each request
   */
  public static HttpDoor open(
      Loops loops,
      ListenerConfig config,
      Operations operations,
      AddressPolicy policy,
      Function<Stored, @Nullable String> waitingFor,
      ZoneId zone,
      String version,
      Metrics metrics) {
    var answers = new Room(config.answerRoom());
    var json = new RecordJson(zone, answers);
    WorkerExecutor largeBodies = loops.vertx().createSharedWorkerExecutor("large-bodies", 1);
    var service =
        new Service(
            operations.doors(),
            policy,
            new Administration(operations, policy, json),
            json,
            waitingFor,
            operations.notReady(),
            version,
            metrics,
            new RequestCounts(metrics),
            new Room(config.bodyRoom()),
            answers,
            largeBodies);
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
    var door = new HttpDoor(listeners, largeBodies);
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
    largeBodies.close().await();
  }

  /**
   * The door's part on one event loop: its connections, and when they are given up. What is asked
   * on them is the business of {@link Incoming}. Everything but opening, stopping and counting
   * happens on the loop.
   */
  static final class Listener {
    private static final Logger log = LoggerFactory.getLogger(Listener.class);

    private static final int MAX_LINE = 16 << 10;
    private static final int MAX_HEADERS = 64 << 10;
    private static final int CHUNK = 64 << 10;
    private static final int BACKLOG = 4_096;
    private static final long MAX_PAUSE_MILLIS = 1_000;
    private static final int SWEEPS_PER_TIMEOUT = 4;

    private static final int BAD_REQUEST = 400;
    private static final int NOT_FOUND = 404;
    private static final int URI_TOO_LONG = 414;
    private static final int HEADERS_TOO_LARGE = 431;

    final Loop loop;
    final ListenerConfig config;
    final Service service;

    /** Requests that have begun and are not answered yet. */
    final AtomicInteger open = new AtomicInteger();

    private final HttpServer server;
    private final IdentityHashMap<HttpConnection, Link> links = new IdentityHashMap<>();
    private volatile boolean stopping;

    Listener(Vertx vertx, Loop loop, ListenerConfig config, Service service) {
      this.loop = loop;
      this.config = config;
      this.service = service;
      var options =
          new HttpServerOptions()
              .setHttp2ClearTextEnabled(false)
              .setPerMessageWebSocketCompressionSupported(false)
              .setPerFrameWebSocketCompressionSupported(false)
              .setMaxInitialLineLength(MAX_LINE)
              .setMaxHeaderSize(MAX_HEADERS)
              .setMaxChunkSize(CHUNK)
              .setAcceptBacklog(BACKLOG);
      server =
          vertx
              .createHttpServer(options)
              .connectionHandler(connection -> links.put(connection, new Link(connection)))
              .requestHandler(this::received)
              // Without it Vert.x answers versions of HTTP that it does not know by itself: a bare
              // 501.
              .webSocketHandshakeHandler(handshake -> handshake.reject(NOT_FOUND))
              .invalidRequestHandler(this::invalid)
              .exceptionHandler(trouble -> log.debug("a connection failed early", trouble));
    }

    /** Begins to listen. */
    Future<?> open(SocketAddress address) {
      Promise<HttpServer> listening = Promise.promise();
      loop.execute(
          () -> {
            long least = Math.min(config.bodyTimeout().toMillis(), config.idleTimeout().toMillis());
            long pause = Math.clamp(least / SWEEPS_PER_TIMEOUT, 1, MAX_PAUSE_MILLIS);
            loop.context().owner().setPeriodic(pause, _ -> sweep(System.nanoTime()));
            server.listen(address).onComplete(listening);
          });
      return listening.future();
    }

    int port() {
      return server.actualPort();
    }

    boolean isStopping() {
      return stopping;
    }

    void stopAccepting() {
      stopping = true;
    }

    Future<?> close(Duration patience) {
      return server.shutdown(patience);
    }

    private void received(HttpServerRequest request) {
      if (request.version() == null) {
        invalid(request);
      } else {
        begin(request).carryOut();
      }
    }

    private Incoming begin(HttpServerRequest request) {
      Link link = links.computeIfAbsent(request.connection(), Link::new);
      var incoming = new Incoming(this, request);
      link.latest = incoming;
      return incoming;
    }

    /** What is no HTTP, or exceeds what a line or the headers may have. */
    private void invalid(HttpServerRequest request) {
      Incoming incoming = begin(request);
      switch (request.decoderResult().cause()) {
        case TooLongHttpLineException _ ->
            incoming.refuse(
                URI_TOO_LONG,
                ErrorCode.LIMIT_EXCEEDED,
                "request line too long (limit: " + MAX_LINE + " bytes)");
        case TooLongHttpHeaderException _ ->
            incoming.refuse(
                HEADERS_TOO_LARGE,
                ErrorCode.LIMIT_EXCEEDED,
                "headers too long (limit: " + MAX_HEADERS + " bytes)");
        case null, default ->
            incoming.refuse(BAD_REQUEST, ErrorCode.BAD_REQUEST, "this is no HTTP request");
      }
    }

    /** Gives up what takes too long. Vert.x' own time-out would also cut requests that wait. */
    private void sweep(long now) {
      for (Link link : List.copyOf(links.values())) {
        Incoming latest = link.latest;
        if (latest == null || latest.isOver()) {
          long since = latest == null ? link.since : latest.answeredAt();
          if (now - since >= config.idleTimeout().toNanos()) {
            links.remove(link.connection);
            link.cut();
          }
        } else if (!latest.hasArrived() && now - latest.since() >= config.bodyTimeout().toNanos()) {
          latest.giveUp();
        }
      }
    }

    /** A connection of a client. */
    private final class Link {

      final HttpConnection connection;
      final long since = System.nanoTime();

      /** The last request that began on it; null: none has. */
      @Nullable Incoming latest;

      Link(HttpConnection connection) {
        this.connection = connection;
        connection.closeHandler(_ -> links.remove(connection));
        // Resets by clients are everyday events.
        connection.exceptionHandler(trouble -> log.debug("a connection failed", trouble));
      }

      /** Closes it though its client may not read. Vert.x' own close waits until all is sent. */
      void cut() {
        var _ = ((HttpServerConnection) connection).channelHandlerContext().close();
      }
    }
  }
}
