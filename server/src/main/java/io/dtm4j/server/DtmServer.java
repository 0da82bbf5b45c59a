package io.dtm4j.server;

import io.dtm4j.coordinator.Caller;
import io.dtm4j.coordinator.Claims;
import io.dtm4j.coordinator.ClientWrites;
import io.dtm4j.coordinator.CommandHandler;
import io.dtm4j.coordinator.Coordinator;
import io.dtm4j.coordinator.CoordinatorLimits;
import io.dtm4j.coordinator.Keeper;
import io.dtm4j.coordinator.Listings;
import io.dtm4j.coordinator.Readiness;
import io.dtm4j.coordinator.Recovery;
import io.dtm4j.coordinator.Retention;
import io.dtm4j.coordinator.Servers;
import io.dtm4j.coordinator.Subscriptions;
import io.dtm4j.coordinator.ThreadTimers;
import io.dtm4j.engine.Engine;
import io.dtm4j.engine.Settings;
import io.dtm4j.engine.WaitingFor;
import io.dtm4j.server.config.ServerConfig;
import io.dtm4j.server.config.ServerConfig.Alert;
import io.dtm4j.server.config.ServerConfig.Limits;
import io.dtm4j.server.config.ServerConfig.Listen;
import io.dtm4j.server.config.ServerConfig.Timing;
import io.dtm4j.server.config.StoreConfig;
import io.dtm4j.server.grpc.GrpcCaller;
import io.dtm4j.server.grpc.GrpcCallerConfig;
import io.dtm4j.server.grpc.GrpcConfig;
import io.dtm4j.server.grpc.GrpcDoor;
import io.dtm4j.server.http.AddressPolicy;
import io.dtm4j.server.http.AlertHook;
import io.dtm4j.server.http.CallerConfig;
import io.dtm4j.server.http.HttpCaller;
import io.dtm4j.server.http.HttpDoor;
import io.dtm4j.server.http.ListenerConfig;
import io.dtm4j.server.http.Loops;
import io.dtm4j.server.http.Room;
import io.dtm4j.server.http.WaitingDoor;
import io.dtm4j.server.metrics.Metrics;
import io.dtm4j.server.tracing.Tracing;
import io.dtm4j.store.ElapsedTime;
import io.dtm4j.store.EventLoop;
import io.dtm4j.store.GroupCommitter;
import io.dtm4j.store.StoreReaders;
import io.dtm4j.store.StoreUnavailableException;
import io.dtm4j.store.TransactionStore;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running server: the one class that knows all parts and puts them together. Thread-safe.
 *
 * <p>It is stopped in good order by {@link #close}: nothing new is taken, what clients wait for is
 * answered, what goes on is brought to a durable point and given back. A process that is killed
 * instead loses nothing either; the next start continues.
 */
public final class DtmServer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(DtmServer.class);

  /** Parts of the ten seconds that a stop may take (docs/operations.md). */
  private static final Duration PASSES_END_WITHIN = Duration.ofSeconds(5);

  private static final Duration COMMITS_END_WITHIN = Duration.ofSeconds(2);

  /** All of it: each part has its bound, but not their sum, and a disk may hang. */
  private static final Duration STOPS_WITHIN = Duration.ofSeconds(10);

  /** What {@code resetCronTime} means by itself: docs/spec/http-api.md 4.11. */
  private static final int RESET_AFTER_TIMEOUTS = 3;

  private static final int READERS = 2;
  private static final int WAITING_READS = 10_000;

  private final ServerConfig config;

  /** What is closed in the end, the newest first. */
  private final Deque<AutoCloseable> parts = new ArrayDeque<>();

  private final HttpDoor door;
  private final GrpcDoor grpcDoor;
  private final Keeper keeper;
  private final Retention retention;
  private final Readiness readiness;
  private final Servers servers;
  private final AtomicBoolean closed = new AtomicBoolean();

  private DtmServer(ServerConfig config, Tracing tracing) {
    this.config = config;
    part(tracing); // closed in the end, when nothing is called any more
    try {
      TransactionStore store = part(openedStore());
      Loops loops = part(Loops.start(Runtime.getRuntime().availableProcessors()));
      var metrics = new Metrics(Loops.library(), GrpcDoor.library());
      GroupCommitter committer = part(new GroupCommitter(store, 1, COMMITS_END_WITHIN, metrics));
      StoreReaders readers = part(new StoreReaders(READERS, WAITING_READS));
      HttpCaller http = part(HttpCaller.open(loops, callerConfig(config), AddressPolicy.ALL));
      GrpcCaller grpc = part(grpcCaller(loops, http.answers()));
      Caller caller = tracing.around(new Transports(http, grpc));
      ThreadTimers timers = part(new ThreadTimers());

      Timing timing = config.timing();
      CoordinatorLimits limits = limits(config.limits());
      AlertHook alerts = alertHook(loops, metrics);
      var engine =
          new Engine(
              new Settings(
                  timing.retryInterval(),
                  timing.requestTimeout(),
                  timing.timeoutToFail(),
                  !config.store().isShared()));
      LongSupplier nanoTime = config.store().isShared() ? new ElapsedTime() : System::nanoTime;
      var coordinator =
          new Coordinator(
              engine,
              committer,
              caller,
              timers,
              store::storeTime,
              nanoTime,
              limits,
              alerts == null ? metrics : alerts);
      var claims = new Claims(hostName());
      var writes = new ClientWrites(store, committer, timers);
      var subscriptions = new Subscriptions(store, writes);
      var commands =
          new CommandHandler(
              coordinator,
              engine,
              store,
              committer,
              readers,
              claims,
              timers,
              nanoTime,
              subscriptions,
              limits);
      List<EventLoop> all = loops.all();
      var recovery =
          new Recovery(
              coordinator,
              store,
              committer,
              readers,
              claims,
              timers,
              nanoTime,
              all,
              engine.leaseOfUnknown(),
              timing.transCronInterval(),
              limits);
      keeper =
          new Keeper(coordinator, commands, recovery, committer, timers, nanoTime, all.getFirst());
      retention =
          new Retention(
              store,
              committer,
              readers,
              timers,
              nanoTime,
              all.getFirst(),
              Stores.keep(config.store()));
      var gauges = new Gauges(metrics);
      gauges.work(coordinator, recovery, limits);
      gauges.store(store, committer, readers);
      gauges.alerts(alerts);
      servers =
          new Servers(
              store, committer, readers, timers, all.getFirst(), claims, coordinator::openPasses);
      readiness = new Readiness(store, committer, timers, nanoTime, all.getFirst());
      var operations =
          new HttpDoor.Operations(
              commands,
              new Listings(store, readers, writes),
              subscriptions,
              servers,
              timing.timeoutToFail().multipliedBy(RESET_AFTER_TIMEOUTS),
              readiness::refusal);
      boolean traces = tracing.isOn();
      door = part(open(config, traces, loops, operations, store, metrics));
      var grpcOperations = new GrpcDoor.Operations(commands, subscriptions, readiness::refusal);
      grpcDoor = part(open(config, traces, loops, grpcOperations, metrics));
      gauges.doors(door, grpcDoor, readiness);
      // Only now: a server that cannot listen must not have worked on anything.
      keeper.start();
      recovery.start();
      retention.start();
      readiness.start();
      servers.start(address());
    } catch (StoreUnavailableException e) {
      closeParts();
      throw new StartException(String.valueOf(e.getMessage()), e);
    } catch (RuntimeException e) {
      closeParts();
      throw e;
    }
  }

  /**
   * Starts a server. Blocks until it answers requests.
   *
   * @throws StartException when a port or the store is taken or not usable; nothing runs then
   */
  public static DtmServer start(ServerConfig config) {
    return start(config, Tracing.OFF);
  }

  /**
   * The same with spans of its calls.
   *
   * @param tracing closed with the server, or when it does not start
   */
  public static DtmServer start(ServerConfig config, Tracing tracing) {
    return new DtmServer(config, tracing);
  }

  /**
   * Deletes all transactions of a store, and nothing that is not dtm4j's.
   *
   * @return false: there is no store to delete anything of
   * @throws StartException when a server uses the store, or it is none of dtm4j's
   */
  public static boolean reset(StoreConfig store) {
    try {
      return Stores.reset(store);
    } catch (StoreUnavailableException e) {
      throw new StartException(String.valueOf(e.getMessage()), e);
    }
  }

  /** Where clients reach it. */
  public String httpUrl() {
    return "http://" + reachedAt(door.port());
  }

  /** Where clients reach it by gRPC: host and port. */
  public String grpcTarget() {
    return reachedAt(grpcDoor.port());
  }

  private String reachedAt(int port) {
    String host = config.listen().bindAddress();
    return (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
  }

  /** How other servers and people are told of this one. */
  private Servers.Address address() {
    String host = hostName();
    String bound = config.listen().bindAddress();
    boolean anywhere = bound.equals("0.0.0.0") || bound.equals("::");
    String reached = anywhere ? host : bound.contains(":") ? "[" + bound + "]" : bound;
    return new Servers.Address(
        host, reached + ":" + door.port(), reached + ":" + grpcDoor.port(), Version.TEXT);
  }

  /** Where transactions are kept and when they are safe, for people. */
  public String store() {
    return Stores.words(config.store());
  }

  /**
   * Closes it in good order when a signal ends the process, which does not wait longer than the ten
   * seconds for that.
   */
  public void closeAtExit() {
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  closeWithin(STOPS_WITHIN);
                  Logging.stop();
                },
                "shutdown"));
  }

  /**
   * Closes it, but does not wait longer than that: what hangs is left as it is, as when the process
   * is killed.
   *
   * @return whether all has ended
   */
  boolean closeWithin(Duration within) {
    Thread closing = Thread.ofPlatform().daemon().name("closing").start(this::close);
    boolean ended = false;
    try {
      ended = closing.join(within);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
    if (!ended) {
      log.atWarn()
          .addKeyValue("hangs", Arrays.toString(closing.getStackTrace()))
          .log("the stop takes too long; the rest is left to the next start");
    }
    return ended;
  }

  /** Stops in good order, within about ten seconds. Blocks until all has ended. */
  @Override
  public void close() {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    long began = System.nanoTime();
    log.info("dtm4j stops");
    readiness.stop();
    door.stopAccepting();
    grpcDoor.stopAccepting();
    retention.stop();
    try {
      keeper.stop(PASSES_END_WITHIN);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // the rest does not wait long
    }
    servers.stop();
    closeParts();
    log.atInfo()
        .addKeyValue("millis", Duration.ofNanos(System.nanoTime() - began).toMillis())
        .log("dtm4j has stopped");
  }

  private <T extends AutoCloseable> T part(T opened) {
    parts.push(opened);
    return opened;
  }

  private void closeParts() {
    for (AutoCloseable part : parts) {
      try {
        part.close();
      } catch (Exception e) {
        log.atWarn().setCause(e).addKeyValue("part", part).log("not closed");
      }
    }
  }

  private GrpcCaller grpcCaller(Loops loops, Room answers) {
    try {
      return GrpcCaller.open(loops, grpcCallerConfig(config), AddressPolicy.ALL, answers);
    } catch (IllegalArgumentException e) {
      throw new StartException("GrpcServiceConfig: " + e.getMessage(), e);
    }
  }

  /** The hook that is told of alerts, and counts the rest; null: none is configured. */
  private @Nullable AlertHook alertHook(Loops loops, Metrics metrics) {
    Alert alert = config.alert();
    if (alert.webHook().isEmpty()) {
      return null;
    }
    try {
      boolean insideDocker = config.discovery().insideDocker();
      return part(
          AlertHook.open(metrics, loops, alert.webHook(), alert.retryLimit(), insideDocker));
    } catch (IllegalArgumentException e) {
      throw new StartException("AlertWebHook: " + e.getMessage(), e);
    }
  }

  /** Opens the store. A shared one may come later: until then a door says what is waited for. */
  private TransactionStore openedStore() {
    try {
      return Stores.open(config.store());
    } catch (StoreUnavailableException e) {
      if (!config.store().isShared()) {
        throw e;
      }
      return awaitedStore(e);
    }
  }

  private TransactionStore awaitedStore(StoreUnavailableException first) {
    var why = new AtomicReference<>(String.valueOf(first.getMessage()));
    log.warn("{}; dtm4j waits for it", why);
    try (WaitingDoor _ = open(config, why::get)) {
      TransactionStore store =
          Stores.await(
              config.store(),
              e -> {
                String now = String.valueOf(e.getMessage());
                if (!now.equals(why.getAndSet(now))) {
                  log.warn("{}; dtm4j waits for it", now);
                }
              });
      log.atInfo().addKeyValue("store", store()).log("the store is there");
      return store;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StartException("the start was interrupted", e);
    }
  }

  private static WaitingDoor open(ServerConfig config, Supplier<String> why) {
    try {
      return WaitingDoor.open(listenerConfig(config), why);
    } catch (Exception e) { // Vert.x throws what it was told, checked or not
      Listen listen = config.listen();
      throw cannotListen(listen.bindAddress(), listen.httpPort(), "HttpPort", "--http-port", e);
    }
  }

  private static HttpDoor open(
      ServerConfig config,
      boolean traces,
      Loops loops,
      HttpDoor.Operations operations,
      TransactionStore store,
      Metrics metrics) {
    try {
      return HttpDoor.open(
          loops,
          listenerConfig(config).withTraces(traces),
          operations,
          AddressPolicy.ALL,
          stored -> WaitingFor.sentence(stored, store.storeTime()),
          config.zone(),
          Version.TEXT,
          metrics);
    } catch (Exception e) { // Vert.x throws what it was told, checked or not
      Listen listen = config.listen();
      throw cannotListen(listen.bindAddress(), listen.httpPort(), "HttpPort", "--http-port", e);
    }
  }

  private static GrpcDoor open(
      ServerConfig config,
      boolean traces,
      Loops loops,
      GrpcDoor.Operations operations,
      Metrics metrics) {
    Listen listen = config.listen();
    try {
      return GrpcDoor.open(
          loops,
          GrpcConfig.DEFAULTS
              .withAddress(listen.bindAddress(), listen.grpcPort())
              .withMessageBytes(config.limits().bodyBytes())
              .withTraces(traces),
          operations,
          AddressPolicy.ALL,
          metrics);
    } catch (IOException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw cannotListen(listen.bindAddress(), listen.grpcPort(), "GrpcPort", "--grpc-port", cause);
    }
  }

  private static ListenerConfig listenerConfig(ServerConfig config) {
    Listen listen = config.listen();
    return ListenerConfig.DEFAULTS
        .withAddress(listen.bindAddress(), listen.httpPort())
        .withBodyBytes(config.limits().bodyBytes());
  }

  private static CallerConfig callerConfig(ServerConfig config) {
    Limits limits = config.limits();
    return CallerConfig.DEFAULTS
        .withLimits(
            limits.callsPerDestination(), limits.queuePerDestination(), limits.answerBytes())
        .withInsideDocker(config.discovery().insideDocker());
  }

  private static GrpcCallerConfig grpcCallerConfig(ServerConfig config) {
    return GrpcCallerConfig.DEFAULTS
        .withAnswerBytes(config.limits().answerBytes())
        .withServiceConfig(config.discovery().grpcServiceConfig())
        .withInsideDocker(config.discovery().insideDocker());
  }

  private static CoordinatorLimits limits(Limits limits) {
    CoordinatorLimits d = CoordinatorLimits.DEFAULTS;
    return new CoordinatorLimits(
        limits.openPasses(),
        d.openBytes(),
        d.commitBacklog(),
        limits.callsPerDestination(),
        limits.queuePerDestination());
  }

  private static String hostName() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException _) {
      return "unnamed"; // people only lose a hint
    }
  }

  /** What to do about an address that cannot be listened on. */
  private static StartException cannotListen(
      String host, int port, String key, String option, Throwable e) {
    String address = host + ":" + port;
    String cause = String.valueOf(e.getMessage());
    if (!cause.contains("in use")) {
      return new StartException(
          "cannot listen on %s (BindAddress, %s): %s".formatted(address, key, cause), e);
    }
    return new StartException(
        """
        port %1$d is taken: cannot listen on %2$s (BindAddress, %3$s).
          Who has it:    ss -tanp 'sport = :%1$d'
          Another port:  %4$s PORT, or %3$s in the configuration
          If that shows an outgoing connection, Linux gave it this port, which lies in
          net.ipv4.ip_local_port_range. Keep it free from now on:
          sysctl -w net.ipv4.ip_local_reserved_ports=%1$d\
        """
            .formatted(port, address, key, option),
        e);
  }
}
