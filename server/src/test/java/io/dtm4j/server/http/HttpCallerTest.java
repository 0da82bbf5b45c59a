package io.dtm4j.server.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

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
import io.dtm4j.store.EventLoop;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.net.PfxOptions;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayNameGeneration(ReplaceUnderscores.class)
@Timeout(30)
class HttpCallerTest {
  private static final CallerConfig CONFIG =
      new CallerConfig(
          8, 8, 10_000, 1 << 20, Duration.ofMillis(1_500), Duration.ofSeconds(2), false);
  private static final Payload NUMBER = Payload.of("{\"n\":1}");

  private static Loops loops;
  private static Vertx vertx;

  private final Map<String, Consumer<HttpServerRequest>> answers = new HashMap<>();
  private final List<AutoCloseable> opened = new ArrayList<>();

  @BeforeAll
  static void start() {
    loops = Loops.start(2);
    vertx = Vertx.vertx();
  }

  @AfterAll
  static void end() {
    loops.close();
    vertx.close().await();
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

  private HttpCaller caller(CallerConfig config) {
    return opened(HttpCaller.open(loops, config, url -> !url.contains("forbidden")));
  }

  private Participant participant() {
    return opened(new Participant(vertx, new HttpServerOptions(), "127.0.0.1", answers));
  }

  private RawParticipant raw(RawParticipant.Manners manners) throws IOException {
    return opened(new RawParticipant(manners));
  }

  private static Call call(String url, Payload payload) {
    return call(url, payload, Map.of());
  }

  private static Call call(String url, Payload payload, Map<String, String> headers) {
    return call(TransType.SAGA, url, payload, headers, Duration.ofSeconds(5));
  }

  private static Call call(
      TransType type, String url, Payload payload, Map<String, String> headers, Duration timeout) {
    return new Call(
        new Gid("g 1"),
        type,
        1,
        new BranchKey("01", Op.ACTION),
        "http",
        url,
        payload,
        timeout,
        headers,
        null);
  }

  private static CompletableFuture<BranchAnswer> send(HttpCaller caller, Call call) {
    var answered = new CompletableFuture<BranchAnswer>();
    EventLoop loop = loops.all().getFirst();
    loop.execute(
        () -> {
          var returned = new boolean[1];
          caller.send(
              call,
              (answer, _) -> {
                if (!returned[0] || !loop.isCurrent() || !answered.complete(answer)) {
                  answered.obtrudeException(
                      new AssertionError("answered twice, at once or on another thread"));
                }
              });
          returned[0] = true;
        });
    return answered;
  }

  private static BranchAnswer answerTo(HttpCaller caller, Call call) throws Exception {
    return send(caller, call).get(20, TimeUnit.SECONDS);
  }

  private static boolean isUnreachable(HttpCaller caller, Call call) throws Exception {
    var ended = new CompletableFuture<Boolean>();
    loops
        .all()
        .getFirst()
        .execute(() -> caller.send(call, (_, unreachable) -> ended.complete(unreachable)));
    return ended.get(20, TimeUnit.SECONDS);
  }

  private BranchAnswer answerTo(Call call) throws Exception {
    return answerTo(caller(CONFIG), call);
  }

  private static Consumer<HttpServerRequest> reply(int status, String body) {
    return request -> request.response().setStatusCode(status).end(body);
  }

  record Row(int status, String body, BranchAnswer answer) {}

  static final List<Row> ANSWERS =
      List.of(
          new Row(200, "", Success.INSTANCE),
          new Row(200, "<p>failure, ongoing</p>", Success.INSTANCE),
          new Row(200, "{\"dtm_result\":\"ONGOING\"}", new Ongoing("{\"dtm_result\":\"ONGOING\"}")),
          new Row(200, "a FAILURE", new Failure("a FAILURE")),
          new Row(200, "FAILURE or ONGOING", new Ongoing("FAILURE or ONGOING")),
          new Row(409, "", new Failure("")),
          new Row(409, "nur 3 übrig, 床", new Failure("nur 3 übrig, 床")),
          new Row(409, "still ONGOING", new Ongoing("still ONGOING")),
          new Row(425, "", new Ongoing("")),
          new Row(425, "FAILURE", new Ongoing("FAILURE")),
          new Row(500, "FAILURE", new Failure("FAILURE")),
          new Row(500, "ONGOING", new Ongoing("ONGOING")),
          new Row(500, "stack", new Unknown("status 500: stack")),
          new Row(201, "{}", new Unknown("status 201: {}")),
          new Row(204, "", new Unknown("status 204")),
          new Row(302, "nowhere", new Unknown("status 302: nowhere")),
          new Row(304, "", new Unknown("status 304")),
          new Row(400, "", new Unknown("status 400")),
          new Row(503, "", new Unknown("status 503")));

  private static Call rpc(String url, String payload) {
    return new Call(
        new Gid("g 1"),
        TransType.SAGA,
        1,
        new BranchKey("01", Op.ACTION),
        "json-rpc",
        url,
        Payload.of(payload),
        Duration.ofSeconds(5),
        Map.of(),
        null);
  }

  @ParameterizedTest
  @CsvSource({"/a?method=Pay, Pay", "/a?x=1&%6Dethod=Pay+a%C3%BC, Pay aü", "/a?method, ''"})
  void a_url_with_a_method_is_called_by_json_rpc(String path, String method) throws Exception {
    Participant participant = participant();
    answers.put("/a", reply(200, "{\"error\":{\"code\":-32901,\"message\":\"full\"}}"));

    BranchAnswer answer = answerTo(rpc(participant.url(path), "{\"n\":1.0}"));

    assertThat(answer).isEqualTo(new Failure("full"));
    Participant.Called called = participant.calls.take();
    assertThat(called.method()).isEqualTo("POST");
    assertThat(called.query()).isEqualTo(path.substring(path.indexOf('?') + 1));
    assertThat(called.headers()).containsEntry("content-type", "application/json");
    assertThat(called.body())
        .contains("\"jsonrpc\":\"2.0\",\"method\":\"" + method + "\"")
        .contains("\"n\":1.0")
        .contains("\"gid\":\"g 1\"")
        .contains("\"trans_type\":\"saga\"")
        .contains("\"branch_id\":\"01\"")
        .contains("\"op\":\"action\"");
  }

  @ParameterizedTest
  @ValueSource(strings = {"/method", "/a?x=method", "/a?methods=1"})
  void another_url_is_called_as_ever(String path) throws Exception {
    Participant participant = participant();

    assertThat(answerTo(rpc(participant.url(path), "7"))).isEqualTo(Success.INSTANCE);
    assertThat(participant.calls.take().body()).isEqualTo("7");
  }

  @Test
  void a_payload_that_json_rpc_cannot_carry_is_unknown_without_a_call() throws Exception {
    Participant participant = participant();

    assertThat(answerTo(rpc(participant.url("/a?method=Pay"), "7")))
        .isEqualTo(new Unknown("a payload that is no JSON object cannot be sent by JSON-RPC"));
    assertThat(participant.calls).isEmpty();
  }

  @ParameterizedTest
  @FieldSource("ANSWERS")
  void an_answer_means(Row row) throws Exception {
    answers.put("/a", reply(row.status(), row.body()));

    assertThat(answerTo(call(participant().url("/a"), NUMBER))).isEqualTo(row.answer());
  }

  @ParameterizedTest
  @CsvSource({"SAGA, x, POST", "SAGA, , GET", "MSG, , GET", "XA, , POST", "XA, x, POST"})
  void the_method_follows_payload_and_mode(TransType type, String payload, String method)
      throws Exception {
    Participant participant = participant();
    String body = payload == null ? "" : payload;

    answerTo(
        call(type, participant.url("/a?x=1"), Payload.of(body), Map.of(), Duration.ofSeconds(5)));

    Participant.Called called = participant.calls.take();
    assertThat(called.method()).isEqualTo(method);
    assertThat(called.path()).isEqualTo("/a");
    assertThat(called.query())
        .isEqualTo("x=1&branch_id=01&gid=g+1&op=action&trans_type=" + type.wireName());
    assertThat(called.body()).isEqualTo(body);
    Map<String, String> expected =
        new HashMap<>(
            Map.of(
                "host", "127.0.0.1:" + participant.port(),
                "content-type", "application/json",
                "accept", "application/json",
                "user-agent", "dtm4j"));
    if (method.equals("POST")) {
      expected.put("content-length", String.valueOf(body.length()));
    }
    assertThat(called.headers()).isEqualTo(expected);
  }

  /** docs/spec/sdk-matrix.md 5.16: the Java SDK puts a question mark before its own, always. */
  @Test
  void a_second_question_mark_of_a_url_is_kept() throws Exception {
    Participant participant = participant();

    answerTo(call(participant.url("/a?group=g?x=1"), NUMBER));

    assertThat(participant.calls.take().query())
        .isEqualTo("group=g?x=1&branch_id=01&gid=g+1&op=action&trans_type=saga");
  }

  @Test
  void branch_headers_override_and_those_of_the_connection_do_not_count() throws Exception {
    Participant participant = participant();

    answerTo(
        call(
            participant.url("/a"),
            NUMBER,
            Map.ofEntries(
                Map.entry("Content-Type", "text/plain"),
                Map.entry("X-Tenant", "北 north"),
                Map.entry("x-empty", ""),
                Map.entry("user-agent", "mine"),
                Map.entry("Host", "elsewhere"),
                Map.entry("Connection", "close"),
                Map.entry("Content-Length", "999"),
                Map.entry("Transfer-Encoding", "chunked"),
                Map.entry("Expect", "100-continue"),
                Map.entry("Upgrade", "h2c"))));

    Participant.Called called = participant.calls.take();
    String tenant =
        new String("北 north".getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    assertThat(called.headers())
        .isEqualTo(
            Map.of(
                "host", "127.0.0.1:" + participant.port(),
                "content-type", "text/plain",
                "x-tenant", tenant,
                "x-empty", "",
                "user-agent", "mine",
                "content-length", "7"));
    assertThat(called.body()).isEqualTo("{\"n\":1}");
  }

  @Test
  void accept_and_authorization_may_be_given() throws Exception {
    Participant participant = participant();
    String url = participant.url("/a").replace("//", "//user:pw@");

    answerTo(call(url, NUMBER));
    answerTo(call(url, NUMBER, Map.of("Accept", "text/*", "Authorization", "Bearer 1")));

    assertThat(participant.calls.take().headers())
        .containsEntry("authorization", "Basic dXNlcjpwdw==")
        .containsEntry("host", "127.0.0.1:" + participant.port());
    assertThat(participant.calls.take().headers())
        .containsEntry("authorization", "Bearer 1")
        .containsEntry("accept", "text/*")
        .containsEntry("content-type", "application/json");
  }

  @Test
  void headers_that_cannot_be_sent_make_the_answer_unknown() throws Exception {
    Participant participant = participant();

    assertThat(answerTo(call(participant.url("/a"), NUMBER, Map.of("a", "b\r\nc: d"))))
        .isEqualTo(new Unknown("branch_headers: a name or value that no HTTP header can have"));
    assertThat(participant.calls).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "shop/a, the url does not begin with http:// or https://",
    "etcd://shop/a, the url does not begin with http:// or https://",
    "http://, the url has no host",
    "http://shop:x/, the url has no port from 1 to 65535",
    "http://forbidden/, the address may not be called"
  })
  void what_cannot_be_called_is_unknown_with_the_reason(String url, String text) throws Exception {
    assertThat(answerTo(call(url, NUMBER))).isEqualTo(new Unknown(text));
  }

  @Test
  void a_refused_connection_is_unknown() throws Exception {
    int port = closedPort();
    HttpCaller caller = caller(CONFIG);

    for (int i = 0; i < 3; i++) {
      assertThat(answerTo(caller, call("http://127.0.0.1:" + port + "/a", NUMBER)))
          .isInstanceOfSatisfying(
              Unknown.class,
              unknown ->
                  assertThat(unknown.text())
                      .startsWith("cannot connect to 127.0.0.1:" + port)
                      .contains("refused"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"http://127.0.0.1:%d/a", "https://127.0.0.1:%d/a", "http://no.invalid/a"})
  void whom_no_connection_reaches_is_unreachable(String url) throws Exception {
    assertThat(isUnreachable(caller(CONFIG), call(url.formatted(closedPort()), NUMBER))).isTrue();
  }

  @Test
  void whom_no_connection_reaches_in_time_is_unreachable() throws Exception {
    try (var full = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      for (int i = 0; i < 8; i++) { // nobody accepts them: the kernel takes no more
        SocketChannel waiting = opened(SocketChannel.open());
        waiting.configureBlocking(false);
        waiting.connect(full.getLocalSocketAddress());
      }
      String url = "http://127.0.0.1:" + full.getLocalPort() + "/a";

      assertThat(
              isUnreachable(
                  caller(CONFIG),
                  call(TransType.SAGA, url, NUMBER, Map.of(), Duration.ofMillis(100))))
          .isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"/breaks", "/silent", "/moved", "/good"})
  void whom_a_connection_has_reached_is_not_unreachable(String path) throws Exception {
    int port = closedPort();
    answers.put("/breaks", request -> request.connection().close());
    answers.put("/silent", _ -> {});
    answers.put(
        "/moved",
        request ->
            request
                .response()
                .setStatusCode(307)
                .putHeader("Location", "http://127.0.0.1:" + port + "/")
                .end());
    Call call =
        call(TransType.SAGA, participant().url(path), NUMBER, Map.of(), Duration.ofMillis(500));

    assertThat(isUnreachable(caller(CONFIG), call)).isFalse();
  }

  @Test
  void a_participant_whose_connections_are_all_in_use_is_not_unreachable() throws Exception {
    var arrived = new CompletableFuture<HttpServerRequest>();
    answers.put("/held", arrived::complete);
    Participant hanging = participant();
    HttpCaller caller = caller(CONFIG.withLimits(2, 2, 10_000)); // one connection a loop
    var _ = send(caller, call(hanging.url("/held"), NUMBER));
    arrived.get(5, TimeUnit.SECONDS);
    Call waiting =
        call(TransType.SAGA, hanging.url("/a"), NUMBER, Map.of(), Duration.ofMillis(100));

    assertThat(isUnreachable(caller, waiting)).isFalse();
  }

  private static int closedPort() throws IOException {
    try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  /** Taken for answers, they would leave the real ones to the next calls on their connections. */
  @Test
  void answers_that_announce_another_one_are_not_the_answer() throws Exception {
    RawParticipant participant =
        raw(
            (socket, in) -> {
              RawParticipant.readHead(in);
              RawParticipant.send(socket, "HTTP/1.1 100 Continue\r\n\r\n");
              RawParticipant.send(socket, "HTTP/1.1 102 Processing\r\n\r\n");
              RawParticipant.send(socket, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
              RawParticipant.send(socket, "HTTP/1.1 199 Odd\r\n\r\n");
              RawParticipant.send(
                  socket, "HTTP/1.1 409 Conflict\r\nContent-Length: 7\r\n\r\nno room");
            });

    assertThat(answerTo(call(participant.url("/a"), Payload.EMPTY)))
        .isEqualTo(new Failure("no room"));
  }

  @Test
  void a_name_that_nobody_has_is_unknown() throws Exception {
    assertThat(answerTo(call("http://nobody.invalid/a", NUMBER)))
        .isInstanceOfSatisfying(
            Unknown.class, unknown -> assertThat(unknown.text()).contains("nobody.invalid"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/9.1 200 OK\r\n\r\n",
        "SSH-2.0-OpenSSH\r\n",
      })
  void what_is_no_whole_answer_is_unknown(String text) throws Exception {
    RawParticipant participant =
        raw(
            (socket, in) -> {
              RawParticipant.readHead(in);
              RawParticipant.send(socket, text);
            });

    assertThat(answerTo(call(participant.url("/a"), Payload.EMPTY)))
        .isInstanceOfSatisfying(
            Unknown.class, unknown -> assertThat(unknown.text()).startsWith("no answer: "));
    assertThat(participant.connections).as("calls are not repeated").hasValue(1);
  }

  @Test
  void an_answer_may_end_with_its_connection() throws Exception {
    RawParticipant participant =
        raw(
            (socket, in) -> {
              RawParticipant.readHead(in);
              RawParticipant.send(socket, "HTTP/1.0 409 Conflict\r\n\r\nno room");
            });
    HttpCaller caller = caller(CONFIG);

    for (int i = 0; i < 3; i++) {
      assertThat(answerTo(caller, call(participant.url("/a"), Payload.EMPTY)))
          .isEqualTo(new Failure("no room"));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "301, POST, GET",
    "302, POST, GET",
    "303, POST, GET",
    "307, POST, POST",
    "308, POST, POST",
    "302, GET, GET",
    "307, GET, GET"
  })
  void a_redirect_is_followed_as_go_does(int status, String method, String then) throws Exception {
    answers.put(
        "/a",
        request ->
            request
                .response()
                .setStatusCode(status)
                .putHeader("Location", "moved?there=1")
                .end("ONGOING, over there"));
    answers.put("/moved", reply(409, "gone"));
    Participant participant = participant();

    BranchAnswer answer =
        answerTo(
            call(
                participant.url("/a"),
                method.equals("POST") ? NUMBER : Payload.EMPTY,
                Map.of("x-tenant", "north")));

    assertThat(answer).isEqualTo(new Failure("gone"));
    assertThat(participant.calls.take().method()).isEqualTo(method);
    Participant.Called second = participant.calls.take();
    assertThat(second.method()).isEqualTo(then);
    assertThat(second.query()).isEqualTo("there=1");
    assertThat(second.body()).isEqualTo(then.equals("POST") ? "{\"n\":1}" : "");
    assertThat(second.headers()).containsEntry("x-tenant", "north");
    assertThat(participant.connections).as("one connection for both").hasValue(1);
  }

  @ParameterizedTest
  @CsvSource({"10, Success", "11, more than 10 redirects"})
  void redirects_are_followed_ten_times(int hops, String end) throws Exception {
    for (int i = 0; i < hops; i++) {
      String next = i + 1 == hops ? "/end" : "/" + (i + 1);
      answers.put(
          "/" + i,
          request -> request.response().setStatusCode(302).putHeader("Location", next).end());
    }
    answers.put("/end", reply(200, ""));

    assertThat(answerTo(call(participant().url("/0"), NUMBER)).toString()).contains(end);
  }

  @ParameterizedTest
  @CsvSource({
    "http://forbidden/, the address may not be called",
    "ftp://x/, the url does not begin with http:// or https://",
    "aside:x, the url does not begin with http:// or https://",
    "http://:1/, the url has no host"
  })
  void a_redirect_to_what_may_not_be_called_is_unknown(String location, String text)
      throws Exception {
    answers.put(
        "/a",
        request -> request.response().setStatusCode(307).putHeader("Location", location).end());

    assertThat(answerTo(call(participant().url("/a"), NUMBER))).isEqualTo(new Unknown(text));
  }

  @Test
  void secrets_stay_at_home_when_a_redirect_leads_elsewhere() throws Exception {
    Participant elsewhere = participant();
    answers.put(
        "/a",
        request ->
            request
                .response()
                .setStatusCode(307)
                .putHeader("Location", elsewhere.url("/b").replace("127.0.0.1", "localhost"))
                .end());
    Participant home =
        opened(new Participant(vertx, new HttpServerOptions(), "127.0.0.1", Map.copyOf(answers)));

    answerTo(
        call(
            home.url("/a"),
            NUMBER,
            Map.of("Authorization", "Bearer 1", "Cookie", "c=1", "x-tenant", "north")));

    assertThat(home.calls.take().headers()).containsKeys("authorization", "cookie", "x-tenant");
    assertThat(elsewhere.calls.take().headers())
        .containsKey("x-tenant")
        .doesNotContainKeys("authorization", "cookie");
  }

  @Test
  void gzip_is_decoded() throws Exception {
    answers.put("/a", gzip(409, "kein Platz, 床"));
    answers.put("/big", gzip(409, "x".repeat(10_001)));
    answers.put(
        "/empty",
        request ->
            request.response().setStatusCode(409).putHeader("Content-Encoding", "gzip").end());
    answers.put(
        "/lie",
        request ->
            request.response().setStatusCode(409).putHeader("Content-Encoding", "gzip").end("no"));
    Participant participant = participant();
    HttpCaller caller = caller(CONFIG);

    assertThat(answerTo(caller, call(participant.url("/a"), NUMBER)))
        .isEqualTo(new Failure("kein Platz, 床"));
    assertThat(answerTo(caller, call(participant.url("/empty"), NUMBER)))
        .isEqualTo(new Failure(""));
    assertThat(answerTo(caller, call(participant.url("/big"), NUMBER)))
        .isEqualTo(
            new Unknown("status 409, an answer of more than 10000 bytes: " + "x".repeat(1_024)));
    assertThat(answerTo(caller, call(participant.url("/lie"), NUMBER)))
        .isEqualTo(new Unknown("status 409: an answer that is not gzip, as it says"));
  }

  private static Consumer<HttpServerRequest> gzip(int status, String text) {
    var bytes = new ByteArrayOutputStream();
    try (var gzip = new GZIPOutputStream(bytes)) {
      gzip.write(text.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return request ->
        request
            .response()
            .setStatusCode(status)
            .putHeader("Content-Encoding", "gzip")
            .end(Buffer.buffer(bytes.toByteArray()));
  }

  @Test
  void an_answer_that_is_too_long_is_unknown() throws Exception {
    answers.put("/fits", reply(409, "x".repeat(10_000)));
    answers.put("/long", reply(200, "FAILURE" + "x".repeat(200_000)));
    Participant participant = participant();
    HttpCaller caller = caller(CONFIG);

    assertThat(answerTo(caller, call(participant.url("/fits"), NUMBER)))
        .isEqualTo(new Failure("x".repeat(10_000)));
    assertThat(answerTo(caller, call(participant.url("/long"), NUMBER)))
        .isEqualTo(
            new Unknown(
                "status 200, an answer of more than 10000 bytes: FAILURE" + "x".repeat(1_017)));
  }

  @Test
  void answers_that_find_no_memory_are_unknown_and_those_after_them_find_it_again()
      throws Exception {
    var held = new ConcurrentLinkedQueue<HttpServerRequest>();
    var begun = new Semaphore(0);
    answers.put(
        "/slow",
        request -> {
          held.add(request);
          request
              .response()
              .setChunked(true)
              .write("x".repeat(100_000))
              .onComplete(_ -> begun.release());
        });
    answers.put("/long", reply(200, "x".repeat(100_000)));
    Participant participant = participant();
    HttpCaller caller = caller(CONFIG.withLimits(8, 8, 100_000).withAnswerRoom(200_000));
    CompletableFuture<BranchAnswer> slow = send(caller, call(participant.url("/slow"), NUMBER));
    begun.acquire();

    assertThat(answerUntil(caller, call(participant.url("/long"), NUMBER), Unknown.class))
        .isEqualTo(new Unknown("status 200, and no memory for one more long answer"));
    assertThat(answerTo(caller, call(participant.url("/short"), NUMBER)))
        .isEqualTo(Success.INSTANCE);

    vertx.runOnContext(_ -> held.remove().response().end());
    assertThat(slow.get(5, TimeUnit.SECONDS)).isEqualTo(Success.INSTANCE);
    for (int i = 0; i < 10; i++) {
      assertThat(answerTo(caller, call(participant.url("/long"), NUMBER)))
          .isEqualTo(Success.INSTANCE);
    }
  }

  /** What it is told at last: until the first answer has been seen here, there is room. */
  private static BranchAnswer answerUntil(
      HttpCaller caller, Call call, Class<? extends BranchAnswer> kind) throws Exception {
    BranchAnswer answer = answerTo(caller, call);
    while (!kind.isInstance(answer)) {
      answer = answerTo(caller, call);
    }
    return answer;
  }

  @Test
  void a_large_payload_arrives() throws Exception {
    String text = "größe ".repeat(500_000);
    Participant participant = participant();

    answerTo(call(participant.url("/a"), Payload.of(text)));

    assertThat(participant.calls.take().body()).isEqualTo(text);
  }

  @Test
  void ipv6_and_fragments_are_understood() throws Exception {
    Participant participant =
        opened(new Participant(vertx, new HttpServerOptions(), "::1", answers));

    assertThat(answerTo(call(participant.url("/a#part"), NUMBER))).isEqualTo(Success.INSTANCE);
    Participant.Called called = participant.calls.take();
    assertThat(called.path()).isEqualTo("/a");
    assertThat(called.headers()).containsEntry("host", "[::1]:" + participant.port());
  }

  @Test
  void a_call_times_out_never_early_and_soon_after() throws Exception {
    answers.put("/a", _ -> {});
    answers.put("/half", request -> request.response().setChunked(true).write("{\"dtm_result\":"));
    Participant participant = participant();
    HttpCaller caller = caller(CONFIG);

    for (String path : List.of("/a", "/half")) {
      for (int millis : new int[] {1, 50, 250}) {
        long began = System.nanoTime();
        BranchAnswer answer =
            answerTo(
                caller,
                call(
                    TransType.SAGA,
                    participant.url(path),
                    NUMBER,
                    Map.of(),
                    Duration.ofMillis(millis)));
        long took = System.nanoTime() - began;

        assertThat(answer).isInstanceOf(Unknown.class);
        assertThat(answer.toString()).contains("within " + millis + " ms");
        assertThat(took).isGreaterThanOrEqualTo(Duration.ofMillis(millis).toNanos());
        assertThat(took).isLessThan(Duration.ofMillis(millis + 2_000).toNanos());
      }
    }
  }

  @Test
  void a_late_answer_is_not_taken_for_the_next_call() throws Exception {
    var held = new CompletableFuture<HttpServerRequest>();
    answers.put("/slow", held::complete);
    answers.put("/next", reply(200, ""));
    Participant participant = participant();
    HttpCaller caller = caller(CONFIG);

    answerTo(
        caller,
        call(TransType.SAGA, participant.url("/slow"), NUMBER, Map.of(), Duration.ofMillis(20)));
    HttpServerRequest late = held.get(5, TimeUnit.SECONDS);
    CompletableFuture<BranchAnswer> next = send(caller, call(participant.url("/next"), NUMBER));
    if (!late.response().closed()) {
      late.response().setStatusCode(409).end("FAILURE");
    }

    assertThat(next.get(5, TimeUnit.SECONDS)).isEqualTo(Success.INSTANCE);
    assertThat(participant.connections).hasValue(2);
  }

  @Test
  void connections_are_kept_while_it_is_safe() throws Exception {
    var clock = new AtomicLong();
    Participant plain = participant();
    answers.put(
        "/five", request -> request.response().putHeader("Keep-Alive", "timeout=5, max=100").end());
    answers.put("/one", request -> request.response().putHeader("keep-alive", "TIMEOUT=1").end());
    answers.put("/close", request -> request.response().putHeader("Connection", "close").end());
    HttpCaller caller = opened(HttpCaller.open(loops, CONFIG, AddressPolicy.ALL, clock::get));

    record Step(String path, long idleMillis, int connections) {}
    for (Step step :
        List.of(
            new Step("/a", 0, 1),
            new Step("/a", 1_499, 1),
            new Step("/five", 1_500, 2),
            new Step("/five", 3_999, 2),
            new Step("/five", 4_000, 3),
            new Step("/one", 0, 3),
            new Step("/a", 0, 4),
            new Step("/close", 0, 4),
            new Step("/a", 0, 5))) {
      clock.addAndGet(Duration.ofMillis(step.idleMillis()).toNanos());
      assertThat(answerTo(caller, call(plain.url(step.path()), NUMBER)))
          .isEqualTo(Success.INSTANCE);
      assertThat(plain.connections).as(step.toString()).hasValue(step.connections());
    }
  }

  @Test
  void idle_connections_are_closed() throws Exception {
    var clock = new AtomicLong();
    var closed = new CompletableFuture<Integer>();
    RawParticipant participant =
        raw(
            (socket, in) -> {
              RawParticipant.readHead(in);
              RawParticipant.send(socket, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
              closed.complete(in.read());
            });
    HttpCaller caller = opened(HttpCaller.open(loops, CONFIG, AddressPolicy.ALL, clock::get));
    answerTo(caller, call(participant.url("/a"), Payload.EMPTY));

    clock.addAndGet(Duration.ofMillis(1_499).toNanos());
    assertThat(closed).isNotDone();
    clock.addAndGet(Duration.ofMillis(1).toNanos());

    assertThat(closed.get(5, TimeUnit.SECONDS)).isEqualTo(-1);
  }

  @Test
  void a_connection_that_closed_while_it_was_kept_is_replaced() throws Exception {
    var served = new Semaphore(0);
    RawParticipant participant =
        raw(
            (socket, in) -> {
              RawParticipant.readHead(in);
              RawParticipant.send(socket, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
              served.release();
            });
    HttpCaller caller = caller(CONFIG);

    for (int i = 0; i < 200; i++) {
      // It closes right behind its answer without a word: the next call finds it open, closing or
      // closed. That a call that was sent already ends as unknown is right; it must end.
      BranchAnswer answer = answerTo(caller, call(participant.url("/a"), Payload.EMPTY));
      assertThat(answer).isInstanceOfAny(Success.class, Unknown.class);
    }
    assertThat(served.availablePermits()).isGreaterThan(100);
  }

  @Test
  void connections_and_the_queue_for_them_are_limited() throws Exception {
    var held = new ConcurrentLinkedQueue<HttpServerRequest>();
    var arrived = new Semaphore(0);
    answers.put(
        "/a",
        request -> {
          held.add(request);
          arrived.release();
        });
    Participant hanging = participant();
    Participant healthy =
        opened(new Participant(vertx, new HttpServerOptions(), "127.0.0.1", Map.of()));
    HttpCaller caller = caller(CONFIG); // each of two loops: 4 connections, 4 places

    List<CompletableFuture<BranchAnswer>> all = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      all.add(send(caller, call(hanging.url("/a"), NUMBER)));
    }
    for (int i = 8; i < 10; i++) {
      assertThat(all.get(i).get(5, TimeUnit.SECONDS))
          .isEqualTo(
              new Unknown(
                  "4 calls wait for a connection to 127.0.0.1:" + hanging.port() + " already"));
    }
    arrived.acquire(4);
    assertThat(hanging.connections).hasValue(4);
    assertThat(answerTo(caller, call(healthy.url("/a"), NUMBER))).isEqualTo(Success.INSTANCE);

    for (int i = 0; i < 8; i++) {
      if (i >= 4) {
        arrived.acquire();
      }
      HttpServerRequest request = held.remove();
      vertx.runOnContext(_ -> request.response().end());
    }
    for (CompletableFuture<BranchAnswer> answer : all.subList(0, 8)) {
      assertThat(answer.get(5, TimeUnit.SECONDS)).isEqualTo(Success.INSTANCE);
    }
    assertThat(hanging.connections).hasValue(4);
  }

  @Test
  void a_call_that_may_not_leave_any_more_when_it_has_its_connection_does_not() throws Exception {
    var arrived = new CompletableFuture<HttpServerRequest>();
    answers.put("/held", arrived::complete);
    Participant participant = participant();
    HttpCaller caller = caller(CONFIG.withLimits(2, 8, 10_000)); // one connection a loop
    CompletableFuture<BranchAnswer> first = send(caller, call(participant.url("/held"), NUMBER));
    HttpServerRequest held = arrived.get(5, TimeUnit.SECONDS);
    var asked = new CompletableFuture<BranchAnswer>();
    var ended =
        new Caller.Ended() {
          @Override
          public boolean mayLeave() {
            return false;
          }

          @Override
          public void ended(BranchAnswer answer, boolean unreachable) {
            asked.complete(answer);
          }
        };
    loops
        .all()
        .getFirst()
        .execute(() -> caller.send(call(participant.url("/stopped"), NUMBER), ended));

    vertx.runOnContext(_ -> held.response().end());

    assertThat(asked.get(5, TimeUnit.SECONDS))
        .isEqualTo(new Unknown("not called: the server has no right to it any more"));
    assertThat(first.get(5, TimeUnit.SECONDS)).isEqualTo(Success.INSTANCE);
    assertThat(answerTo(caller, call(participant.url("/next"), NUMBER)))
        .isEqualTo(Success.INSTANCE);
    assertThat(participant.calls)
        .extracting(Participant.Called::path)
        .containsExactly("/held", "/next");
  }

  @Test
  void those_that_wait_in_vain_for_a_connection_leave_the_queue() throws Exception {
    var held = new ConcurrentLinkedQueue<HttpServerRequest>();
    answers.put("/a", held::add);
    Participant hanging = participant();
    HttpCaller caller = caller(CONFIG.withLimits(2, 1_000, 10_000)); // one connection a loop
    CompletableFuture<BranchAnswer> first = send(caller, call(hanging.url("/a"), NUMBER));

    List<CompletableFuture<BranchAnswer>> waiting = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      waiting.add(
          send(
              caller,
              call(
                  TransType.SAGA,
                  hanging.url("/b"),
                  NUMBER,
                  Map.of(),
                  Duration.ofMillis(i % 100 == 0 ? 20_000 : 100))));
    }
    for (int i = 0; i < 300; i++) {
      if (i % 100 != 0) {
        assertThat(waiting.get(i).get(5, TimeUnit.SECONDS))
            .isEqualTo(new Unknown("no connection within 100 ms"));
      }
    }
    vertx.runOnContext(_ -> held.remove().response().end());

    assertThat(first.get(5, TimeUnit.SECONDS)).isEqualTo(Success.INSTANCE);
    for (int i = 0; i < 300; i += 100) {
      assertThat(waiting.get(i).get(5, TimeUnit.SECONDS)).isEqualTo(Success.INSTANCE);
    }
    assertThat(hanging.connections).hasValue(1);
  }

  @Test
  void calls_that_are_open_when_the_caller_closes_are_unknown() throws Exception {
    var arrived = new CompletableFuture<HttpServerRequest>();
    answers.put("/a", arrived::complete);
    Participant participant = participant();
    HttpCaller caller = HttpCaller.open(loops, CONFIG, AddressPolicy.ALL);
    CompletableFuture<BranchAnswer> open = send(caller, call(participant.url("/a"), NUMBER));
    arrived.get(5, TimeUnit.SECONDS);

    caller.close();

    assertThat(open.get(5, TimeUnit.SECONDS)).isInstanceOf(Unknown.class);
    assertThat(answerTo(caller, call(participant.url("/a"), NUMBER))).isInstanceOf(Unknown.class);
  }

  @Test
  void https_is_spoken_with_those_whom_the_machine_trusts(@TempDir Path directory)
      throws Exception {
    String keys = directory.resolve("keys.p12").toString();
    String keytool =
        Path.of(String.valueOf(System.getProperty("java.home")), "bin", "keytool").toString();
    Process process =
        new ProcessBuilder(
                keytool,
                "-genkeypair",
                "-alias",
                "k",
                "-keyalg",
                "EC",
                "-dname",
                "CN=localhost",
                "-ext",
                "san=dns:localhost",
                "-validity",
                "30",
                "-storetype",
                "PKCS12",
                "-keystore",
                keys,
                "-storepass",
                "changeit")
            .inheritIO()
            .start();
    assertThat(process.waitFor()).isZero();
    var options =
        new HttpServerOptions()
            .setSsl(true)
            .setKeyCertOptions(new PfxOptions().setPath(keys).setPassword("changeit"));
    Participant participant = opened(new Participant(vertx, options, "127.0.0.1", answers));
    Call named = call(participant.url("/a").replace("127.0.0.1", "localhost"), NUMBER);

    assertThat(answerTo(named))
        .isInstanceOfSatisfying(
            Unknown.class,
            unknown -> assertThat(unknown.text()).startsWith("cannot connect to localhost:"));
    assertThat(participant.calls).isEmpty();

    System.setProperty("javax.net.ssl.trustStore", keys);
    System.setProperty("javax.net.ssl.trustStorePassword", "changeit");
    try {
      HttpCaller caller = caller(CONFIG);
      assertThat(answerTo(caller, named)).isEqualTo(Success.INSTANCE);
      assertThat(participant.calls.take().headers())
          .containsEntry("host", "localhost:" + participant.port());
      assertThat(answerTo(caller, call(participant.url("/a"), NUMBER)))
          .as("a certificate of another name")
          .isInstanceOf(Unknown.class);
    } finally {
      System.clearProperty("javax.net.ssl.trustStore");
      System.clearProperty("javax.net.ssl.trustStorePassword");
    }
  }

  @Test
  void a_call_from_elsewhere_is_a_mistake() {
    HttpCaller caller = caller(CONFIG);

    assertThatIllegalStateException()
        .isThrownBy(() -> caller.send(call("http://shop/", NUMBER), (_, _) -> {}));
  }
}
