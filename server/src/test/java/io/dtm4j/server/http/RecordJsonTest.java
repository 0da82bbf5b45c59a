package io.dtm4j.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.dtm4j.model.Attempt;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Extra;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import io.dtm4j.store.KeyValue;
import io.dtm4j.store.Listed;
import io.dtm4j.store.Page;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(ReplaceUnderscores.class)
class RecordJsonTest {
  private static final Room ROOM = new Room(1 << 20);
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Instant CREATED = Instant.parse("2026-01-02T03:04:05.678901234Z");
  private static final Instant LATER = Instant.parse("2026-01-02T03:04:07Z");
  private static final BranchKey COMPENSATE = new BranchKey("01", Op.COMPENSATE);
  private static final BranchKey ACTION = new BranchKey("01", Op.ACTION);

  static Stored stored(Options options, State state, Branch... branches) {
    return new Stored(
        new Transaction(
            new Gid("g1"),
            new Definition(TransType.SAGA, "http", "", "", options, CREATED),
            state,
            List.of(branches)),
        new Owner(Owner.Mark.RESTING, "s1", "c1", 3));
  }

  static State state(GlobalStatus status) {
    return new State(
        status,
        "",
        "",
        LATER,
        status.isFinal() ? LATER : null,
        new Schedule(Duration.ofSeconds(10), LATER),
        Extra.NONE);
  }

  private static JsonNode answer(Stored stored, @Nullable String waitingFor) throws IOException {
    return JSON.readTree(
        new RecordJson(ZoneOffset.UTC, ROOM).query(stored, waitingFor).body().getBytes());
  }

  @Test
  void a_finished_transaction_has_the_members_of_the_wire_and_no_empty_ones() throws Exception {
    var done =
        new Branch(
            ACTION,
            "http://a/1",
            Payload.of("{\"n\":\"ü\"}"),
            BranchStatus.SUCCEED,
            CREATED,
            LATER);
    var open = Branch.open(COMPENSATE, "", Payload.EMPTY, CREATED);

    JsonNode answer =
        answer(stored(Options.DEFAULTS, state(GlobalStatus.SUCCEED), open, done), null);

    assertThat(answer)
        .isEqualTo(
            JSON.readTree(
                """
                {"transaction":{"id":0,"create_time":"2026-01-02T03:04:05.678901234Z",
                   "update_time":"2026-01-02T03:04:07Z","gid":"g1","trans_type":"saga",
                   "status":"succeed","protocol":"http","finish_time":"2026-01-02T03:04:07Z",
                   "options":"{\\"concurrent\\":false}","next_cron_interval":10,
                   "next_cron_time":"2026-01-02T03:04:07Z","owner":"dtm4j:r:s1:c1:3",
                   "concurrent":false},
                 "branches":[
                  {"id":0,"create_time":"2026-01-02T03:04:05.678901234Z",
                   "update_time":"2026-01-02T03:04:05.678901234Z","gid":"g1","branch_id":"01",
                   "op":"compensate","status":"prepared"},
                  {"id":0,"create_time":"2026-01-02T03:04:05.678901234Z",
                   "update_time":"2026-01-02T03:04:07Z","gid":"g1","url":"http://a/1",
                   "bin_data":"eyJuIjoiw7wifQ==","branch_id":"01","op":"action","status":"succeed",
                   "finish_time":"2026-01-02T03:04:07Z"}]}
                """));
  }

  @Test
  void without_room_there_is_a_code_instead_and_no_room_is_lost() {
    Stored stored = stored(Options.DEFAULTS, state(GlobalStatus.PREPARED));
    var room = new Room(1_500);
    var json = new RecordJson(ZoneOffset.UTC, room);
    assertThat(json.query(stored, null).status()).isEqualTo(200);
    assertThat(room.taken()).isEqualTo(1_024);

    Answer query = json.query(stored, null);
    Answer workflow = json.workflow(stored);

    assertThat(query.status()).isEqualTo(503);
    assertThat(query.body().toString()).contains("\"code\":\"OVERLOADED\"");
    assertThat(workflow.body().toString()).contains("\"code\":\"OUTCOME_UNKNOWN\"");
    assertThat(room.taken()).isEqualTo(1_024);
  }

  @Test
  void options_are_text_without_zeros() throws Exception {
    var options = new Options(true, 60, 5, 7, Map.of("x-b", "2", "x-a", "1"), true, 3);

    JsonNode answer = answer(stored(options, state(GlobalStatus.SUBMITTED)), null);

    assertThat(answer.at("/transaction/options").asText())
        .isEqualTo(
            "{\"wait_result\":true,\"timeout_to_fail\":60,\"request_timeout\":5,"
                + "\"retry_interval\":7,\"branch_headers\":{\"x-a\":\"1\",\"x-b\":\"2\"},"
                + "\"concurrent\":true,\"retry_limit\":3}");
    assertThat(answer.at("/transaction/concurrent").asBoolean()).isTrue();
  }

  @Test
  void a_failed_transaction_has_a_rollback_time_and_its_reason() throws Exception {
    State failed = state(GlobalStatus.FAILED);
    var state =
        new State(
            failed.status(), "full FAILURE", "", LATER, LATER, failed.schedule(), failed.extra());

    JsonNode transaction = answer(stored(Options.DEFAULTS, state), null).get("transaction");

    assertThat(transaction.get("rollback_time").asText()).isEqualTo("2026-01-02T03:04:07Z");
    assertThat(transaction.has("finish_time")).isFalse();
    assertThat(transaction.get("rollback_reason").asText()).isEqualTo("full FAILURE");
  }

  @Test
  void times_are_in_the_zone_of_the_server() {
    String answer =
        new RecordJson(ZoneId.of("Asia/Shanghai"), ROOM)
            .query(stored(Options.DEFAULTS, state(GlobalStatus.SUBMITTED)), null)
            .body()
            .toString();

    assertThat(answer).contains("\"create_time\":\"2026-01-02T11:04:05.678901234+08:00\"");
  }

  @Test
  void an_open_branch_tells_of_its_last_call_without_the_words_that_decide() throws Exception {
    Extra extra =
        Extra.NONE.withAttempts(
            Map.of(
                COMPENSATE.toString(),
                new Attempt(4, LATER, Attempt.Kind.FAILURE, "FAILURE, still ONGOING")));
    State resting = state(GlobalStatus.ABORTING);
    var state = new State(resting.status(), "", "", LATER, null, resting.schedule(), extra);

    JsonNode answer =
        answer(
            stored(
                Options.DEFAULTS,
                state,
                Branch.open(COMPENSATE, "http://c", Payload.EMPTY, CREATED)),
            "Retry: FAILURE");

    JsonNode branch = answer.at("/branches/0");
    assertThat(branch.get("attempts").asInt()).isEqualTo(4);
    assertThat(branch.get("last_attempt_time").asText()).isEqualTo("2026-01-02T03:04:07Z");
    assertThat(branch.get("last_error").asText()).isEqualTo("failure, still ongoing");
    assertThat(answer.at("/transaction/waiting_for").asText()).isEqualTo("Retry: failure");
    assertThat(answer.toString()).doesNotContain("FAILURE", "ONGOING");
    assertThat(answer.at("/transaction/ext_data").asText()).startsWith("{\"dtm4j\":{");
  }

  @Test
  void a_workflow_has_its_steps_as_progresses_and_waits_for_nobody() throws Exception {
    var step =
        Branch.open(new BranchKey("01", Op.ACTION), "", Payload.of("res"), CREATED)
            .settled(BranchStatus.SUCCEED, LATER);

    JsonNode answer =
        JSON.readTree(
            new RecordJson(ZoneOffset.UTC, ROOM)
                .workflow(stored(Options.DEFAULTS, state(GlobalStatus.PREPARED), step))
                .body()
                .getBytes());

    assertThat(answer.fieldNames()).toIterable().containsExactly("transaction", "progresses");
    assertThat(answer.path("transaction").path("status").asText()).isEqualTo("prepared");
    assertThat(answer.path("transaction").has("waiting_for")).isFalse();
    assertThat(answer.path("progresses"))
        .isEqualTo(
            JSON.readTree(
                """
                [{"id":0,"create_time":"2026-01-02T03:04:05.678901234Z",
                  "update_time":"2026-01-02T03:04:07Z","gid":"g1","bin_data":"cmVz","branch_id":"01",
                  "op":"action","status":"succeed","finish_time":"2026-01-02T03:04:07Z"}]
                """));
  }

  @Test
  void a_list_shows_transactions_as_a_query_does_but_without_branches() throws Exception {
    var json = new RecordJson(ZoneOffset.UTC, ROOM);
    Stored one = stored(Options.DEFAULTS, state(GlobalStatus.SUBMITTED));

    JsonNode page =
        JSON.readTree(json.transactions(List.of(Listed.of(one)), "next").body().getBytes());

    assertThat(page.fieldNames()).toIterable().containsExactly("transactions", "next_position");
    assertThat(page.path("next_position").asText()).isEqualTo("next");
    assertThat(page.path("transactions").size()).isEqualTo(1);
    assertThat(page.path("transactions").path(0)).isEqualTo(answer(one, null).path("transaction"));
    assertThat(json.transactions(null, "").body().toString())
        .isEqualTo("{\"transactions\":null,\"next_position\":\"\"}");
  }

  @Test
  void key_values_have_the_members_of_the_wire() throws Exception {
    var json = new RecordJson(ZoneId.of("Asia/Shanghai"), ROOM);
    var value = new KeyValue("topics", "t", "[\"ü\"]", 7, LATER, LATER.plusSeconds(1));
    String written =
        """
        {"kv":[{"id":0,"create_time":"2026-01-02T11:04:07+08:00",
          "update_time":"2026-01-02T11:04:08+08:00","cat":"topics","k":"t","v":"[\\"ü\\"]",
          "version":7}]%s}
        """;

    assertThat(JSON.readTree(json.keyValues(List.of(value)).body().getBytes()))
        .isEqualTo(JSON.readTree(written.formatted("")));
    assertThat(JSON.readTree(json.keyValues(new Page<>(List.of(value), "n")).body().getBytes()))
        .isEqualTo(JSON.readTree(written.formatted(",\"next_position\":\"n\"")));
    assertThat(json.keyValues(List.of()).body().toString()).isEqualTo("{\"kv\":[]}");
  }
}
