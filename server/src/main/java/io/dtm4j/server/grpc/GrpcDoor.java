package io.dtm4j.server.grpc;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.Empty;
import io.dtm4j.coordinator.Command;
import io.dtm4j.coordinator.Doors;
import io.dtm4j.coordinator.Subscriptions;
import io.dtm4j.protocol.BranchRequest;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.TraceContext;
import io.dtm4j.protocol.TransactionRequest;
import io.dtm4j.protocol.UnreadableRequestException;
import io.dtm4j.server.http.AddressPolicy;
import io.dtm4j.server.http.Loops;
import io.dtm4j.server.http.Requests;
import io.dtm4j.server.http.Room;
import io.dtm4j.server.metrics.Metrics;
import io.dtm4j.stubs.DtmBranchRequest;
import io.dtm4j.stubs.DtmGidReply;
import io.dtm4j.stubs.DtmGrpc;
import io.dtm4j.stubs.DtmProgressesReply;
import io.dtm4j.stubs.DtmRequest;
import io.dtm4j.stubs.DtmTopicRequest;
import io.grpc.BindableService;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.protobuf.services.ProtoReflectionService;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import io.netty.channel.ChannelOption;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The door for clients that speak gRPC (docs/spec/grpc-api.md): it runs on the server's event
 * loops, and each call on the loop of its connection. Any thread.
 *
 * <p>It ends in two steps. {@link #stopAccepting} lets what is open come to its end and refuses
 * everything new politely; {@link #close} closes what is left.
 */
public final class GrpcDoor implements AutoCloseable {
  private static final long LAST_WORDS_SECONDS = 1;
  private static final int MAX_HEADERS = 64 << 10;
  private static final int MAX_CALLS_PER_CONNECTION = 10_000;
  private static final int BACKLOG = 4_096;

  /** What clients may ask for pings; the library's 5 minutes are more than proxies leave idle. */
  private static final long PING_SECONDS = 10;

  /** How often a connection is tried on which nothing moves. */
  private static final long KEEP_ALIVE_SECONDS = 60;

  /** Clients cancel a call each time they give up waiting; a flood of it is an attack. */
  private static final int MAX_CANCELS = 10_000;

  private static final int CANCELS_SECONDS = 10;
  private static final int SWEEPS_PER_TIMEOUT = 4;
  private static final long MAX_PAUSE_MILLIS = 1_000;

  /** How often those who watch the health are told of a change. */
  private static final long HEALTH_MILLIS = 1_000;

  private static final Metadata.Key<String> TRACE_PARENT = key(TraceContext.PARENT);
  private static final Metadata.Key<String> TRACE_STATE = key(TraceContext.STATE);

  private final Loops loops;
  private final GrpcConfig config;
  private final Operations operations;
  private final AddressPolicy policy;
  private final Metrics metrics;
  private final Arrivals arrivals;
  private final Room answers;
  private final HealthStatusManager health = new HealthStatusManager();
  private final AtomicInteger open = new AtomicInteger();
  private final Server server;
  private final AtomicBoolean stopping = new AtomicBoolean();

  /**
   * What stands behind the door.
   *
   * @param notReady why no requests should be sent to this server; gives null when they should
   */
  public record Operations(
      Doors doors, Subscriptions subscriptions, Supplier<? extends @Nullable Reply> notReady) {}

  private GrpcDoor(
      Loops loops,
      GrpcConfig config,
      Operations operations,
      AddressPolicy policy,
      Metrics metrics) {
    this.loops = loops;
    this.config = config;
    this.operations = operations;
    this.policy = policy;
    this.metrics = metrics;
    arrivals = new Arrivals(config.receivingBytes());
    answers = new Room(config.answeringBytes());
    server =
        NettyServerBuilder.forAddress(new InetSocketAddress(config.host(), config.port()))
            .bossEventLoopGroup(loops.netty())
            .workerEventLoopGroup(loops.netty())
            .channelFactory(loops.listeningChannels())
            .withOption(ChannelOption.SO_BACKLOG, BACKLOG)
            .directExecutor()
            .maxInboundMessageSize(config.messageBytes())
            .maxInboundMetadataSize(MAX_HEADERS)
            .maxConcurrentCallsPerConnection(MAX_CALLS_PER_CONNECTION)
            .maxRstFramesPerWindow(MAX_CANCELS, CANCELS_SECONDS)
            .keepAliveTime(KEEP_ALIVE_SECONDS, TimeUnit.SECONDS)
            .permitKeepAliveTime(PING_SECONDS, TimeUnit.SECONDS)
            .permitKeepAliveWithoutCalls(true)
            .maxConnectionIdle(config.idleTimeout().toMillis(), TimeUnit.MILLISECONDS)
            .addStreamTracerFactory(arrivals)
            .addService(service())
            .addService(ServerInterceptors.intercept(health.getHealthService(), refreshing()))
            .addService(oldReflection())
            .addService(ProtoReflectionServiceV1.newInstance())
            .build();
  }

  /** Whoever asks for the health is told how it is now. */
  private ServerInterceptor refreshing() {
    return new ServerInterceptor() {
      @Override
      public <Q, R> ServerCall.Listener<Q> interceptCall(
          ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
        refreshHealth();
        return next.startCall(call, headers);
      }
    };
  }

  /** Tells those who watch it, too. */
  private void refreshHealth() {
    boolean isReady = operations.notReady().get() == null;
    health.setStatus(
        HealthStatusManager.SERVICE_NAME_ALL_SERVICES,
        isReady ? ServingStatus.SERVING : ServingStatus.NOT_SERVING);
  }

  @SuppressWarnings("deprecation") // the name by which DTM's users know it
  private static BindableService oldReflection() {
    return ProtoReflectionService.newInstance();
  }

  /**
   * Opens the door. Blocks until it listens.
   *
   * @param policy which branch addresses are taken
   * @param metrics told of each call
   * @throws IOException when it cannot listen
   */
  public static GrpcDoor open(
      Loops loops, GrpcConfig config, Operations operations, AddressPolicy policy, Metrics metrics)
      throws IOException {
    var door = new GrpcDoor(loops, config, operations, policy, metrics);
    door.server.start();
    long pause =
        Math.clamp(config.messageTimeout().toMillis() / SWEEPS_PER_TIMEOUT, 1, MAX_PAUSE_MILLIS);
    loops.every(pause, door::sweep);
    loops.every(HEALTH_MILLIS, door::refreshHealth);
    return door;
  }

  /** What carries gRPC here, by name and version. */
  public static String library() {
    Package grpc = requireNonNull(NettyServerBuilder.class.getPackage(), "only arrays have none");
    return "grpc-java " + grpc.getImplementationVersion();
  }

  /** Where it listens. */
  public int port() {
    return server.getPort();
  }

  /** Calls that have begun and are not answered yet. */
  public int openCalls() {
    return open.get();
  }

  /** Bytes that have come, of messages that are not whole. */
  long receivedBytes() {
    return arrivals.bytes();
  }

  /** Bytes of long answers that have not left. */
  long answeringBytes() {
    return answers.taken();
  }

  /**
   * From now on answers new calls with UNAVAILABLE and the code STOPPING. What is open is answered
   * as ever.
   */
  public void stopAccepting() {
    if (stopping.compareAndSet(false, true)) {
      health.enterTerminalState();
    }
  }

  /**
   * Closes listener and connections. Answers that are on their way out are given a second. Blocks
   * until everything is closed.
   */
  @Override
  public void close() {
    stopAccepting();
    server.shutdown();
    try {
      if (!server.awaitTermination(LAST_WORDS_SECONDS, TimeUnit.SECONDS)) {
        server.shutdownNow();
        server.awaitTermination(LAST_WORDS_SECONDS, TimeUnit.SECONDS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      server.shutdownNow();
    }
  }

  GrpcConfig config() {
    return config;
  }

  boolean isStopping() {
    return stopping.get();
  }

  void begun() {
    open.incrementAndGet();
  }

  void ended() {
    open.decrementAndGet();
  }

  private void sweep() {
    arrivals.giveUpBefore(System.nanoTime() - config.messageTimeout().toNanos());
  }

  // ---- the service

  private ServerServiceDefinition service() {
    var methods = new Methods();
    methods.add(
        DtmGrpc.getNewGidMethod(),
        (_, call) -> call.succeed(DtmGidReply.newBuilder().setGid(Gid.random().value()).build()));
    methods.add(DtmGrpc.getSubmitMethod(), command(Command.Kind.SUBMIT));
    methods.add(DtmGrpc.getPrepareMethod(), command(Command.Kind.PREPARE));
    methods.add(DtmGrpc.getAbortMethod(), command(Command.Kind.ABORT));
    methods.add(DtmGrpc.getRegisterBranchMethod(), this::registerBranch);
    methods.add(DtmGrpc.getPrepareWorkflowMethod(), this::prepareWorkflow);
    methods.add(DtmGrpc.getSubscribeMethod(), this::subscribe);
    methods.add(
        DtmGrpc.getUnsubscribeMethod(),
        (message, call) ->
            operations
                .subscriptions()
                .unsubscribe(message.getTopic(), message.getURL(), call.loop(), answering(call)));
    methods.add(
        DtmGrpc.getDeleteTopicMethod(),
        (message, call) ->
            operations.subscriptions().delete(message.getTopic(), call.loop(), answering(call)));
    return methods.service();
  }

  /** The methods of the service, each with what it does. */
  private final class Methods {
    private final ServiceDescriptor.Builder descriptor =
        ServiceDescriptor.newBuilder(DtmGrpc.SERVICE_NAME)
            .setSchemaDescriptor(DtmGrpc.getServiceDescriptor().getSchemaDescriptor());
    private final List<Consumer<ServerServiceDefinition.Builder>> all = new ArrayList<>();

    <Q, R> void add(MethodDescriptor<Q, R> described, Incoming.Work<Q, R> work) {
      MethodDescriptor<Received<Q>, R> receiving =
          described.toBuilder(
                  Received.by(described.getRequestMarshaller()), described.getResponseMarshaller())
              .build();
      String name = String.valueOf(described.getBareMethodName()).toLowerCase(Locale.ROOT);
      var method = new Incoming.Method<>(work, metrics.api("grpc", name));
      descriptor.addMethod(receiving);
      all.add(
          service ->
              service.addMethod(
                  receiving,
                  (call, headers) -> {
                    var incoming =
                        new Incoming<>(
                            GrpcDoor.this,
                            call,
                            method,
                            config.traces() ? traceOf(headers) : null,
                            loops.current(),
                            Arrivals.current());
                    incoming.begin();
                    return incoming;
                  }));
    }

    ServerServiceDefinition service() {
      var service = ServerServiceDefinition.builder(descriptor.build());
      all.forEach(adding -> adding.accept(service));
      return service.build();
    }
  }

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  private static @Nullable TraceContext traceOf(Metadata headers) {
    return TraceContext.of(all(headers, TRACE_PARENT), all(headers, TRACE_STATE));
  }

  private static List<String> all(Metadata headers, Metadata.Key<String> key) {
    Iterable<String> values = headers.getAll(key);
    var all = new ArrayList<String>();
    if (values != null) {
      values.forEach(all::add);
    }
    return all;
  }

  private Incoming.Work<DtmRequest, Empty> command(Command.Kind kind) {
    return (message, call) -> {
      TransactionRequest read = Messages.transactionIn(message, call.trace());
      if (!isRefused(Requests.refusal(read, policy), call)) {
        operations.doors().handle(new Command(kind, read), call.loop(), answering(call));
      }
    };
  }

  private void registerBranch(DtmBranchRequest message, Incoming<DtmBranchRequest, Empty> call) {
    BranchRequest read = Messages.branchIn(message);
    if (!isRefused(Requests.refusal(read, policy), call)) {
      operations.doors().registerBranch(read, call.loop(), answering(call));
    }
  }

  private void prepareWorkflow(DtmRequest message, Incoming<DtmRequest, DtmProgressesReply> call)
      throws UnreadableRequestException {
    TransactionRequest read = Messages.transactionIn(message, call.trace());
    if (!isRefused(Requests.refusal(read, policy), call)) {
      operations
          .doors()
          .prepareWorkflow(
              read,
              call.loop(),
              stored -> {
                DtmProgressesReply progresses = Messages.progressesOf(stored);
                call.succeed(progresses, progresses.getSerializedSize(), answers);
              },
              call::answer);
    }
  }

  private void subscribe(DtmTopicRequest message, Incoming<DtmTopicRequest, Empty> call) {
    if (!isRefused(Requests.refusal("the subscriber", message.getURL(), policy), call)) {
      operations
          .subscriptions()
          .subscribe(
              message.getTopic(),
              message.getURL(),
              message.getRemark(),
              call.loop(),
              answering(call));
    }
  }

  private static boolean isRefused(@Nullable Reply refusal, Incoming<?, ?> call) {
    if (refusal != null) {
      call.answer(refusal);
    }
    return refusal != null;
  }

  private static Consumer<Reply> answering(Incoming<?, Empty> call) {
    return reply -> {
      if (reply instanceof Reply.Success) {
        call.succeed(Empty.getDefaultInstance());
      } else {
        call.answer(reply);
      }
    };
  }
}
