package io.dtm4j.server.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

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
import io.dtm4j.store.EventLoop;
import io.grpc.Metadata;
import io.grpc.Status;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
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
            () -> System.nanoTime() + skipped.get()));
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

  /** What came of a call, and whether it was told on the loop from which it was sent. */
  private record Told(BranchAnswer answer, boolean onItsLoop) {}

  private static CompletableFuture<Told> sent(GrpcCaller caller, Call call) {
    EventLoop loop = loops.all().getFirst();
    var told = new CompletableFuture<Told>();
    loop.execute(
        () -> caller.send(call, (answer, _) -> told.complete(new Told(answer, loop.isCurrent()))));
    return told;
  }

  private static BranchAnswer answerTo(GrpcCaller caller, Call call) throws Exception {
    Told told = sent(caller, call).get(20, TimeUnit.SECONDS);
    assertThat(told.onItsLoop()).isTrue();
    return told.answer();
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

  @Test
  void a_workflow_is_resumed_with_its_input_in_a_message() throws Exception {
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
            Payload.of("hello"),
            Duration.ofSeconds(5),
            Map.of(),
            null);

    answerTo(caller(), resume);

    GrpcParticipant.Came came = application.calls.take();
    assertThat(came.method()).isEqualTo("workflow.Workflow/Execute");
    assertThat(header(came, "dtm-op")).isEqualTo("greet");
    assertThat(came.message()).isEqualTo(Payload.of("\n\5hello"));
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
    // The library hears of the failure a moment later than the call that failed.
    BranchAnswer after = answerTo(caller, call);
    for (int i = 0; i < 50 && !after.equals(Success.INSTANCE); i++) {
      Thread.sleep(100);
      after = answerTo(caller, call);
    }
    assertThat(after).isEqualTo(Success.INSTANCE);
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
    CompletableFuture<Told> waiting = sent(caller, call(bank.url()));
    bank.calls.take();

    caller.close();

    assertThat(waiting.get(5, TimeUnit.SECONDS).answer()).isInstanceOf(Unknown.class);
    assertThat(answerTo(caller, call(bank.url()))).isEqualTo(new Unknown("the server stops"));
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

    answerTo(
        opened(GrpcCaller.open(loops, CONFIG.withServiceConfig(retries), _ -> true)),
        call(bank.url()));

    assertThat(bank.calls).hasSize(2);
  }

  @Test
  void a_service_config_that_is_no_json_object_is_refused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> GrpcCaller.open(loops, CONFIG.withServiceConfig("[1]"), _ -> true));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> GrpcCaller.open(loops, CONFIG.withServiceConfig("{"), _ -> true));
  }
}
