package io.dtm4j.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.Empty;
import com.sun.net.httpserver.HttpServer;
import io.dtm4j.protocol.TraceContext;
import io.dtm4j.server.config.ConfigParser;
import io.dtm4j.server.tracing.Spans;
import io.dtm4j.server.tracing.Tracing;
import io.dtm4j.stubs.DtmGidReply;
import io.dtm4j.stubs.DtmGrpc;
import io.dtm4j.stubs.DtmRequest;
import io.dtm4j.stubs.DtmTransOptions;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.sdk.trace.data.SpanData;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a whole server tells of its calls, from the request of a client to the participant. */
@Tag("long")
@DisplayNameGeneration(ReplaceUnderscores.class)
class TracesTest {
  private static final String TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
  private static final String SPAN_ID = "b7ad6b7169203331";
  private static final String CLIENT = "00-" + TRACE_ID + "-" + SPAN_ID + "-01";
  private static final String NONE = "";

  private static final int OK = 200;
  private static final int TOO_EARLY = 425;

  private static final Metadata.Key<String> PARENT =
      Metadata.Key.of(TraceContext.PARENT, Metadata.ASCII_STRING_MARSHALLER);

  /** What a participant was called with; "" stands for no {@code traceparent}. */
  private record Called(String path, String traceparent) {}

  @TempDir Path folder;
  private final Spans spans = new Spans();
  private final LinkedBlockingQueue<Called> calls = new LinkedBlockingQueue<>();

  /** What participants answer next; when it is empty, OK. */
  private final ConcurrentLinkedQueue<Integer> statuses = new ConcurrentLinkedQueue<>();

  private final HttpClient http = HttpClient.newHttpClient();
  private HttpServer participant;
  private Server grpcParticipant;
  private @Nullable DtmServer server;

  @BeforeEach
  void start() throws IOException {
    var anyPort = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    participant = HttpServer.create(anyPort, 0);
    participant.createContext(
        "/",
        call -> {
          String parent = call.getRequestHeaders().getFirst(TraceContext.PARENT);
          calls.add(
              new Called(
                  String.valueOf(call.getRequestURI().getPath()), parent == null ? NONE : parent));
          Integer status = statuses.poll();
          call.sendResponseHeaders(status == null ? OK : status, -1);
          call.close();
        });
    participant.start();
    grpcParticipant =
        NettyServerBuilder.forAddress(anyPort)
            .addService(ServerInterceptors.intercept(new Anybody(), new Listening()))
            .build()
            .start();
  }

  @AfterEach
  void stop() {
    http.close();
    if (server != null) {
      server.close();
    }
    participant.stop(0);
    grpcParticipant.shutdownNow();
  }

  private static final class Anybody extends DtmGrpc.DtmImplBase {
    @Override
    public void newGid(Empty request, StreamObserver<DtmGidReply> answers) {
      answers.onNext(DtmGidReply.getDefaultInstance());
      answers.onCompleted();
    }
  }

  private final class Listening implements ServerInterceptor {
    @Override
    public <Q, R> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
      String parent = headers.get(PARENT);
      calls.add(
          new Called(
              call.getMethodDescriptor().getFullMethodName(), parent == null ? NONE : parent));
      return next.startCall(call, headers);
    }
  }

  private DtmServer serve(Tracing tracing) {
    Map<String, String> options =
        Map.of(
            "BindAddress",
            "127.0.0.1",
            "HttpPort",
            Integer.toString(FreePorts.next()),
            "GrpcPort",
            "0",
            "Store.Dir",
            folder.resolve("data").toString());
    DtmServer started =
        DtmServer.start(ConfigParser.load(null, options, Map.of()).config(), tracing);
    server = started;
    return started;
  }

  private String url(String path) {
    return "http://127.0.0.1:" + participant.getAddress().getPort() + path;
  }

  /** A saga of one step, waited for. */
  private String saga(String gid, String options) {
    return """
    {"gid":"%s","trans_type":"saga","wait_result":true,"payloads":["1"],\
    "steps":[{"action":"%s","compensate":"%s"}]%s}\
    """
        .formatted(gid, url("/do"), url("/undo"), options);
  }

  private String message(String gid, String options) {
    return """
    {"gid":"%s","trans_type":"msg","wait_result":true,"payloads":["1"],\
    "query_prepared":"%s","steps":[{"action":"%s"}]%s}\
    """
        .formatted(gid, url("/check"), url("/do"), options);
  }

  private static String gid(String gid) {
    return "{\"gid\":\"" + gid + "\"}";
  }

  private String post(DtmServer to, String path, String body, String traceparent) throws Exception {
    var request =
        HttpRequest.newBuilder(URI.create(to.httpUrl() + path)).POST(BodyPublishers.ofString(body));
    if (!traceparent.equals(NONE)) {
      request.header(TraceContext.PARENT, traceparent);
    }
    return http.send(request.build(), BodyHandlers.ofString()).body();
  }

  private String operation(DtmServer to, String name, String body, String traceparent)
      throws Exception {
    return post(to, "/api/dtmsvr/" + name, body, traceparent);
  }

  private SpanData ended() throws InterruptedException {
    return spans.ended.take();
  }

  private static void assertIsChildOfClient(SpanData span) {
    assertThat(span.getTraceId()).isEqualTo(TRACE_ID);
    assertThat(span.getParentSpanId()).isEqualTo(SPAN_ID);
  }

  private static String contextOf(SpanData span) {
    return "00-%s-%s-%s"
        .formatted(
            span.getTraceId(), span.getSpanId(), span.getSpanContext().getTraceFlags().asHex());
  }

  private static @Nullable String attribute(SpanData span, String name) {
    return span.getAttributes().get(AttributeKey.stringKey(name));
  }

  // ---- from the client to the span to the participant

  @Test
  void the_span_of_a_client_over_http_is_the_parent_and_the_participant_sees_the_attempt()
      throws Exception {
    operation(serve(spans.tracing()), "submit", saga("s1", ""), CLIENT);

    SpanData span = ended();
    assertIsChildOfClient(span);
    assertThat(attribute(span, "dtm.gid")).isEqualTo("s1");
    assertThat(calls.take()).isEqualTo(new Called("/do", contextOf(span)));
  }

  @Test
  void the_span_of_a_client_over_grpc_is_the_parent_and_the_participant_sees_the_attempt()
      throws Exception {
    DtmServer server = serve(spans.tracing());
    String url = "127.0.0.1:" + grpcParticipant.getPort() + "/dtmgimp.Dtm/NewGid";
    var request =
        DtmRequest.newBuilder()
            .setGid("g1")
            .setTransType("saga")
            .setSteps("[{\"action\":\"" + url + "\",\"compensate\":\"\"}]")
            .addBinPayloads(ByteString.EMPTY)
            .setTransOptions(DtmTransOptions.newBuilder().setWaitResult(true))
            .build();
    var headers = new Metadata();
    headers.put(PARENT, CLIENT);
    ManagedChannel channel =
        NettyChannelBuilder.forTarget(server.grpcTarget()).usePlaintext().build();

    DtmGrpc.newBlockingStub(channel)
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
        .submit(request);
    channel.shutdownNow().awaitTermination(1, TimeUnit.MINUTES);

    SpanData span = ended();
    assertIsChildOfClient(span);
    assertThat(attribute(span, "dtm.gid")).isEqualTo("g1");
    assertThat(calls.take()).isEqualTo(new Called("dtmgimp.Dtm/NewGid", contextOf(span)));
  }

  @Test
  void json_rpc_has_the_context_in_the_same_header_in_and_out() throws Exception {
    String rpcSaga = saga("j1", ",\"protocol\":\"json-rpc\"").replace("/do", "/do?method=Pay");
    String envelope =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"submit\",\"params\":%s}"
            .formatted(rpcSaga.replace("\"1\"", "\"{}\""));

    post(serve(spans.tracing()), "/api/json-rpc", envelope, CLIENT);

    SpanData span = ended();
    assertIsChildOfClient(span);
    assertThat(calls.take()).isEqualTo(new Called("/do", contextOf(span)));
  }

  @ParameterizedTest
  @ValueSource(strings = {NONE, "00-00000000000000000000000000000000-b7ad6b7169203331-01", "x"})
  void without_a_valid_context_a_trace_begins_here(String traceparent) throws Exception {
    operation(serve(spans.tracing()), "submit", saga("n1", ""), traceparent);

    SpanData span = ended();
    assertThat(span.getParentSpanContext().isValid()).isFalse();
    assertThat(calls.take().traceparent()).isEqualTo(contextOf(span));
  }

  @Test
  void each_repeat_of_a_call_has_a_span_of_its_own() throws Exception {
    statuses.add(500);
    statuses.add(500);

    operation(serve(spans.tracing()), "submit", saga("r1", ",\"retry_limit\":2"), CLIENT);

    for (String answer : new String[] {"unknown", "unknown", "success"}) {
      SpanData span = ended();
      assertIsChildOfClient(span);
      assertThat(attribute(span, "dtm.op")).isEqualTo("action");
      assertThat(attribute(span, "dtm.answer")).isEqualTo(answer);
      assertThat(calls.take().traceparent()).isEqualTo(contextOf(span));
    }
    assertThat(spans.ended).isEmpty();
  }

  // ---- kept with the transaction

  @Test
  void after_a_restart_the_trace_goes_on() throws Exception {
    DtmServer first = serve(spans.tracing());
    statuses.add(TOO_EARLY);
    operation(first, "submit", saga("k1", ""), CLIENT);
    assertThat(attribute(ended(), "dtm.answer")).isEqualTo("ongoing");
    first.close();

    operation(serve(spans.tracing()), "resetNextCronTime", gid("k1"), NONE);

    SpanData span = ended();
    assertIsChildOfClient(span);
    assertThat(attribute(span, "dtm.answer")).isEqualTo("success");
  }

  @Test
  void what_creates_a_transaction_decides_on_its_trace() throws Exception {
    DtmServer server = serve(spans.tracing());
    operation(server, "prepare", message("m1", ""), CLIENT);

    operation(
        server,
        "submit",
        message("m1", ""),
        "00-1af7651916cd43dd8448eb211c80319c-" + SPAN_ID + "-01");

    assertIsChildOfClient(ended());
  }

  @Test
  void a_check_back_belongs_to_the_trace() throws Exception {
    DtmServer server = serve(spans.tracing());

    operation(server, "prepare", message("c1", ",\"timeout_to_fail\":1"), CLIENT);

    SpanData checkBack = ended();
    assertIsChildOfClient(checkBack);
    assertThat(checkBack.getName()).isEqualTo("msg check-back");
    assertThat(calls.take()).isEqualTo(new Called("/check", contextOf(checkBack)));
    assertIsChildOfClient(ended());
  }

  @Test
  void the_resume_of_a_workflow_belongs_to_the_trace() throws Exception {
    DtmServer server = serve(spans.tracing());
    String data = Base64.getEncoder().encodeToString("in".getBytes(UTF_8));
    String workflow =
        """
        {"gid":"w1","trans_type":"workflow","query_prepared":"%s",\
        "custom_data":"{\\"name\\":\\"buy\\",\\"data\\":\\"%s\\"}"}\
        """
            .formatted(url("/resume"), data);
    operation(server, "prepareWorkflow", workflow, CLIENT);

    operation(server, "resetNextCronTime", gid("w1"), NONE);

    SpanData resume = ended();
    assertIsChildOfClient(resume);
    assertThat(resume.getName()).isEqualTo("workflow resume");
    assertThat(attribute(resume, "dtm.op")).isEqualTo("buy");
    assertThat(calls.take()).isEqualTo(new Called("/resume", contextOf(resume)));
  }

  @Test
  void answers_do_not_show_what_is_kept() throws Exception {
    DtmServer server = serve(spans.tracing());
    operation(server, "submit", saga("q1", ""), CLIENT);
    ended();

    URI query = URI.create(server.httpUrl() + "/api/dtmsvr/query?gid=q1");
    String answer =
        http.send(HttpRequest.newBuilder(query).build(), BodyHandlers.ofString()).body();

    assertThat(answer).contains("\"gid\":\"q1\"").doesNotContain("ext_data", TRACE_ID);
  }

  // ---- off

  @Test
  void without_tracing_no_header_is_added_and_none_is_kept() throws Exception {
    statuses.add(TOO_EARLY);
    DtmServer off = serve(Tracing.OFF);
    operation(off, "submit", saga("o1", ""), CLIENT);
    assertThat(calls.take()).isEqualTo(new Called("/do", NONE));
    off.close();

    operation(serve(spans.tracing()), "resetNextCronTime", gid("o1"), NONE);

    assertThat(ended().getParentSpanContext().isValid()).isFalse();
  }

  @Test
  void without_tracing_branch_headers_go_as_they_are() throws Exception {
    String headers = ",\"branch_headers\":{\"traceparent\":\"%s\"}".formatted(CLIENT);

    operation(serve(Tracing.OFF), "submit", saga("b1", headers), NONE);

    assertThat(calls.take()).isEqualTo(new Called("/do", CLIENT));
  }
}
