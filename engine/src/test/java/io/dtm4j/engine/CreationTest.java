package io.dtm4j.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.dtm4j.model.Branch;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Extra;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.Step;
import io.dtm4j.protocol.TransType;
import io.dtm4j.protocol.TransactionRequest;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a request becomes: docs/spec/http-api.md 3, docs/spec/transactions.md 1.2 and 1.3. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class CreationTest {
  private static final Instant NOW = Play.START;
  private static final Step STEP = new Step("http://s/a", "http://s/c", "");
  private static final Step GRPC_STEP = new Step("host:1/x.X/A", "host:1/x.X/C", "");

  /** A request that is right, to be changed in one respect. */
  private static final class Request {
    private String gid = "g";
    private String type = "saga";
    private List<Step> steps = List.of(STEP);
    private List<String> payloads = List.of("{}");
    private String queryPrepared = "";
    private String protocol = "http";
    private String customData = "";
    private Options options = Options.DEFAULTS;
    private Topics topics = Topics.NONE;

    static Request saga() {
      return new Request();
    }

    static Request msg() {
      return new Request().type("msg");
    }

    static Request workflow(String customData) {
      return new Request().type("workflow").customData(customData);
    }

    Request gid(String gid) {
      this.gid = gid;
      return this;
    }

    Request type(String type) {
      this.type = type;
      return this;
    }

    Request steps(Step... steps) {
      this.steps = List.of(steps);
      return payloads(Collections.nCopies(steps.length, "{}"));
    }

    Request steps(int count) {
      steps = Collections.nCopies(count, STEP);
      return payloads(Collections.nCopies(count, ""));
    }

    Request payloads(List<String> payloads) {
      this.payloads = payloads;
      return this;
    }

    Request queryPrepared(String url) {
      queryPrepared = url;
      return this;
    }

    Request protocol(String protocol) {
      this.protocol = protocol;
      return this;
    }

    Request customData(String json) {
      customData = json;
      return this;
    }

    Request options(Options options) {
      this.options = options;
      return this;
    }

    Request topics(Topics topics) {
      this.topics = topics;
      return this;
    }

    TransactionRequest build() {
      return new TransactionRequest(
          gid,
          type,
          steps,
          payloads.stream().map(Payload::of).toList(),
          queryPrepared,
          protocol,
          customData,
          options,
          "",
          Map.of(),
          null);
    }

    Transaction create() throws RefusedException {
      return Creation.of(build(), topics, NOW);
    }
  }

  private static Options headers(String name, String value) {
    return new Options(false, 0, 0, 0, Map.of(name, value), false, 0);
  }

  private static List<String> keys(Transaction transaction) {
    return transaction.branches().stream().map(branch -> branch.key().toString()).toList();
  }

  // ---- what is made

  @Test
  void branches_of_grpc_and_of_http_may_stand_in_one_transaction() throws Exception {
    Transaction saga =
        Request.saga()
            .protocol("grpc")
            .options(headers("X-a_b.c", "~"))
            .steps(STEP, GRPC_STEP)
            .create();

    assertThat(saga.branches())
        .extracting(Branch::url)
        .containsExactly("http://s/c", "http://s/a", "host:1/x.X/C", "host:1/x.X/A");
  }

  @Test
  void a_gid_that_grpc_cannot_send_will_do_where_grpc_is_not_used() throws Exception {
    Transaction saga = Request.saga().protocol("grpc").gid("größe").steps(STEP).create();

    assertThat(saga.gid()).isEqualTo(new Gid("größe"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"http", "grpc"})
  void the_protocol_is_kept(String protocol) throws Exception {
    Transaction saga = Request.saga().steps(STEP).protocol(protocol).create();

    assertThat(saga.definition().protocol()).isEqualTo(protocol);
  }

  @Test
  void a_saga_has_a_compensation_and_an_action_for_each_step() throws Exception {
    var second = new Step("http://s/a2", "", "");

    Transaction saga = Request.saga().steps(STEP, second).payloads(List.of("one", "two")).create();

    assertThat(keys(saga))
        .containsExactly("01 compensate", "01 action", "02 compensate", "02 action");
    assertThat(saga.branches())
        .extracting(Branch::url)
        .containsExactly("http://s/c", "http://s/a", "", "http://s/a2");
    assertThat(saga.branches())
        .extracting(Branch::payload)
        .containsExactly(
            Payload.of("one"), Payload.of("one"), Payload.of("two"), Payload.of("two"));
  }

  @Test
  void a_message_has_an_action_for_each_step() throws Exception {
    Transaction message = Request.msg().steps(STEP, STEP).create();

    assertThat(keys(message)).containsExactly("01 action", "02 action");
  }

  @ParameterizedTest
  @ValueSource(strings = {"tcc", "xa", "workflow"})
  void what_gets_its_branches_later_begins_without_rows(String type) throws Exception {
    Transaction created = Request.workflow("{\"name\":\"buy\"}").type(type).create();

    assertThat(created.branches()).isEmpty();
    assertThat(created.definition().type().wireName()).isEqualTo(type);
    assertThat(created.status()).isEqualTo(GlobalStatus.PREPARED);
  }

  @Test
  void a_topic_with_one_subscriber_is_like_a_plain_step() throws Exception {
    Transaction message =
        Request.msg()
            .steps(STEP, new Step("topic://orders", "", ""))
            .topics(topic -> topic.equals("orders") ? List.of("http://s/1") : null)
            .create();

    assertThat(keys(message)).containsExactly("01 action", "02 action");
    assertThat(message.branches())
        .extracting(Branch::url)
        .containsExactly("http://s/a", "http://s/1");
  }

  /** docs/spec/transactions.md 1.2. */
  @Test
  void each_of_several_subscribers_is_a_row_with_the_payload_of_the_step() throws Exception {
    Transaction message =
        Request.msg()
            .steps(STEP, new Step("topic://orders", "", ""), STEP)
            .payloads(List.of("one", "two", "three"))
            .topics(_ -> List.of("http://s/1", "http://s/2", "http://s/3"))
            .create();

    assertThat(keys(message))
        .containsExactly("01 action", "02-01 action", "02-02 action", "02-03 action", "03 action");
    assertThat(message.branches())
        .extracting(Branch::payload)
        .containsExactly(
            Payload.of("one"),
            Payload.of("two"),
            Payload.of("two"),
            Payload.of("two"),
            Payload.of("three"));
    assertThat(message.branches().get(3).payload()).isSameAs(message.branches().get(1).payload());
  }

  @Test
  void branch_ids_have_two_digits_until_these_run_out() throws Exception {
    Transaction message = Request.msg().steps(1001).create();

    assertThat(message.branches())
        .extracting(branch -> branch.key().branchId())
        .startsWith("01", "02")
        .containsSubsequence("09", "10", "99", "100", "101", "999", "1000", "1001");
  }

  @Test
  void rows_of_a_step_share_their_payload() throws Exception {
    Transaction saga = Request.saga().create();

    assertThat(saga.branches().get(0).payload()).isSameAs(saga.branches().get(1).payload());
  }

  @Test
  void a_payload_goes_as_it_came() throws Exception {
    Transaction saga = Request.saga().payloads(List.of("{\"name\":\"Zoë\"}")).create();

    assertThat(saga.branches().getFirst().payload()).isEqualTo(Payload.of("{\"name\":\"Zoë\"}"));
  }

  @Test
  void payloads_beyond_the_last_step_are_ignored() throws Exception {
    Transaction saga = Request.saga().payloads(List.of("one", "two")).create();

    assertThat(saga.branches()).hasSize(2);
  }

  @Test
  void what_was_asked_for_is_kept() throws Exception {
    var options = new Options(true, 1, 2, 3, Map.of("x-tenant", "north"), true, 4);

    Transaction message =
        Request.msg()
            .queryPrepared("http://s/q")
            .customData("{\"delay\":5}")
            .options(options)
            .create();

    assertThat(message.gid()).isEqualTo(new Gid("g"));
    assertThat(message.definition())
        .isEqualTo(
            new Definition(TransType.MSG, "http", "http://s/q", "{\"delay\":5}", options, NOW));
    assertThat(message.status()).isEqualTo(GlobalStatus.PREPARED);
    assertThat(message.state().extra()).isEqualTo(Extra.NONE);
    assertThat(message.branches()).allMatch(Branch::isOpen);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "http://s", "HTTPS://S/a?b=c", "http://[::1]:80/x", "https://user@s:1/"})
  void urls_that_can_be_called(String url) throws Exception {
    Transaction saga = Request.saga().steps(new Step(url, url, "")).create();

    assertThat(saga.branches()).extracting(Branch::url).containsOnly(url);
  }

  // ---- what is refused

  record Refusal(String what, Request request, ErrorCode code, String message) {
    @Override
    public String toString() {
      return what;
    }
  }

  private static Options options(
      long timeoutToFail, long requestTimeout, long retryInterval, long retryLimit) {
    return new Options(
        false, timeoutToFail, requestTimeout, retryInterval, Map.of(), false, retryLimit);
  }

  private static final long TOO_LONG = Integer.MAX_VALUE + 1L;

  static final List<Refusal> REFUSALS =
      List.of(
          new Refusal(
              "a gid of broken characters",
              Request.saga().gid("a\uFFFD"),
              ErrorCode.BAD_REQUEST,
              "gid has characters that are not Unicode (U+FFFD or worse)"),
          new Refusal(
              "a gid with NUL",
              Request.saga().gid("a\0"),
              ErrorCode.BAD_REQUEST,
              "gid has a NUL character or half of a surrogate pair"),
          new Refusal(
              "custom data with NUL",
              Request.saga().type("tcc").customData("\0"),
              ErrorCode.BAD_REQUEST,
              "custom_data has a NUL character or half of a surrogate pair"),
          new Refusal(
              "check-back with NUL",
              Request.saga().queryPrepared("\0"),
              ErrorCode.BAD_REQUEST,
              "query_prepared has a NUL character or half of a surrogate pair"),
          new Refusal(
              "step with NUL",
              Request.saga().steps(new Step("http://s/\0", "", "")),
              ErrorCode.BAD_REQUEST,
              "action of step 01: url with a NUL character or half of a surrogate pair"),
          new Refusal(
              "subscriber with NUL",
              Request.msg()
                  .steps(new Step("topic://orders", "", ""))
                  .topics(_ -> List.of("http://s/\0")),
              ErrorCode.BAD_REQUEST,
              "subscriber 1 of step 01: url with a NUL character or half of a surrogate pair"),
          new Refusal(
              "header with NUL",
              Request.saga().options(new Options(false, 0, 0, 0, Map.of("h", "\0"), false, 0)),
              ErrorCode.BAD_REQUEST,
              "branch_headers has a NUL character or half of a surrogate pair"),
          new Refusal(
              "name of a header with NUL",
              Request.saga().options(new Options(false, 0, 0, 0, Map.of("\0", "h"), false, 0)),
              ErrorCode.BAD_REQUEST,
              "branch_headers has a NUL character or half of a surrogate pair"),
          new Refusal(
              "workflow whose name has half of a pair",
              Request.workflow("{\"name\":\"\\ud800\"}"),
              ErrorCode.BAD_REQUEST,
              "custom_data: name has a NUL character or half of a surrogate pair"),
          new Refusal("no gid", Request.saga().gid(""), ErrorCode.BAD_REQUEST, "gid is missing"),
          new Refusal(
              "long gid",
              Request.saga().gid("g".repeat(129)),
              ErrorCode.LIMIT_EXCEEDED,
              "gid of 129 characters (limit: 128)"),
          new Refusal(
              "no type",
              Request.saga().type(""),
              ErrorCode.UNKNOWN_TRANS_TYPE,
              "unknown trans_type (expected: saga, tcc, xa, msg or workflow)"),
          new Refusal(
              "unknown type",
              Request.saga().type("Saga"),
              ErrorCode.UNKNOWN_TRANS_TYPE,
              "unknown trans_type (expected: saga, tcc, xa, msg or workflow)"),
          new Refusal(
              "workflow without custom data",
              Request.workflow(""),
              ErrorCode.BAD_REQUEST,
              "custom_data is no JSON object"),
          new Refusal(
              "workflow without a name",
              Request.workflow("{\"data\":\"aGk=\"}"),
              ErrorCode.BAD_REQUEST,
              "custom_data: name is missing"),
          new Refusal(
              "workflow whose name is no text",
              Request.workflow("{\"name\":7}"),
              ErrorCode.BAD_REQUEST,
              "custom_data: name is no text"),
          new Refusal(
              "workflow whose input is no base64",
              Request.workflow("{\"name\":\"buy\",\"data\":\"hi!\"}"),
              ErrorCode.BAD_REQUEST,
              "custom_data: data is no base64"),
          new Refusal(
              "resume url",
              Request.workflow("{\"name\":\"buy\"}").queryPrepared("s/q"),
              ErrorCode.BAD_REQUEST,
              "query_prepared: url without http:// or https:// and a host"),
          new Refusal(
              "topic without subscribers",
              Request.msg().steps(new Step("topic://orders", "", "")).topics(_ -> List.of()),
              ErrorCode.TOPIC_NOT_FOUND,
              "topic not found in step 01"),
          new Refusal(
              "too many subscribers",
              Request.msg()
                  .steps(STEP, new Step("topic://orders", "", ""))
                  .topics(_ -> Collections.nCopies(10_000, "http://s/1")),
              ErrorCode.LIMIT_EXCEEDED,
              "10001 branches (limit: 10000)"),
          new Refusal(
              "plain step behind as many subscribers as there may be",
              Request.msg()
                  .steps(new Step("topic://orders", "", ""), STEP)
                  .topics(_ -> Collections.nCopies(10_000, "http://s/1")),
              ErrorCode.LIMIT_EXCEEDED,
              "10001 branches (limit: 10000)"),
          new Refusal(
              "subscriber that cannot be called",
              Request.msg()
                  .steps(new Step("topic://orders", "", ""))
                  .topics(_ -> List.of("http://s/1", "s/2")),
              ErrorCode.BAD_REQUEST,
              "subscriber 2 of step 01: url without http:// or https:// and a host"),
          new Refusal(
              "unknown protocol",
              Request.saga().protocol("soap"),
              ErrorCode.BAD_REQUEST,
              "unknown protocol (expected: http, grpc or json-rpc)"),
          new Refusal(
              "negative timeout",
              Request.saga().options(options(-1, 0, 0, 0)),
              ErrorCode.BAD_REQUEST,
              "timeout_to_fail: -1 (expected: 0 to 2147483647)"),
          new Refusal(
              "long timeout",
              Request.saga().options(options(TOO_LONG, 0, 0, 0)),
              ErrorCode.BAD_REQUEST,
              "timeout_to_fail: 2147483648 (expected: 0 to 2147483647)"),
          new Refusal(
              "long request timeout",
              Request.saga().options(options(0, TOO_LONG, 0, 0)),
              ErrorCode.BAD_REQUEST,
              "request_timeout: 2147483648 (expected: 0 to 2147483647)"),
          new Refusal(
              "long interval",
              Request.saga().options(options(0, 0, TOO_LONG, 0)),
              ErrorCode.BAD_REQUEST,
              "retry_interval: 2147483648 (expected: 0 to 2147483647)"),
          new Refusal(
              "large retry limit",
              Request.saga().options(options(0, 0, 0, TOO_LONG)),
              ErrorCode.BAD_REQUEST,
              "retry_limit: 2147483648 (expected: 0 to 2147483647)"),
          new Refusal(
              "fewer payloads than steps",
              Request.saga().steps(STEP, STEP).payloads(List.of("{}")),
              ErrorCode.BAD_REQUEST,
              "1 payloads (expected: one for each of 2 steps)"),
          new Refusal(
              "too many rows of a saga",
              Request.saga().steps(5_001),
              ErrorCode.LIMIT_EXCEEDED,
              "10002 branches (limit: 10000)"),
          new Refusal(
              "too many rows of a message",
              Request.msg().steps(10_001),
              ErrorCode.LIMIT_EXCEEDED,
              "10001 branches (limit: 10000)"),
          new Refusal(
              "orders of no step",
              Request.saga().customData("{\"orders\":{\"1\":[0]}}"),
              ErrorCode.BAD_REQUEST,
              "custom_data: orders names step 1 (expected: 0 to 0)"),
          new Refusal(
              "custom data of a saga that is no JSON",
              Request.saga().customData("{"),
              ErrorCode.BAD_REQUEST,
              "custom_data is no JSON"),
          new Refusal(
              "custom data that goes on",
              Request.saga().customData("{\"concurrent\":true}{"),
              ErrorCode.BAD_REQUEST,
              "custom_data goes on behind its JSON object"),
          new Refusal(
              "custom data of a message that is no object",
              Request.msg().customData("[]"),
              ErrorCode.BAD_REQUEST,
              "custom_data is no JSON object"),
          new Refusal(
              "negative delay",
              Request.msg().customData("{\"delay\":-1}"),
              ErrorCode.BAD_REQUEST,
              "custom_data: delay: -1 (expected: 0 to 2147483647)"),
          new Refusal(
              "url of an action without a scheme",
              Request.saga().steps(STEP, new Step("service/a", "", "")),
              ErrorCode.BAD_REQUEST,
              "action of step 02: url without http:// or https:// and a host"),
          new Refusal(
              "url of a compensation without a host",
              Request.saga().steps(new Step("", "http://", "")),
              ErrorCode.BAD_REQUEST,
              "compensate of step 01: url without http:// or https:// and a host"),
          new Refusal(
              "url with a path only",
              Request.saga().steps(new Step("http:///a", "", "")),
              ErrorCode.BAD_REQUEST,
              "action of step 01: url without http:// or https:// and a host"),
          new Refusal(
              "check-back url",
              Request.msg().queryPrepared("s/q"),
              ErrorCode.BAD_REQUEST,
              "query_prepared: url without http:// or https:// and a host"),
          new Refusal(
              "grpc address without a method",
              Request.saga().protocol("grpc").steps(STEP, new Step("host:1", "", "")),
              ErrorCode.BAD_REQUEST,
              "action of step 02: url without target or method (expected:"
                  + " host:port/package.Service/Method)"),
          new Refusal(
              "grpc address with a scheme",
              Request.msg().protocol("grpc").queryPrepared("etcd://h:1/x.X/A"),
              ErrorCode.BAD_REQUEST,
              "query_prepared: url with a scheme (expected: host:port/package.Service/Method)"),
          new Refusal(
              "grpc address of a transaction that only calls by http",
              Request.saga().steps(new Step("host:1/x.X/A", "", "")),
              ErrorCode.BAD_REQUEST,
              "action of step 01: url without http:// or https:// and a host"),
          new Refusal(
              "gid that grpc cannot send",
              Request.saga().protocol("grpc").gid("größe").steps(GRPC_STEP),
              ErrorCode.BAD_REQUEST,
              "gid has characters that gRPC cannot send (expected: ASCII)"),
          new Refusal(
              "gid with a line break",
              Request.msg().protocol("grpc").gid("a\nb").queryPrepared("host:1/x.X/A"),
              ErrorCode.BAD_REQUEST,
              "gid has characters that gRPC cannot send (expected: ASCII)"),
          new Refusal(
              "header that grpc cannot send",
              Request.saga().protocol("grpc").steps(GRPC_STEP).options(headers("a!b", "c")),
              ErrorCode.BAD_REQUEST,
              "branch_headers: a name that gRPC cannot send"),
          new Refusal(
              "value of a header that grpc cannot send",
              Request.saga().protocol("grpc").steps(GRPC_STEP).options(headers("a", "ü")),
              ErrorCode.BAD_REQUEST,
              "branch_headers has characters that gRPC cannot send (expected: ASCII)"),
          new Refusal(
              "name of a workflow that grpc cannot send",
              Request.workflow("{\"name\":\"größe\"}")
                  .protocol("grpc")
                  .queryPrepared("host:1/workflow.Workflow/Execute"),
              ErrorCode.BAD_REQUEST,
              "custom_data: name has characters that gRPC cannot send (expected: ASCII)"),
          new Refusal(
              "topic",
              Request.msg().steps(STEP, new Step("topic://orders", "", "")),
              ErrorCode.TOPIC_NOT_FOUND,
              "topic not found in step 02"));

  @ParameterizedTest
  @FieldSource("REFUSALS")
  void what_makes_no_transaction_is_refused(Refusal refusal) {
    RefusedException refused = refusedBy(refusal.request());

    assertThat(refused.reply()).isEqualTo(new Reply.Failed(refusal.code(), refusal.message()));
  }

  @Test
  void only_what_topics_refuse_may_be_known_already() {
    Request topic = Request.msg().steps(new Step("topic://orders", "", ""));

    assertThat(refusedBy(topic).isByTopics()).isTrue();
    assertThat(refusedBy(topic.topics(_ -> Collections.nCopies(10_001, ""))).isByTopics()).isTrue();
    assertThat(refusedBy(topic.topics(_ -> List.of("s/2"))).isByTopics()).isTrue();
    assertThat(refusedBy(Request.msg().steps(10_001)).isByTopics()).isFalse();
    assertThat(refusedBy(Request.msg().type("barter")).isByTopics()).isFalse();
  }

  @Test
  void a_workflow_is_asked_for_as_one() throws Exception {
    Request workflow = Request.workflow("{\"name\":\"buy\"}");

    assertThat(Creation.workflow(workflow.build(), NOW)).isEqualTo(workflow.create());
    assertThat(
            catchThrowableOfType(
                    RefusedException.class, () -> Creation.workflow(Request.saga().build(), NOW))
                .reply())
        .isEqualTo(
            new Reply.Failed(ErrorCode.BAD_REQUEST, "trans_type: saga (expected: workflow)"));
  }

  private static RefusedException refusedBy(Request request) {
    return catchThrowableOfType(RefusedException.class, request::create);
  }

  // ---- limits

  @Test
  void what_is_exactly_as_large_as_allowed_is_taken() throws Exception {
    Request.saga().gid("g".repeat(128)).create();
    Request.saga().steps(5_000).create();
    Request.msg().steps(10_000).create();
    Request.msg()
        .steps(STEP, new Step("topic://orders", "", ""))
        .topics(_ -> Collections.nCopies(9_999, ""))
        .create();
    Request.saga()
        .options(
            options(Integer.MAX_VALUE, Integer.MAX_VALUE, Integer.MAX_VALUE, Integer.MAX_VALUE))
        .create();
    Request.msg().customData("{\"delay\":" + Integer.MAX_VALUE + "}").create();
    Request.saga().options(options(0, 0, 0, 0)).create();
  }

  /**
   * Each has {@link Bounds#MAX_BYTES} in all: in one payload, of several parts, of characters of
   * two bytes.
   */
  private static List<Request> fullRequests(int surplus) {
    var bare = new Step("", "", "");
    int bytes = Bounds.MAX_BYTES + surplus;
    var headers = Map.of("k", "v".repeat(99));
    return List.of(
        Request.saga().steps(bare).payloads(List.of("x".repeat(bytes))),
        Request.msg()
            .steps(bare)
            .payloads(List.of("é".repeat(bytes / 2) + "x".repeat(bytes % 2), "ignored")),
        Request.msg()
            .steps(new Step("topic://orders", "", "")) // 2 urls of 10 bytes, and its payload once
            .payloads(List.of("😀" + "x".repeat(bytes - 2 * 10 - 4)))
            .topics(_ -> List.of("http://s/1", "http://s/2")),
        Request.msg()
            .steps(new Step("http://s/é", "", ""), bare) // 11 bytes
            .payloads(List.of("x".repeat(1000), "x".repeat(bytes - 1000 - 11 - 10 - 13 - 100)))
            .queryPrepared("http://s/q")
            .customData("{\"delay\":100}")
            .options(new Options(false, 0, 0, 0, headers, false, 0)));
  }

  @Test
  void a_transaction_may_have_so_many_bytes_in_all() throws Exception {
    for (Request request : fullRequests(0)) {
      request.create();
    }
    for (Request request : fullRequests(1)) {
      assertThat(refusedBy(request).reply())
          .isEqualTo(
              new Reply.Failed(
                  ErrorCode.LIMIT_EXCEEDED, "transaction of 4194305 bytes (limit: 4194304)"));
    }
  }
}
