package io.dtm4j.server.tracing;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.coordinator.Caller;
import io.dtm4j.engine.Call;
import io.dtm4j.model.BranchKey;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TraceContext;
import io.dtm4j.protocol.TransType;
import io.dtm4j.server.FreePorts;
import io.dtm4j.server.grpc.GrpcCaller;
import io.dtm4j.server.grpc.GrpcCallerConfig;
import io.dtm4j.server.http.AddressPolicy;
import io.dtm4j.server.http.CallerConfig;
import io.dtm4j.server.http.HttpCaller;
import io.dtm4j.server.http.Loops;
import io.dtm4j.server.http.Room;
import io.dtm4j.store.EventLoop;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.data.StatusData;
import io.opentelemetry.sdk.trace.samplers.Sampler;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(ReplaceUnderscores.class)
class TracedCallerTest {
  private static final String TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
  private static final String SPAN_ID = "b7ad6b7169203331";
  private static final TraceContext CLIENT =
      new TraceContext("00-" + TRACE_ID + "-" + SPAN_ID + "-01", "vendor=x");

  private final Spans spans = new Spans();

  /** Calls that were handed on. */
  private final List<Call> sent = new ArrayList<>();

  private BranchAnswer answer = BranchAnswer.Success.INSTANCE;

  private final Caller caller =
      spans
          .tracing()
          .around(
              (call, ended) -> {
                sent.add(call);
                ended.ended(answer, false);
              });

  private static Call call(
      TransType type, int row, Op op, Map<String, String> headers, @Nullable TraceContext trace) {
    return new Call(
        new Gid("g"),
        type,
        row,
        new BranchKey("01", op),
        "http",
        "http://s/a",
        Payload.of("{}"),
        Duration.ofSeconds(5),
        headers,
        trace);
  }

  private static Call action(Map<String, String> headers, @Nullable TraceContext trace) {
    return call(TransType.SAGA, 1, Op.ACTION, headers, trace);
  }

  private SpanData spanOf(Call call) {
    caller.send(call, (_, _) -> {});
    SpanData span = spans.ended.remove();
    assertThat(spans.ended).isEmpty();
    return span;
  }

  private Map<String, String> headersOf(Call call) {
    caller.send(call, (_, _) -> {});
    return sent.getLast().headers();
  }

  private static @Nullable String attribute(SpanData span, String name) {
    return span.getAttributes().get(AttributeKey.stringKey(name));
  }

  @Test
  void the_parent_of_an_attempt_is_the_span_of_the_client() {
    SpanData span = spanOf(action(Map.of(), CLIENT));

    assertThat(span.getTraceId()).isEqualTo(TRACE_ID);
    assertThat(span.getParentSpanId()).isEqualTo(SPAN_ID);
    assertThat(span.getParentSpanContext().isRemote()).isTrue();
    assertThat(span.getKind()).isEqualTo(SpanKind.CLIENT);
  }

  @Test
  void a_span_says_what_was_called_and_how_that_ended() {
    SpanData span = spanOf(action(Map.of(), CLIENT));

    assertThat(span.getName()).isEqualTo("saga action");
    Map<String, Object> attributes = new HashMap<>();
    span.getAttributes().forEach((key, value) -> attributes.put(key.getKey(), value));
    assertThat(attributes)
        .isEqualTo(
            Map.of(
                "dtm.gid", "g",
                "dtm.trans_type", "saga",
                "dtm.branch_id", "01",
                "dtm.op", "action",
                "dtm.answer", "success"));
    assertThat(span.getStatus()).isEqualTo(StatusData.unset());
  }

  @Test
  void names_are_few_though_workflows_have_their_own() {
    Op own = Op.of("own-workflow");

    assertThat(spanOf(call(TransType.WORKFLOW, Call.NO_ROW, own, Map.of(), CLIENT)).getName())
        .isEqualTo("workflow resume");
    assertThat(spanOf(call(TransType.MSG, Call.NO_ROW, Op.CHECK_BACK, Map.of(), null)).getName())
        .isEqualTo("msg check-back");
  }

  @Test
  void an_answer_that_only_asks_for_time_is_no_error() {
    answer = new BranchAnswer.Ongoing("later");

    SpanData span = spanOf(action(Map.of(), CLIENT));

    assertThat(attribute(span, "dtm.answer")).isEqualTo("ongoing");
    assertThat(span.getStatus()).isEqualTo(StatusData.unset());
  }

  @Test
  void what_went_wrong_is_told_as_far_as_it_is_kept_elsewhere() {
    answer = new BranchAnswer.Failure("full");
    SpanData refused = spanOf(action(Map.of(), CLIENT));
    answer = new BranchAnswer.Unknown("x".repeat(501));
    SpanData unknown = spanOf(action(Map.of(), CLIENT));

    assertThat(attribute(refused, "dtm.answer")).isEqualTo("failure");
    assertThat(refused.getStatus()).isEqualTo(StatusData.create(StatusCode.ERROR, "full"));
    assertThat(attribute(unknown, "dtm.answer")).isEqualTo("unknown");
    assertThat(unknown.getStatus().getDescription()).isEqualTo("x".repeat(500));
  }

  @Test
  void the_participant_is_told_that_this_span_called_it() {
    Map<String, String> headers = headersOf(action(Map.of("X-Tenant", "north"), CLIENT));

    SpanData span = spans.ended.remove();
    assertThat(headers)
        .containsOnly(
            Map.entry("X-Tenant", "north"),
            Map.entry("traceparent", "00-" + TRACE_ID + "-" + span.getSpanId() + "-01"),
            Map.entry("tracestate", "vendor=x"));
  }

  @Test
  void without_a_context_a_trace_begins_with_the_attempt() {
    Map<String, String> headers = headersOf(action(Map.of(), null));

    SpanData span = spans.ended.remove();
    assertThat(span.getParentSpanContext().isValid()).isFalse();
    assertThat(headers)
        .containsOnly(
            Map.entry(
                "traceparent",
                "00-"
                    + span.getTraceId()
                    + "-"
                    + span.getSpanId()
                    + "-"
                    + span.getSpanContext().getTraceFlags().asHex()));
  }

  @Test
  void participants_stay_in_the_trace_that_the_client_names_for_them() {
    String other = "1af7651916cd43dd8448eb211c80319c";
    Map<String, String> given =
        Map.of("TraceParent", "00-" + other + "-" + SPAN_ID + "-01", "TraceState", "own=1");

    Map<String, String> headers = headersOf(action(given, CLIENT));

    SpanData span = spans.ended.remove();
    assertThat(span.getTraceId()).isEqualTo(other);
    assertThat(span.getParentSpanId()).isEqualTo(SPAN_ID);
    assertThat(new HashMap<>(headers).values())
        .containsExactlyInAnyOrder("00-" + other + "-" + span.getSpanId() + "-01", "own=1");
  }

  @Test
  void what_the_client_does_not_sample_is_passed_on_so_and_told_nobody() {
    var unsampled = new TraceContext("00-" + TRACE_ID + "-" + SPAN_ID + "-00", "");

    Map<String, String> headers = headersOf(action(Map.of(), unsampled));

    assertThat(spans.ended).isEmpty();
    assertThat(headers.get("traceparent")).startsWith("00-" + TRACE_ID + "-").endsWith("-00");
  }

  @Test
  void the_sampler_decides_where_there_is_no_client() {
    Caller silent =
        new OpenTelemetryTracing(spans.sdk(Sampler.parentBased(Sampler.alwaysOff())), "")
            .around(
                (call, ended) -> {
                  sent.add(call);
                  ended.ended(answer, false);
                });

    silent.send(action(Map.of(), null), (_, _) -> {});
    silent.send(action(Map.of(), CLIENT), (_, _) -> {});

    assertThat(sent).hasSize(2);
    assertThat(spans.ended).hasSize(1);
  }

  @Test
  void whoever_sends_hears_the_answer_and_is_asked_as_ever() {
    var asked = new AtomicInteger();
    var told = new ArrayList<BranchAnswer>();
    Caller.Ended ended =
        new Caller.Ended() {
          @Override
          public void ended(BranchAnswer answer, boolean unreachable) {
            assertThat(unreachable).isTrue();
            told.add(answer);
          }

          @Override
          public boolean mayLeave() {
            return asked.incrementAndGet() > 1;
          }

          @Override
          public boolean hasRight() {
            return asked.get() < 2;
          }
        };
    var answers = new ArrayList<Boolean>();

    spans
        .tracing()
        .around(
            (_, inner) -> {
              answers.add(inner.mayLeave());
              answers.add(inner.hasRight());
              answers.add(inner.mayLeave());
              answers.add(inner.hasRight());
              inner.ended(new BranchAnswer.Unknown("gone"), true);
            })
        .send(action(Map.of(), CLIENT), ended);

    assertThat(answers).containsExactly(false, true, true, false);
    assertThat(told).containsExactly(new BranchAnswer.Unknown("gone"));
  }

  // ---- with the callers themselves: whatever happens to a call its span ends, once

  private static Call to(String protocol, String url, Duration timeout) {
    return new Call(
        new Gid("g"),
        TransType.SAGA,
        1,
        new BranchKey("01", Op.ACTION),
        protocol,
        url,
        Payload.of("{}"),
        timeout,
        Map.of(),
        CLIENT);
  }

  private static CompletableFuture<BranchAnswer> send(
      Caller caller, EventLoop loop, Call call, boolean mayLeave) {
    var answered = new CompletableFuture<BranchAnswer>();
    loop.execute(
        () ->
            caller.send(
                call,
                new Caller.Ended() {
                  @Override
                  public void ended(BranchAnswer answer, boolean unreachable) {
                    answered.complete(answer);
                  }

                  @Override
                  public boolean mayLeave() {
                    return mayLeave;
                  }
                }));
    return answered;
  }

  @Test
  void a_span_over_http_ends_with_a_time_out_a_refusal_a_veto_and_a_stop() throws Exception {
    try (Loops loops = Loops.start(1);
        var silent = new ServerSocket(0, 8, InetAddress.getLoopbackAddress())) {
      var http = HttpCaller.open(loops, CallerConfig.DEFAULTS, AddressPolicy.ALL);
      Caller traced = spans.tracing().around(http);
      EventLoop loop = loops.all().getFirst();
      String mute = "http://127.0.0.1:" + silent.getLocalPort() + "/";
      String nobody = "http://127.0.0.1:" + FreePorts.next() + "/";
      Duration patience = Duration.ofMinutes(1);

      send(traced, loop, to("http", mute, Duration.ofMillis(200)), true).get();
      send(traced, loop, to("http", nobody, patience), true).get();
      send(traced, loop, to("http", mute, patience), false).get();
      var stopped = send(traced, loop, to("http", mute, patience), true);
      silent.accept().close(); // the first one
      http.close();
      stopped.get();
    }

    assertThat(spans.ended).hasSize(4);
    assertThat(spans.ended).allMatch(span -> "unknown".equals(attribute(span, "dtm.answer")));
    assertThat(spans.ended)
        .extracting(span -> span.getStatus().getDescription())
        .satisfiesExactly(
            timeout -> assertThat(timeout).contains("within 200 ms"),
            refused -> assertThat(refused).isNotEmpty(),
            veto -> assertThat(veto).startsWith("not called"),
            stop -> assertThat(stop).isNotEmpty());
  }

  @Test
  void a_span_over_grpc_ends_with_a_time_out_a_refusal_and_a_stop() throws Exception {
    try (Loops loops = Loops.start(1);
        var silent = new ServerSocket(0, 8, InetAddress.getLoopbackAddress())) {
      var grpc =
          GrpcCaller.open(loops, GrpcCallerConfig.DEFAULTS, AddressPolicy.ALL, new Room(1_000));
      Caller traced = spans.tracing().around(grpc);
      EventLoop loop = loops.all().getFirst();
      String mute = "127.0.0.1:" + silent.getLocalPort() + "/s.S/M";
      String nobody = "127.0.0.1:" + FreePorts.next() + "/s.S/M";
      Duration patience = Duration.ofMinutes(1);

      send(traced, loop, to("grpc", mute, Duration.ofMillis(200)), true).get();
      send(traced, loop, to("grpc", nobody, patience), true).get();
      var stopped = send(traced, loop, to("grpc", mute, patience), true);
      grpc.close();
      stopped.get();
    }

    assertThat(spans.ended).hasSize(3);
    assertThat(spans.ended).allMatch(span -> "unknown".equals(attribute(span, "dtm.answer")));
  }
}
