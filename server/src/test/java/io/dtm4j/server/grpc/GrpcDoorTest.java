package io.dtm4j.server.grpc;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.ByteString;
import com.google.protobuf.Empty;
import com.google.protobuf.UnknownFieldSet;
import io.dtm4j.coordinator.Command;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.BranchRequest;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.Step;
import io.dtm4j.protocol.TransType;
import io.dtm4j.protocol.TransactionRequest;
import io.dtm4j.server.http.FakeDoors;
import io.dtm4j.server.http.InMemory;
import io.dtm4j.server.http.Loops;
import io.dtm4j.server.metrics.Metrics;
import io.dtm4j.stubs.DtmBranchRequest;
import io.dtm4j.stubs.DtmGrpc;
import io.dtm4j.stubs.DtmProgress;
import io.dtm4j.stubs.DtmProgressesReply;
import io.dtm4j.stubs.DtmRequest;
import io.dtm4j.stubs.DtmTopicRequest;
import io.dtm4j.stubs.DtmTransOptions;
import io.dtm4j.stubs.DtmTransaction;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.reflection.v1alpha.ServerReflectionGrpc;
import io.grpc.reflection.v1alpha.ServerReflectionRequest;
import io.grpc.reflection.v1alpha.ServerReflectionResponse;
import io.grpc.reflection.v1alpha.ServiceResponse;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayNameGeneration(ReplaceUnderscores.class)
@Timeout(30)
class GrpcDoorTest {
  private static final int MESSAGE_LIMIT = 64 << 10;
  private static final long RECEIVING_LIMIT = 128 << 10;
  private static final long ANSWERING_LIMIT = 256 << 10;
  private static final Duration MESSAGE_TIMEOUT = Duration.ofMillis(300);
  private static final byte[] BINARY = {0x0a, 0x03, -1, 0x00, -2, 0x10, -106, 0x01};

  private static final DtmRequest SAGA =
      DtmRequest.newBuilder().setGid("g1").setTransType("saga").build();

  private static Loops loops;

  private final InMemory memory = new InMemory();
  private final FakeDoors doors = new FakeDoors();
  private final Metrics metrics = new Metrics("an HTTP", "a gRPC");
  private GrpcDoor door;
  private ManagedChannel channel;
  private DtmGrpc.DtmBlockingStub client;
  private RawClient raw;

  @BeforeAll
  static void startLoops() {
    loops = Loops.start(2);
  }

  @AfterAll
  static void endLoops() {
    loops.close();
  }

  @BeforeEach
  void open() throws IOException {
    var config =
        new GrpcConfig(
            "127.0.0.1",
            0,
            MESSAGE_LIMIT,
            RECEIVING_LIMIT,
            ANSWERING_LIMIT,
            MESSAGE_TIMEOUT,
            Duration.ofMinutes(1),
            true);
    door =
        GrpcDoor.open(
            loops,
            config,
            new GrpcDoor.Operations(
                doors, memory.behind(doors).subscriptions(), () -> memory.notReady),
            url -> !url.contains("forbidden"),
            metrics);
    channel = NettyChannelBuilder.forAddress("127.0.0.1", door.port()).usePlaintext().build();
    client = DtmGrpc.newBlockingStub(channel);
    raw = new RawClient(channel);
  }

  @AfterEach
  void close() throws InterruptedException {
    channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    door.close();
    memory.close();
  }

  private static void eventually(BooleanSupplier condition) {
    long until = System.nanoTime() + Duration.ofSeconds(10).toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("time until it should have happened").isLessThan(until);
      Thread.onSpinWait();
    }
  }

  private Empty call(Command.Kind kind, DtmRequest request) {
    return switch (kind) {
      case SUBMIT -> client.submit(request);
      case PREPARE -> client.prepare(request);
      case ABORT -> client.abort(request);
      case FORCE_STOP, RESET_NEXT_CRON_TIME -> throw new IllegalArgumentException(kind.toString());
    };
  }

  private static StatusRuntimeException refusal(Runnable call) {
    StatusRuntimeException refusal = catchThrowableOfType(StatusRuntimeException.class, call::run);
    assertThat(refusal).as("refusal").isNotNull();
    return refusal;
  }

  private static String codeOf(StatusRuntimeException refusal) {
    return String.valueOf(trailersOf(refusal).get(Statuses.ERROR_CODE));
  }

  private static Metadata trailersOf(StatusRuntimeException refusal) {
    return requireNonNull(refusal.getTrailers(), "trailers");
  }

  // ---- methods

  @ParameterizedTest
  @EnumSource(names = {"SUBMIT", "PREPARE", "ABORT"})
  void a_command_is_handed_on_and_answered(Command.Kind kind) throws Exception {
    assertThat(call(kind, SAGA)).isEqualTo(Empty.getDefaultInstance());

    FakeDoors.Asked asked = doors.asked.take();
    assertThat(asked.command().kind()).isEqualTo(kind);
    assertThat(asked.command().request().gid()).isEqualTo("g1");
    assertThat(loops.all()).contains(asked.loop());
  }

  @Test
  void all_fields_of_a_request_are_read() throws Exception {
    client.submit(
        DtmRequest.newBuilder()
            .setGid("g;\n1")
            .setTransType("saga")
            .setTransOptions(
                DtmTransOptions.newBuilder()
                    .setWaitResult(true)
                    .setTimeoutToFail(77)
                    .setRetryInterval(9)
                    .putBranchHeaders("X-Run", "7")
                    .setRequestTimeout(8)
                    .setRetryLimit(2))
            .setCustomedData("{\"concurrent\":true}")
            .addBinPayloads(ByteString.copyFrom(BINARY))
            .addBinPayloads(ByteString.EMPTY)
            .setQueryPrepared("http://q")
            .setSteps("[{\"action\":\"http://a\",\"compensate\":\"http://c\"},{\"action\":\"\"}]")
            .putReqExtra("status", "succeed")
            .setRollbackReason("sold out")
            .build());

    assertThat(doors.asked.take().command().request())
        .isEqualTo(
            new TransactionRequest(
                "g;\n1",
                "saga",
                List.of(new Step("http://a", "http://c", ""), new Step("", "", "")),
                List.of(Payload.of(BINARY), Payload.EMPTY),
                "http://q",
                "grpc",
                "{\"concurrent\":true}",
                new Options(true, 77, 8, 9, Map.of("X-Run", "7"), false, 2),
                "sold out",
                Map.of("status", "succeed"),
                null));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "null", "[]"})
  void no_steps_are_written_in_three_ways(String steps) throws Exception {
    client.submit(SAGA.toBuilder().setSteps(steps).build());

    assertThat(doors.asked.take().command().request().steps()).isEmpty();
  }

  @Test
  void the_retired_option_and_unknown_fields_mean_nothing() throws Exception {
    var retired =
        UnknownFieldSet.newBuilder()
            .addField(
                4,
                UnknownFieldSet.Field.newBuilder()
                    .addLengthDelimited(ByteString.copyFromUtf8("x-old"))
                    .build())
            .build();
    var unknown =
        UnknownFieldSet.newBuilder()
            .addField(90, UnknownFieldSet.Field.newBuilder().addVarint(5).build())
            .build();

    client.prepare(
        SAGA.toBuilder()
            .setTransOptions(
                DtmTransOptions.newBuilder().setRetryInterval(5).setUnknownFields(retired))
            .setUnknownFields(unknown)
            .build());

    assertThat(doors.asked.take().command().request().options())
        .isEqualTo(new Options(false, 0, 0, 5, Map.of(), false, 0));
  }

  @Test
  void a_registration_is_read_from_the_data_and_not_from_the_op() throws Exception {
    client.registerBranch(
        DtmBranchRequest.newBuilder()
            .setGid("g1")
            .setTransType("tcc")
            .setBranchID("01")
            .setOp("try")
            .putData("confirm", "http://k")
            .putData("cancel", "http://x")
            .putData("url", "http://u")
            .putData("op", "action")
            .putData("status", "succeed")
            .putData("sync", "1")
            .setBusiPayload(ByteString.copyFrom(BINARY))
            .build());

    assertThat(doors.registered.take())
        .isEqualTo(
            new BranchRequest(
                "g1",
                "tcc",
                "01",
                Payload.of(BINARY),
                "http://k",
                "http://x",
                "http://u",
                "action",
                "succeed"));
  }

  @Test
  void new_gids_are_new() {
    String first = client.newGid(Empty.getDefaultInstance()).getGid();

    assertThat(first).hasSize(22);
    assertThat(client.newGid(Empty.getDefaultInstance()).getGid()).isNotEqualTo(first);
  }

  @Test
  void a_prepared_workflow_is_answered_with_its_result_and_its_steps() {
    Instant now = Instant.now();
    Stored ended = memory.save("w1", TransType.WORKFLOW, GlobalStatus.SUCCEED, now, now);
    Branch step =
        Branch.open(new BranchKey("01", Op.ACTION), "", Payload.of(BINARY), now)
            .settled(BranchStatus.SUCCEED, now);
    doors.stored.put("w1", withResult(ended, "cmVzdWx0", step));

    DtmProgressesReply reply =
        client.prepareWorkflow(SAGA.toBuilder().setGid("w1").setTransType("workflow").build());

    assertThat(reply)
        .isEqualTo(
            DtmProgressesReply.newBuilder()
                .setTransaction(
                    DtmTransaction.newBuilder()
                        .setGid("w1")
                        .setStatus("succeed")
                        .setResult("cmVzdWx0"))
                .addProgresses(
                    DtmProgress.newBuilder()
                        .setStatus("succeed")
                        .setBinData(ByteString.copyFrom(BINARY))
                        .setBranchID("01")
                        .setOp("action"))
                .build());
  }

  @Test
  void long_answers_that_nobody_reads_do_not_gather() throws Exception {
    DtmRequest request = longWorkflow();
    ManagedChannel lazy = lazyChannel();
    try {
      for (int i = 0; i < 2; i++) {
        ClientCall<DtmRequest, DtmProgressesReply> call =
            lazy.newCall(DtmGrpc.getPrepareWorkflowMethod(), CallOptions.DEFAULT);
        call.start(new ClientCall.Listener<>() {}, new Metadata()); // it never asks for an answer
        call.sendMessage(request);
        call.halfClose();
      }
      eventually(() -> doors.prepared.size() == 2);
      eventually(() -> door.answeringBytes() > ANSWERING_LIMIT / 2);

      StatusRuntimeException refusal = refusal(() -> client.prepareWorkflow(request));

      assertThat(refusal.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
      assertThat(codeOf(refusal)).isEqualTo("OVERLOADED");
    } finally {
      lazy.shutdownNow();
    }
    eventually(() -> door.answeringBytes() == 0);
    assertThat(client.prepareWorkflow(request).getProgressesCount()).isEqualTo(1);
    eventually(() -> door.answeringBytes() == 0);
  }

  private static Stored withResult(Stored stored, String result, Branch step) {
    var transaction = stored.transaction();
    var state = transaction.state();
    var changed =
        new State(
            state.status(),
            state.reason(),
            result,
            state.updateTime(),
            state.endTime(),
            state.schedule(),
            state.extra());
    return new Stored(
        new Transaction(transaction.gid(), transaction.definition(), changed, List.of(step)),
        stored.owner());
  }

  @Test
  void a_workflow_that_cannot_be_prepared_is_refused() {
    doors.trouble = new Reply.Failed(ErrorCode.STORE_UNAVAILABLE, "full");

    var refusal = refusal(() -> client.prepareWorkflow(SAGA));

    assertThat(refusal.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(codeOf(refusal)).isEqualTo("STORE_UNAVAILABLE");
  }

  @Test
  void topics_are_subscribed_to_and_left() {
    DtmTopicRequest one =
        DtmTopicRequest.newBuilder().setTopic("t").setURL("host/x.X/A").setRemark("r").build();

    client.subscribe(one);
    String subscribed = valueOfTopic();
    var again = refusal(() -> client.subscribe(one));
    client.unsubscribe(one);
    String left = valueOfTopic();
    client.deleteTopic(one);

    assertThat(subscribed).isEqualTo("[{\"url\":\"host/x.X/A\",\"remark\":\"r\"}]");
    assertThat(again.getStatus().getCode()).isEqualTo(Status.Code.UNKNOWN);
    assertThat(codeOf(again)).isEqualTo("STATUS_CONFLICT");
    assertThat(left).isEqualTo("[]");
    assertThat(memory.store.findKeyValue("topics", "t")).isEmpty();
  }

  private String valueOfTopic() {
    return memory.store.findKeyValue("topics", "t").orElseThrow().value();
  }

  @Test
  void topics_that_do_not_exist_are_not_found() {
    DtmTopicRequest nobody = DtmTopicRequest.newBuilder().setTopic("t").setURL("u").build();

    for (var refusal :
        List.of(
            refusal(() -> client.unsubscribe(nobody)), refusal(() -> client.deleteTopic(nobody)))) {
      assertThat(refusal.getStatus().getCode()).isEqualTo(Status.Code.NOT_FOUND);
      assertThat(codeOf(refusal)).isEqualTo("TOPIC_NOT_FOUND");
    }
  }

  // ---- what is refused

  @Test
  void a_refusal_carries_message_code_and_status() {
    doors.answer =
        new Reply.Refused(ErrorCode.ROLLED_BACK, "ausverkauft, größer", GlobalStatus.FAILED);

    var refusal = refusal(() -> client.submit(SAGA));

    assertThat(refusal.getStatus().getCode()).isEqualTo(Status.Code.ABORTED);
    assertThat(refusal.getStatus().getDescription()).isEqualTo("ausverkauft, größer FAILURE");
    assertThat(codeOf(refusal)).isEqualTo("ROLLED_BACK");
    assertThat(trailersOf(refusal).get(Statuses.TRANSACTION_STATUS)).isEqualTo("failed");
  }

  @Test
  void a_registration_is_refused_as_it_was_decided() {
    doors.answer = new Reply.Refused(ErrorCode.WORKFLOW_DECIDED, "decided", null);

    var refusal = refusal(() -> client.registerBranch(DtmBranchRequest.getDefaultInstance()));

    assertThat(refusal.getStatus().getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
    assertThat(codeOf(refusal)).isEqualTo("WORKFLOW_DECIDED");
  }

  @ParameterizedTest
  @ValueSource(strings = {"{bad", "{}", "[1]", "[{\"action\":1}]", "[] []", "\"x\"", " "})
  void steps_that_are_none_are_refused(String steps) {
    var refusal = refusal(() -> client.submit(SAGA.toBuilder().setSteps(steps).build()));

    assertThat(refusal.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(refusal.getStatus().getDescription()).contains("step");
    assertThat(codeOf(refusal)).isEqualTo("BAD_JSON");
    assertThat(doors.asked).isEmpty();
  }

  @Test
  void a_map_of_too_many_entries_is_refused() {
    var request = SAGA.toBuilder();
    for (int i = 0; i <= 1_000; i++) {
      request.putReqExtra("k" + i, "");
    }

    var refusal = refusal(() -> client.submit(request.build()));

    assertThat(refusal.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(codeOf(refusal)).isEqualTo("LIMIT_EXCEEDED");
  }

  @Test
  void addresses_that_may_not_be_called_are_refused() {
    String url = "http://forbidden";

    for (var refusal :
        List.of(
            refusal(() -> client.submit(SAGA.toBuilder().setQueryPrepared(url).build())),
            refusal(() -> client.prepareWorkflow(SAGA.toBuilder().setQueryPrepared(url).build())),
            refusal(
                () ->
                    client.registerBranch(
                        DtmBranchRequest.newBuilder().putData("confirm", url).build())),
            refusal(
                () ->
                    client.subscribe(
                        DtmTopicRequest.newBuilder().setTopic("t").setURL(url).build())))) {
      assertThat(refusal.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
      assertThat(codeOf(refusal)).isEqualTo("BAD_REQUEST");
    }
    assertThat(doors.asked).isEmpty();
    assertThat(doors.prepared).isEmpty();
    assertThat(doors.registered).isEmpty();
  }

  @Test
  void bytes_that_are_no_message_are_refused_and_the_connection_stays() {
    RawClient.Outcome outcome = raw.call("Submit", new byte[] {(byte) 0xff, 1, 2});

    assertThat(outcome.status().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(outcome.code()).isEqualTo("BAD_REQUEST");
    assertThat(client.newGid(Empty.getDefaultInstance()).getGid()).isNotEmpty();
  }

  @Test
  void text_that_is_not_unicode_is_refused() throws Exception {
    byte[] message = SAGA.toByteArray();
    message[2] = (byte) 0xfe; // the first character of the gid

    assertThat(raw.call("Submit", message).status().getCode())
        .isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(doors.asked).isEmpty();
  }

  @Test
  void a_message_that_is_too_long_is_refused_and_the_connection_stays() {
    var refusal =
        refusal(
            () ->
                client.submit(
                    SAGA.toBuilder()
                        .addBinPayloads(ByteString.copyFrom(new byte[MESSAGE_LIMIT]))
                        .build()));

    assertThat(refusal.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    assertThat(refusal.getStatus().getDescription()).contains("maximum size " + MESSAGE_LIMIT);
    assertThat(doors.asked).isEmpty();
    assertThat(client.newGid(Empty.getDefaultInstance()).getGid()).isNotEmpty();
    eventually(() -> door.openCalls() == 0);
  }

  @Test
  void a_message_that_is_too_long_when_decompressed_is_refused_and_the_connection_stays() {
    var refusal =
        refusal(
            () ->
                client
                    .withCompression("gzip")
                    .submit(
                        SAGA.toBuilder()
                            .addBinPayloads(ByteString.copyFrom(new byte[MESSAGE_LIMIT]))
                            .build()));

    assertThat(refusal.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
    assertThat(refusal.getStatus().getDescription()).contains("maximum size " + MESSAGE_LIMIT);
    assertThat(codeOf(refusal)).isEqualTo("LIMIT_EXCEEDED");
    assertThat(doors.asked).isEmpty();
    assertThat(client.newGid(Empty.getDefaultInstance()).getGid()).isNotEmpty();
    eventually(() -> door.openCalls() == 0);
  }

  @Test
  void a_call_without_a_message_is_refused() {
    RawClient.Outcome outcome = raw.begin("Submit").end().outcome.join();

    assertThat(outcome.status().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(outcome.code()).isEqualTo("BAD_REQUEST");
  }

  @Test
  void a_call_with_two_messages_is_cut_and_the_connection_stays() {
    byte[] message = SAGA.toByteArray();

    RawClient.Outcome outcome =
        raw.begin("Submit").send(message).send(message).end().outcome.join();

    assertThat(outcome.status().isOk()).isFalse();
    assertThat(doors.asked).isEmpty();
    assertThat(client.newGid(Empty.getDefaultInstance()).getGid()).isNotEmpty();
    eventually(() -> door.openCalls() == 0);
  }

  @Test
  void an_unknown_method_is_not_implemented() {
    assertThat(raw.call("ForceStop", SAGA.toByteArray()).status().getCode())
        .isEqualTo(Status.Code.UNIMPLEMENTED);
  }

  @Test
  void a_defect_is_told_without_its_secrets_and_breaks_nothing() {
    doors.broken = true;
    var refusal = refusal(() -> client.submit(SAGA));
    doors.broken = false;

    assertThat(refusal.getStatus().getCode()).isEqualTo(Status.Code.INTERNAL);
    assertThat(refusal.getStatus().getDescription())
        .isEqualTo("a defect of the server, its log has the cause");
    assertThat(codeOf(refusal)).isEqualTo("INTERNAL");
    assertThat(client.submit(SAGA)).isNotNull();
  }

  // ---- time, load and end

  @Test
  void a_message_that_does_not_arrive_in_time_is_given_up() {
    RawClient.Outcome outcome = raw.begin("Submit").outcome.join();

    assertThat(outcome.status().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(outcome.status().getDescription()).contains("did not arrive within 300 ms");
    assertThat(door.openCalls()).isZero();
  }

  @Test
  void a_call_that_waits_for_its_answer_is_not_given_up() throws Exception {
    doors.answer = null;
    RawClient.Call waiting = raw.begin("Submit").send(SAGA.toByteArray()).end();
    FakeDoors.Asked asked = doors.asked.take();
    RawClient.Outcome late = raw.begin("Submit").outcome.join(); // begun later, and given up

    asked.answer(Reply.Success.INSTANCE);

    assertThat(late.status().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(waiting.outcome.join().status().getCode()).isEqualTo(Status.Code.OK);
  }

  @Test
  void a_client_that_gives_up_changes_nothing() throws Exception {
    doors.answer = null;
    RawClient.Call given = raw.begin("Submit").send(SAGA.toByteArray()).end();
    FakeDoors.Asked asked = doors.asked.take();
    given.call.cancel("no patience", null);
    eventually(() -> door.openCalls() == 0);

    asked.answer(Reply.Success.INSTANCE);

    assertThat(client.newGid(Empty.getDefaultInstance()).getGid()).isNotEmpty();
    assertThat(given.outcome.join().status().getCode()).isEqualTo(Status.Code.CANCELLED);
  }

  @Test
  void the_deadline_of_a_client_ends_its_wait_only() throws Exception {
    doors.answer = null;

    var refusal = refusal(() -> client.withDeadlineAfter(100, TimeUnit.MILLISECONDS).submit(SAGA));

    assertThat(refusal.getStatus().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
    assertThat(doors.asked.take().command().kind()).isEqualTo(Command.Kind.SUBMIT);
  }

  @Test
  void too_much_on_its_way_in_is_refused() throws IOException {
    byte[] half = Arrays.copyOf(SAGA.toByteArray(), MESSAGE_LIMIT * 3 / 4);
    List<RawClient.Call> calls =
        List.of(raw.begin("Submit"), raw.begin("Submit"), raw.begin("Submit"));

    calls.forEach(call -> call.send(half)); // none of them ends

    assertThat(calls).extracting(call -> call.outcome.join().code()).contains("OVERLOADED");
    eventually(() -> door.receivedBytes() == 0);
  }

  @Test
  void a_door_that_stops_answers_what_is_open_and_refuses_the_rest() throws Exception {
    doors.answer = null;
    RawClient.Call open = raw.begin("Submit").send(SAGA.toByteArray()).end();
    FakeDoors.Asked asked = doors.asked.take();

    door.stopAccepting();
    var refusal = refusal(() -> client.submit(SAGA));
    asked.answer(new Reply.Unfinished(ErrorCode.NOT_FINISHED, "later", GlobalStatus.SUBMITTED));

    assertThat(refusal.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(codeOf(refusal)).isEqualTo("STOPPING");
    assertThat(open.outcome.join().status().getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
  }

  @Test
  void a_closed_door_has_sent_its_last_answers() throws Exception {
    doors.answer = null;
    List<RawClient.Call> open =
        IntStream.range(0, 50)
            .mapToObj(_ -> raw.begin("Submit").send(SAGA.toByteArray()).end())
            .toList();
    for (RawClient.Call _ : open) {
      doors.asked.take().answer(Reply.Success.INSTANCE);
    }

    door.close();

    assertThat(open)
        .extracting(call -> call.outcome.join().status().getCode())
        .containsOnly(Status.Code.OK);
    assertThatThrownBy(() -> new Socket(InetAddress.getLoopbackAddress(), door.port()).close())
        .isInstanceOf(Exception.class);
  }

  /** A workflow is stored whose answer takes up a third of the room; what asks for it. */
  private DtmRequest longWorkflow() {
    Instant now = Instant.parse("2026-01-02T03:04:05Z");
    Stored running = memory.save("w1", TransType.WORKFLOW, GlobalStatus.PREPARED, now, now);
    Payload large = Payload.of(new byte[(int) ANSWERING_LIMIT / 3]);
    doors.stored.put(
        "w1", withResult(running, "", Branch.open(new BranchKey("01", Op.ACTION), "", large, now)));
    return SAGA.toBuilder().setGid("w1").setTransType("workflow").build();
  }

  /** Of a client that takes little of an answer before it reads. */
  private ManagedChannel lazyChannel() {
    return NettyChannelBuilder.forAddress("127.0.0.1", door.port())
        .usePlaintext()
        .flowControlWindow(1_024)
        .build();
  }

  @Test
  void a_door_closes_though_a_client_does_not_read() throws Exception {
    DtmRequest request = longWorkflow();
    ManagedChannel lazy = lazyChannel();
    try {
      ClientCall<DtmRequest, DtmProgressesReply> deaf =
          lazy.newCall(DtmGrpc.getPrepareWorkflowMethod(), CallOptions.DEFAULT);
      deaf.start(new ClientCall.Listener<>() {}, new Metadata()); // it never asks for an answer
      deaf.sendMessage(request);
      deaf.halfClose();
      eventually(() -> door.answeringBytes() > 0);

      door.close();

      eventually(() -> door.answeringBytes() == 0);
    } finally {
      lazy.shutdownNow();
    }
  }

  // ---- what else is there

  @Test
  void reflection_names_the_services() throws Exception {
    var services = new CompletableFuture<List<String>>();
    StreamObserver<ServerReflectionRequest> asking =
        ServerReflectionGrpc.newStub(channel)
            .serverReflectionInfo(
                new StreamObserver<>() {
                  @Override
                  public void onNext(ServerReflectionResponse response) {
                    services.complete(
                        response.getListServicesResponse().getServiceList().stream()
                            .map(ServiceResponse::getName)
                            .toList());
                  }

                  @Override
                  public void onError(Throwable trouble) {
                    services.completeExceptionally(trouble);
                  }

                  @Override
                  public void onCompleted() {}
                });
    asking.onNext(ServerReflectionRequest.newBuilder().setListServices("").build());

    assertThat(services.get(5, TimeUnit.SECONDS))
        .contains(
            "dtmgimp.Dtm", "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection");
    assertThat(door.receivedBytes()).as("of a stream that may last for ever").isZero();
    asking.onCompleted();
  }

  @Test
  void health_is_told_until_the_door_stops() {
    var health = HealthGrpc.newBlockingStub(channel);
    var all = HealthCheckRequest.getDefaultInstance();
    ServingStatus before = health.check(all).getStatus();

    door.stopAccepting();

    assertThat(before).isEqualTo(ServingStatus.SERVING);
    assertThat(health.check(all).getStatus()).isEqualTo(ServingStatus.NOT_SERVING);
  }

  @Test
  void health_agrees_with_readiness() {
    var health = HealthGrpc.newBlockingStub(channel);
    var all = HealthCheckRequest.getDefaultInstance();
    memory.notReady = new Reply.Failed(ErrorCode.STORE_UNAVAILABLE, "disk full");
    ServingStatus meanwhile = health.check(all).getStatus();

    memory.notReady = null;

    assertThat(meanwhile).isEqualTo(ServingStatus.NOT_SERVING);
    assertThat(health.check(all).getStatus()).isEqualTo(ServingStatus.SERVING);
  }

  @Test
  void whoever_watches_the_health_is_told_when_it_changes() {
    var told = new ArrayList<ServingStatus>();
    Iterator<HealthCheckResponse> watching =
        HealthGrpc.newBlockingStub(channel).watch(HealthCheckRequest.getDefaultInstance());
    told.add(watching.next().getStatus());

    memory.notReady = new Reply.Failed(ErrorCode.STORE_UNAVAILABLE, "disk full");
    told.add(watching.next().getStatus());
    memory.notReady = null;
    told.add(watching.next().getStatus());

    assertThat(told)
        .containsExactly(ServingStatus.SERVING, ServingStatus.NOT_SERVING, ServingStatus.SERVING);
  }

  @Test
  void calls_are_counted_by_method() {
    client.submit(SAGA);
    doors.answer = new Reply.Failed(ErrorCode.GID_NOT_FOUND, "who?");
    refusal(() -> client.registerBranch(DtmBranchRequest.getDefaultInstance()));

    assertThat(new String(metrics.text(), StandardCharsets.UTF_8))
        .contains("dtm_server_process_total{api=\"submit\",status=\"ok\",type=\"grpc\"} 1.0")
        .contains(
            "dtm_server_process_total{api=\"registerbranch\",status=\"fail\",type=\"grpc\"} 1.0");
  }
}
