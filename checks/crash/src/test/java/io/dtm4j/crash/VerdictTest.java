package io.dtm4j.crash;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.MissingNode;
import io.dtm4j.crash.Api.Answer;
import io.dtm4j.crash.Api.Known;
import io.dtm4j.crash.BankParticipants.Step;
import io.dtm4j.crash.Load.Submission;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

/** What participants have done is compared with what a client has sent, for a saga that is over. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class VerdictTest {
  private static final String GID = "g";
  private static final Map<String, Long> AMOUNTS = Map.of("01", -15L, "02", 5L, "03", 10L);

  private final Vertx vertx = Vertx.vertx();
  private final BankParticipants bank = new BankParticipants();
  private final Submission saga = new Submission(GID, Kind.SAGA, false);
  private JsonObject stored;
  private Api api;

  @BeforeEach
  void store_that_it_has_succeeded() {
    var rows = new JsonArray();
    for (String branch : AMOUNTS.keySet()) {
      rows.add(row(branch, "action", "succeed")).add(row(branch, "compensate", "prepared"));
    }
    stored =
        new JsonObject()
            .put("transaction", new JsonObject().put("status", "succeed"))
            .put("branches", rows);
    int port =
        vertx
            .createHttpServer()
            .requestHandler(request -> request.response().end(stored.encode()))
            .listen(0, "127.0.0.1")
            .await()
            .actualPort();
    api = new Api("http://127.0.0.1:" + port);
    saga.amounts.putAll(AMOUNTS);
    saga.answers.add(new Answer("submit", Known.ACCEPTED, "200", MissingNode.getInstance()));
  }

  @AfterEach
  void close() {
    bank.close();
    vertx.close().await();
  }

  private static JsonObject row(String branch, String op, String status) {
    return new JsonObject().put("branch_id", branch).put("op", op).put("status", status);
  }

  private void take(String branch, long amount) {
    var _ = bank.take(GID, branch, Step.of("account", amount));
  }

  @Test
  void each_amount_that_was_moved_once_is_right() {
    AMOUNTS.forEach(this::take);

    assertThatCode(() -> Verdict.passOn(List.of(saga), api, bank)).doesNotThrowAnyException();
  }

  @Test
  void amounts_that_only_add_up_are_wrong() {
    take("01", -15);
    take("02", 10);
    take("03", 5);

    assertThatThrownBy(() -> Verdict.passOn(List.of(saga), api, bank))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("has moved {01=-15, 02=10, 03=5}, expected {01=-15, 02=5, 03=10}");
  }

  @Test
  void an_amount_that_a_branch_nobody_sent_has_moved_is_wrong() {
    AMOUNTS.forEach(this::take);
    take("04", 5);

    assertThatThrownBy(() -> Verdict.passOn(List.of(saga), api, bank))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("04=5}, expected");
  }

  @Test
  void what_is_open_yet_is_judged_when_it_is_over() {
    take("01", -15);
    var verdict = new Verdict(api, bank);
    stored.getJsonObject("transaction").put("status", "submitted");
    var _ = vertx.setTimer(100, _ -> stored.getJsonObject("transaction").put("status", "succeed"));

    assertThatThrownBy(() -> verdict.pass(List.of(saga)))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("has moved {01=-15}");
  }

  @Test
  void what_was_promised_and_is_not_there_is_lost() {
    stored.getJsonObject("transaction").remove("status");

    assertThatThrownBy(() -> new Verdict(api, bank).pass(List.of(saga)))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("is lost");
  }

  @Test
  void a_saga_that_was_reported_as_done_and_has_failed_is_wrong() {
    assertRefused(failed(Kind.SAGA_REPEAT_REFUSED, true), "was reported as done and is failed");
  }

  @Test
  void a_saga_that_has_failed_although_nothing_was_repeated_is_wrong() {
    assertRefused(failed(Kind.SAGA_REPEAT_REFUSED, false), "no action was repeated");
  }

  private Submission failed(Kind kind, boolean waited) {
    stored.getJsonObject("transaction").put("status", "failed");
    var one = new Submission(GID, kind, waited);
    one.answers.addAll(saga.answers);
    return one;
  }

  private void assertRefused(Submission one, String message) {
    assertThatThrownBy(() -> Verdict.passOn(List.of(one), api, bank))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining(message);
  }
}
