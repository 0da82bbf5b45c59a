package io.dtm4j.server.grpc;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.dtm4j.coordinator.Caller;
import io.dtm4j.engine.Call;
import io.dtm4j.model.BranchKey;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.BranchAnswer.Failure;
import io.dtm4j.protocol.BranchAnswer.Ongoing;
import io.dtm4j.protocol.BranchAnswer.Success;
import io.dtm4j.protocol.BranchAnswer.Unknown;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import io.dtm4j.server.FreePorts;
import io.dtm4j.server.http.Loops;
import io.dtm4j.server.http.Room;
import io.dtm4j.store.EventLoop;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayNameGeneration(ReplaceUnderscores.class)
@Timeout(30)
class GrpcCallerTest {
  private static final byte[] BINARY = {0x0a, 0x03, -1, 0x00, -2, 0x10, -106, 0x01};
  private static final GrpcCallerConfig CONFIG = GrpcCallerConfig.DEFAULTS.withAnswerBytes(1_024);

  private static Loops loops;

  private final List<AutoCloseable> opened = new ArrayList<>();
  private final AtomicLong skipped = new AtomicLong();

  @BeforeAll
  static void start() {
    loops = Loops.start(2);
  }

  @AfterAll
  static void end() {
    loops.close();
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable one : opened.reversed()) {
      one.close();
    }
  }

  private <T extends AutoCloseable> T opened(T one) {
    opened.add(one);
    return one;
  }

  private GrpcCaller caller() {
    return opened(
        GrpcCaller.open(
            loops,
            CONFIG,
            url -> !url.contains("forbidden"),
            new Room(1_000),
            () -> System.nanoTime() + skipped.get()));
  }

  private GrpcCaller withServiceConfig(String json) {
    return opened(
        GrpcCaller.open(loops, CONFIG.withServiceConfig(json), _ -> true, new Room(1_000)));
  }

  private GrpcParticipant participant() throws IOException {
    return opened(new GrpcParticipant(0));
  }

  private static Call call(String url) {
    return call("g 1", url, Payload.of(BINARY), Map.of(), Duration.ofSeconds(5));
  }

  private static Call call(
      String gid, String url, Payload payload, Map<String, String> headers, Duration timeout) {
    return new Call(
        new Gid(gid),
        TransType.SAGA,
        1,
        new BranchKey("01", Op.ACTION),
        "grpc",
        url,
        payload,
        timeout,
        headers,
        null);
  }

  /**
   * What came of a call.
   *
   * @param inGoodOrder it was told on the loop from which it was sent, and not within the sending
   */
  private record Told(BranchAnswer answer, boolean unreachable, boolean inGoodOrder) {}

  /** Waits for what comes of a call. */
  private static class Waiting implements Caller.Ended {
    final EventLoop loop = loops.all().getFirst();
    final CompletableFuture<Told> told = new CompletableFuture<>();
    private boolean sent;

    void send(GrpcCaller caller, Call call) {
      send(() -> caller.send(call, this));
    }

    void send(Runnable sending) {
      loop.execute(
          () -> {
            sending.run();
            sent = true;
          });
    }

    @Override
    public void ended(BranchAnswer answer, boolean unreachable) {
      told.complete(new Told(answer, unreachable, loop.isCurrent() && sent));
    }

    Told get() throws Exception {
      Told got = told.get(20, TimeUnit.SECONDS);
      assertThat(got.inGoodOrder()).isTrue();
      return got;
    }
  }

  private static Waiting sent(GrpcCaller caller, Call call) {
    var waiting = new Waiting();
    waiting.send(caller, call);
    return waiting;
  }

  private static BranchAnswer answerTo(GrpcCaller caller, Call call) throws Exception {
    return sent(caller, call).get().answer();
  }

  /** Starts a server that speaks HTTP/2 and knows nothing of gRPC; its host and port. */
  private String http2(Map<String, Consumer<HttpServerRequest>> answers) {
    Vertx vertx = Vertx.vertx();
    opened(() -> vertx.close().await());
    HttpServer server =
        vertx
            .createHttpServer()
            .requestHandler(request -> requireNonNull(answers.get(request.path())).accept(request))
            .listen(0, "127.0.0.1")
            .await();
    return "127.0.0.1:" + server.actualPort();
  }

  private static @Nullable String header(GrpcParticipant.Came came, String name) {
    return came.headers().get(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER));
  }

  @Test
  void a_call_carries_the_payload_as_its_message_and_the_transaction_as_metadata()
      throws Exception {
    GrpcParticipant bank = participant();

    BranchAnswer answer = answerTo(caller(), call(bank.url()));

    assertThat(answer).isEqualTo(Success.INSTANCE);
    GrpcParticipant.Came came = bank.calls.take();
    assertThat(came.method()).isEqualTo("bank.Bank/TransIn");
    assertThat(came.message()).isEqualTo(Payload.of(BINARY));
    assertThat(header(came, "dtm-gid")).isEqualTo("g 1");
    assertThat(header(came, "dtm-trans_type")).isEqualTo("saga");
    assertThat(header(came, "dtm-branch_id")).isEqualTo("01");
    assertThat(header(came, "dtm-op")).isEqualTo("action");
    assertThat(header(came, "dtm-dtm")).isEmpty();
    assertThat(header(came, "content-type")).isEqualTo("application/grpc");
    assertThat(header(came, "user-agent")).startsWith("dtm4j");
    assertThat(came.millisLeft()).isBetween(1L, 5_000L);
  }

  @Test
  void headers_travel_as_metadata_and_leave_the_connection_alone() throws Exception {
    GrpcParticipant bank = participant();
    Map<String, String> headers =
        Map.of("X-Tenant", "north", "Content-Type", "text/plain", "grpc-timeout", "1n", "Te", "x");

    BranchAnswer answer =
        answerTo(caller(), call("g", bank.url(), Payload.EMPTY, headers, Duration.ofSeconds(5)));

    assertThat(answer).isEqualTo(Success.INSTANCE);
    GrpcParticipant.Came came = bank.calls.take();
    assertThat(came.message()).isEqualTo(Payload.EMPTY);
    assertThat(header(came, "x-tenant")).isEqualTo("north");
    assertThat(header(came, "content-type")).isEqualTo("application/grpc");
  }

  @ParameterizedTest
  @ValueSource(strings = {"Connection", "Keep-Alive", "Proxy-Connection", "Upgrade"})
  void a_header_of_a_connection_does_not_travel(String name) throws Exception {
    GrpcParticipant bank = participant();
    Map<String, String> headers = Map.of(name, "x");

    answerTo(caller(), call("g", bank.url(), Payload.EMPTY, headers, Duration.ofSeconds(5)));

    assertThat(header(bank.calls.take(), name)).as("whoever is strict ends the call").isNull();
  }

  record Row(Status status, BranchAnswer answer) {
    @Override
    public String toString() {
      return status.getCode() + " " + status.getDescription();
    }
  }

  static final List<Row> ROWS =
      List.of(
          new Row(
              Status.ABORTED.withDescription("no room, ünï"), new Failure("no room, ünï FAILURE")),
          new Row(Status.ABORTED.withDescription("ONGOING"), new Ongoing("ONGOING")),
          new Row(Status.FAILED_PRECONDITION.withDescription("later"), new Ongoing("later")),
          new Row(Status.INTERNAL.withDescription("FAILURE"), new Unknown("INTERNAL: FAILURE")),
          new Row(Status.UNAVAILABLE, new Unknown("UNAVAILABLE")));

  @ParameterizedTest
  @FieldSource("ROWS")
  void the_answer_to(Row row) throws Exception {
    GrpcParticipant bank = participant();
    bank.status = row.status();

    assertThat(answerTo(caller(), call(bank.url()))).isEqualTo(row.answer());
    assertThat(bank.calls).hasSize(1);
  }

  @ParameterizedTest
  @CsvSource({"hello, '\n\5hello'", "'', ''"})
  void a_workflow_is_resumed_with_its_input_in_a_message(String input, String message)
      throws Exception {
    GrpcParticipant application = participant();
    String url = "127.0.0.1:" + application.port() + "/workflow.Workflow/Execute";
    var resume =
        new Call(
            new Gid("w"),
            TransType.WORKFLOW,
            Call.NO_ROW,
            new BranchKey("00", Op.of("greet")),
            "grpc",
            url,
            Payload.of(input),
            Duration.ofSeconds(5),
            Map.of(),
            null);

    answerTo(caller(), resume);

    GrpcParticipant.Came came = application.calls.take();
    assertThat(came.method()).isEqualTo("workflow.Workflow/Execute");
    assertThat(header(came, "dtm-op")).isEqualTo("greet");
    assertThat(came.message()).isEqualTo(Payload.of(message));
  }

  @Test
  void nobody_there_says_nothing_and_is_tried_again_when_it_is_there() throws Exception {
    int port = FreePorts.next();
    GrpcCaller caller = caller();
    Call call = call("127.0.0.1:" + port + "/bank.Bank/TransIn");
    BranchAnswer before = answerTo(caller, call);
    opened(new GrpcParticipant(port));
    skipped.addAndGet(Duration.ofSeconds(1).toNanos());

    assertThat(before).isInstanceOf(Unknown.class);
    assertThat(answerTo(caller, call)).isEqualTo(Success.INSTANCE);
  }

  @Test
  void no_answer_in_time_says_nothing() throws Exception {
    GrpcParticipant bank = participant();
    bank.status = null;
    Call call = call("g", bank.url(), Payload.EMPTY, Map.of(), Duration.ofMillis(300));

    assertThat(answerTo(caller(), call))
        .isInstanceOfSatisfying(
            Unknown.class, unknown -> assertThat(unknown.text()).contains("DEADLINE_EXCEEDED"));
  }

  @Test
  void a_connection_on_which_calls_run_out_of_time_is_given_up() throws Exception {
    GrpcParticipant bank = participant();
    GrpcCaller caller = caller();
    answerTo(caller, call(bank.url()));
    answerTo(caller, call(bank.url()));
    bank.status = null;
    skipped.addAndGet(Duration.ofSeconds(1).toNanos());
    answerTo(caller, call("g", bank.url(), Payload.EMPTY, Map.of(), Duration.ofMillis(300)));
    bank.status = Status.OK;

    answerTo(caller, call(bank.url()));

    List<String> connections = bank.calls.stream().map(GrpcParticipant.Came::connection).toList();
    assertThat(connections.subList(0, 3)).containsOnly(connections.getFirst());
    assertThat(connections.get(3)).isNotEqualTo(connections.getFirst());
  }

  @Test
  void an_answer_that_is_too_long_says_nothing() throws Exception {
    GrpcParticipant bank = participant();
    bank.reply = new byte[2_000];

    assertThat(answerTo(caller(), call(bank.url()))).isInstanceOf(Unknown.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "nowhere",
        "host:1",
        "host:1/",
        "/x.X/A",
        "host/x.X/A",
        "host:99999/x.X/A",
        "etcd://h:1/x.X/A",
        "forbidden:1/x.X/A",
        "a b:1/x.X/A"
      })
  void an_address_that_cannot_be_called_says_nothing(String url) throws Exception {
    assertThat(answerTo(caller(), call(url))).isInstanceOf(Unknown.class);
  }

  @Test
  void what_cannot_be_sent_as_metadata_is_not_sent_at_all() throws Exception {
    GrpcParticipant bank = participant();

    BranchAnswer answer =
        answerTo(
            caller(), call("größe", bank.url(), Payload.EMPTY, Map.of(), Duration.ofSeconds(5)));

    assertThat(answer).isInstanceOf(Unknown.class);
    assertThat(bank.calls).isEmpty();
  }

  @Test
  void a_channel_that_nobody_uses_is_closed_and_opened_again() throws Exception {
    GrpcParticipant bank = participant();
    GrpcCaller caller = caller();
    answerTo(caller, call(bank.url()));
    long before = caller.openChannels();
    skipped.addAndGet(CONFIG.idleTimeout().plusSeconds(1).toNanos());

    caller.sweep();

    var swept = new CompletableFuture<Long>();
    loops.all().getFirst().execute(() -> swept.complete(caller.openChannels()));
    assertThat(before).isEqualTo(1);
    assertThat(swept.get(5, TimeUnit.SECONDS)).isZero();
    assertThat(answerTo(caller, call(bank.url()))).isEqualTo(Success.INSTANCE);
  }

  @Test
  void a_caller_that_closes_ends_its_calls() throws Exception {
    GrpcParticipant bank = participant();
    bank.status = null;
    GrpcCaller caller = caller();
    Waiting waiting = sent(caller, call(bank.url()));
    bank.calls.take();

    caller.close();

    assertThat(waiting.get().answer()).isInstanceOf(Unknown.class);
    assertThat(answerTo(caller, call(bank.url()))).isEqualTo(new Unknown("the server stops"));
  }

  /** Two participants at one name and port, called once. */
  private List<GrpcParticipant> twoAtOneName(GrpcCaller caller) throws Exception {
    InetAddress[] addresses = TwoAddresses.all();
    GrpcParticipant one = opened(new GrpcParticipant(addresses[0], 0));
    GrpcParticipant other = opened(new GrpcParticipant(addresses[1], one.port()));
    answerTo(caller, call(urlOfBoth(one)));
    return List.of(one, other);
  }

  private static String urlOfBoth(GrpcParticipant one) {
    return TwoAddresses.NAME + ":" + one.port() + "/bank.Bank/TransIn";
  }

  @Test
  void calls_go_to_all_addresses_of_a_name_in_turn() throws Exception {
    GrpcCaller caller = caller();
    List<GrpcParticipant> both = twoAtOneName(caller);
    while (both.stream().anyMatch(one -> one.calls.isEmpty())) {
      answerTo(caller, call(urlOfBoth(both.getFirst())));
    }
    both.forEach(one -> one.calls.clear());

    for (int i = 0; i < 10; i++) {
      assertThat(answerTo(caller, call(urlOfBoth(both.getFirst())))).isEqualTo(Success.INSTANCE);
    }

    assertThat(both).extracting(one -> one.calls.size()).containsExactly(5, 5);
  }

  @Test
  void a_service_config_can_keep_calls_to_one_address() throws Exception {
    GrpcCaller caller = withServiceConfig("{\"loadBalancingConfig\":[{\"pick_first\":{}}]}");
    List<GrpcParticipant> both = twoAtOneName(caller);

    for (int i = 0; i < 9; i++) {
      assertThat(answerTo(caller, call(urlOfBoth(both.getFirst())))).isEqualTo(Success.INSTANCE);
    }

    assertThat(both).extracting(one -> one.calls.size()).containsExactlyInAnyOrder(10, 0);
  }

  @Test
  void an_address_at_which_nobody_is_does_not_disturb_calls_to_the_other() throws Exception {
    GrpcCaller caller = caller();
    GrpcParticipant one = opened(new GrpcParticipant(TwoAddresses.all()[1], 0));

    for (int i = 0; i < 5; i++) {
      assertThat(answerTo(caller, call(urlOfBoth(one)))).isEqualTo(Success.INSTANCE);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"[::1]", TwoAddresses.UNDERSCORED})
  void a_host_that_is_none_in_a_uri_is_called(String host) throws Exception {
    GrpcParticipant bank = opened(new GrpcParticipant(TwoAddresses.all()[1], 0));

    BranchAnswer answer = answerTo(caller(), call(host + ":" + bank.port() + "/bank.Bank/TransIn"));

    assertThat(answer).isEqualTo(Success.INSTANCE);
  }

  @Test
  void numbers_in_a_service_config_are_understood() throws Exception {
    GrpcParticipant bank = participant();
    String retries =
        """
        {"loadBalancingConfig":[{"round_robin":{}}],"methodConfig":[{"name":[{}],"retryPolicy":
         {"maxAttempts":2,"initialBackoff":"0.01s","maxBackoff":"1s","backoffMultiplier":1.5,
          "retryableStatusCodes":["RESOURCE_EXHAUSTED"]}}]}
        """;
    bank.status = Status.RESOURCE_EXHAUSTED;

    answerTo(withServiceConfig(retries), call(bank.url()));

    assertThat(bank.calls).hasSize(2);
  }

  @ParameterizedTest
  @ValueSource(strings = {"409", "425"})
  void a_code_of_http_for_a_status_is_understood(String code) throws Exception {
    BranchAnswer answer =
        code.equals("409") ? new Failure("no room FAILURE") : new Ongoing("no room");
    String php =
        http2(
            Map.of(
                "/php.Bank/AtOnce",
                request ->
                    request
                        .response()
                        .putHeader("content-type", "application/grpc")
                        .putHeader("grpc-status", code)
                        .putHeader("grpc-message", "no room")
                        .end(),
                "/php.Bank/AfterAMessage",
                request ->
                    request
                        .response()
                        .putHeader("content-type", "application/grpc+proto")
                        .putTrailer("grpc-status", code)
                        .putTrailer("grpc-message", "no room")
                        .end(Buffer.buffer(new byte[5]))));

    GrpcCaller caller = caller();

    assertThat(answerTo(caller, call(php + "/php.Bank/AtOnce"))).isEqualTo(answer);
    assertThat(answerTo(caller, call(php + "/php.Bank/AfterAMessage"))).isEqualTo(answer);
  }

  @Test
  void a_status_of_http_is_no_answer_of_a_service() throws Exception {
    String proxy =
        http2(Map.of("/x.X/A", request -> request.response().setStatusCode(409).end("FAILURE")));

    assertThat(answerTo(caller(), call(proxy + "/x.X/A"))).isInstanceOf(Unknown.class);
  }

  @Test
  void answers_that_are_too_much_together_say_nothing() throws Exception {
    var arrived = new LinkedBlockingQueue<HttpServerResponse>();
    String bank =
        http2(
            Map.of(
                "/x.X/A",
                request -> {
                  HttpServerResponse half =
                      request.response().putHeader("content-type", "application/grpc");
                  half.putTrailer("grpc-status", "0");
                  half.write(Buffer.buffer().appendByte((byte) 0).appendInt(900));
                  half.write(Buffer.buffer(new byte[600]));
                  arrived.add(half);
                }));
    GrpcCaller caller = caller();
    Call call = call(bank + "/x.X/A");
    Waiting first = sent(caller, call);
    HttpServerResponse half = arrived.take();

    BranchAnswer second = answerTo(caller, call);
    half.end(Buffer.buffer(new byte[300]));

    assertThat(second).isEqualTo(new Unknown("no memory for one more long answer"));
    assertThat(first.get().answer()).isEqualTo(Success.INSTANCE);
    Waiting third = sent(caller, call);
    arrived.take();
    arrived.take().end(Buffer.buffer(new byte[300]));
    assertThat(third.get().answer()).isEqualTo(Success.INSTANCE);
  }

  @Test
  void a_call_that_may_not_leave_any_more_when_it_has_its_connection_does_not() throws Exception {
    var mayLeave = new AtomicBoolean(true);
    var waiting =
        new Waiting() {
          @Override
          public boolean mayLeave() {
            return mayLeave.get();
          }
        };
    LateParticipant late = opened(new LateParticipant());
    GrpcCaller caller = caller();
    waiting.send(caller, call(late.url()));
    late.connected.get(5, TimeUnit.SECONDS);

    mayLeave.set(false);
    late.speak();

    assertThat(waiting.get().answer())
        .isEqualTo(new Unknown("not called: the server has no right to it any more"));
    caller.close();
    assertThat(late.frames.get(5, TimeUnit.SECONDS)).doesNotContain(LateParticipant.HEADERS);
  }

  /** A call of a server that loses its right at some time. */
  private static final class Leased extends Waiting {
    volatile boolean expired;

    @Override
    public boolean hasRight() {
      return !expired;
    }
  }

  @Test
  void a_call_does_not_leave_after_its_lease_when_the_server_stood_still_before_it_was_written()
      throws Exception {
    GrpcParticipant bank = participant();
    GrpcCaller caller = caller();
    assertThat(sent(caller, call(bank.url())).get().answer()).isEqualTo(Success.INSTANCE);
    var late = new Leased();
    var other = new Waiting();
    late.send(
        () -> {
          other.send(
              caller,
              call("other", bank.url(), Payload.of(BINARY), Map.of(), Duration.ofSeconds(5)));
          caller.send(
              call("late", bank.url(), Payload.of(BINARY), Map.of(), Duration.ofSeconds(5)), late);
          late.expired = true; // its bytes leave when its loop is free again
        });

    assertThat(late.get().answer())
        .isEqualTo(new Unknown("not called: the server has no right to it any more"));
    assertThat(late.get().unreachable()).isFalse();
    assertThat(other.get().unreachable()).isFalse();
    assertThat(sent(caller, call(bank.url())).get().answer()).isEqualTo(Success.INSTANCE);
    assertThat(bank.calls).extracting(GrpcParticipant.Came::gid).doesNotContain("late");
  }

  @Test
  void a_call_that_waits_for_another_of_its_connection_does_not_leave_after_its_lease()
      throws Exception {
    GrpcParticipant bank = opened(GrpcParticipant.narrow(1));
    bank.status = null;
    GrpcCaller caller = caller();
    Waiting first =
        sent(
            caller, call("first", bank.url(), Payload.of(BINARY), Map.of(), Duration.ofSeconds(1)));
    GrpcParticipant.Came came = bank.calls.take();
    assertThat(came.gid()).isEqualTo("first");
    var late = new Leased();
    late.send(
        caller, call("late", bank.url(), Payload.of(BINARY), Map.of(), Duration.ofSeconds(5)));
    loops.all().getFirst().execute(() -> late.expired = true);

    assertThat(first.get().answer()).isInstanceOf(Unknown.class);
    assertThat(late.get().answer())
        .isEqualTo(new Unknown("not called: the server has no right to it any more"));
    bank.status = Status.OK;
    assertThat(sent(caller, call(bank.url())).get().answer()).isEqualTo(Success.INSTANCE);
    assertThat(bank.calls).extracting(GrpcParticipant.Came::gid).doesNotContain("late");
  }

  @Test
  void the_rest_of_a_call_does_not_leave_after_its_lease() throws Exception {
    LateParticipant narrow = opened(new LateParticipant());
    GrpcCaller caller = caller();
    var late = new Leased();
    late.send(caller, call(narrow.url()));
    narrow.connected.get(5, TimeUnit.SECONDS);
    narrow.takeUpTo(1);
    assertThat(narrow.called.get(5, TimeUnit.SECONDS)).isTrue();

    late.expired = true;
    narrow.takeUpTo(1_000);

    assertThat(late.get().answer())
        .isEqualTo(new Unknown("not called: the server has no right to it any more"));
    assertThat(narrow.frames.get(5, TimeUnit.SECONDS)).contains(LateParticipant.HEADERS);
    assertThat(narrow.whole).isEmpty();
  }

  @Test
  void a_call_that_may_not_leave_when_its_connection_is_there_already_ends_at_once()
      throws Exception {
    GrpcParticipant bank = participant();
    GrpcCaller caller = caller();
    assertThat(sent(caller, call(bank.url())).get().answer()).isEqualTo(Success.INSTANCE);
    var waiting =
        new Waiting() {
          @Override
          public boolean mayLeave() {
            return false;
          }
        };
    bank.status = null; // whatever comes is never answered

    waiting.send(
        caller, call("late", bank.url(), Payload.of(BINARY), Map.of(), Duration.ofMinutes(5)));

    assertThat(waiting.get().answer())
        .isEqualTo(new Unknown("not called: the server has no right to it any more"));
    assertThat(bank.calls).extracting(GrpcParticipant.Came::gid).doesNotContain("late");
  }

  @Test
  void a_call_that_was_refused_unseen_is_not_repeated_without_a_right() throws Exception {
    LateParticipant refusing = opened(new LateParticipant());
    var mayLeave = new AtomicBoolean(true);
    var waiting =
        new Waiting() {
          @Override
          public boolean mayLeave() {
            return mayLeave.get();
          }
        };
    waiting.send(caller(), call(refusing.url()));
    refusing.connected.get(5, TimeUnit.SECONDS);
    refusing.speak();
    assertThat(refusing.whole.poll(5, TimeUnit.SECONDS)).isTrue();

    mayLeave.set(false);
    refusing.refuse(3);

    assertThat(waiting.get().answer())
        .isEqualTo(new Unknown("not called: the server has no right to it any more"));
    assertThat(refusing.whole).isEmpty();
  }

  @Test
  void a_call_that_was_refused_unseen_is_repeated_at_once_a_few_times() throws Exception {
    LateParticipant refusing = opened(new LateParticipant());
    Waiting waiting = sent(caller(), call(refusing.url()));
    refusing.connected.get(5, TimeUnit.SECONDS);
    refusing.speak();
    for (int stream = 3; stream <= 9; stream += 2) {
      assertThat(refusing.whole.poll(5, TimeUnit.SECONDS)).isTrue();
      refusing.refuse(stream);
    }

    assertThat(waiting.get().answer()).isInstanceOf(Unknown.class);
    assertThat(waiting.get().unreachable()).isFalse();
    assertThat(refusing.whole).isEmpty();
  }

  @Test
  void a_call_that_has_left_as_a_whole_outlives_its_lease() throws Exception {
    LateParticipant narrow = opened(new LateParticipant());
    GrpcCaller caller = caller();
    var late = new Leased();
    late.send(caller, call(narrow.url()));
    narrow.connected.get(5, TimeUnit.SECONDS);
    narrow.takeUpTo(1);
    assertThat(narrow.called.get(5, TimeUnit.SECONDS)).isTrue();
    narrow.takeUpTo(1_000);
    assertThat(narrow.whole.poll(5, TimeUnit.SECONDS)).isTrue();

    late.expired = true;
    sent(caller, call(narrow.url()));

    assertThat(narrow.whole.poll(5, TimeUnit.SECONDS)).as("on the same connection").isTrue();
  }

  @Test
  void a_call_that_may_leave_when_it_has_its_connection_does() throws Exception {
    LateParticipant late = opened(new LateParticipant());
    GrpcCaller caller = caller();
    sent(caller, call(late.url()));
    late.connected.get(5, TimeUnit.SECONDS);

    late.speak();

    assertThat(late.called.get(5, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void a_call_whose_connection_comes_up_on_another_thread_leaves_from_its_own() throws Exception {
    GrpcParticipant bank = participant();
    var asked = new LinkedBlockingQueue<Boolean>();
    var waiting =
        new Waiting() {
          @Override
          public boolean mayLeave() {
            asked.add(loop.isCurrent());
            return true;
          }
        };
    ManagedChannel itsOwnThreads =
        NettyChannelBuilder.forTarget("127.0.0.1:" + bank.port()).usePlaintext().build();
    opened(itsOwnThreads::shutdownNow);
    var line = new Outgoing.Line(itsOwnThreads, new Connections(loops.connectingChannels()));
    var target =
        new Outgoing.Target() {
          @Override
          public Outgoing.Line line() {
            return line;
          }

          @Override
          public Room answers() {
            return new Room(1_000);
          }

          @Override
          public void ended(Status.Code code, long beganAt) {}
        };

    waiting.send(() -> Outgoing.of(call(bank.url()), waiting, waiting.loop, 0).start(target));

    assertThat(waiting.get().answer()).isEqualTo(Success.INSTANCE);
    assertThat(asked).containsExactly(true);
    assertThat(bank.calls).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1:%d/x.X/A", "no.invalid:%d/x.X/A", "no_host.invalid:%d/x.X/A"})
  void whom_no_connection_reaches_is_unreachable(String url) throws Exception {
    Call call = call(url.formatted(FreePorts.next()));
    GrpcCaller caller = caller();

    assertThat(sent(caller, call).get().unreachable()).isTrue();
    assertThat(sent(caller, call).get().unreachable()).isTrue();
  }

  @Test
  void whom_no_connection_reaches_in_time_is_unreachable() throws Exception {
    try (var full = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      for (int i = 0; i < 8; i++) { // nobody accepts them: the kernel takes no more
        SocketChannel waiting = opened(SocketChannel.open());
        waiting.configureBlocking(false);
        waiting.connect(full.getLocalSocketAddress());
      }
      String url = "127.0.0.1:" + full.getLocalPort() + "/x.X/A";
      Call call = call("g", url, Payload.EMPTY, Map.of(), Duration.ofMillis(300));

      assertThat(sent(caller(), call).get().unreachable()).isTrue();
    }
  }

  @Test
  void whoever_takes_connections_is_not_unreachable() throws Exception {
    GrpcParticipant bank = participant();
    LateParticipant late = opened(new LateParticipant());
    GrpcCaller caller = caller();

    Waiting answered = sent(caller, call(bank.url()));
    Waiting neverAnswered =
        sent(caller, call("g", late.url(), Payload.EMPTY, Map.of(), Duration.ofMillis(300)));

    assertThat(answered.get().unreachable()).isFalse();
    assertThat(neverAnswered.get().unreachable()).isFalse();
  }

  @Test
  void whose_connection_breaks_is_not_unreachable() throws Exception {
    GrpcParticipant bank = participant();
    bank.status = null;
    GrpcCaller caller = caller();
    Waiting waiting = sent(caller, call(bank.url()));
    bank.calls.take();

    bank.close();

    assertThat(waiting.get().unreachable()).isFalse();
  }

  @Test
  void a_service_config_that_is_no_json_object_is_refused() {
    assertThatIllegalArgumentException().isThrownBy(() -> withServiceConfig("[1]"));
    assertThatIllegalArgumentException().isThrownBy(() -> withServiceConfig("{"));
  }
}
