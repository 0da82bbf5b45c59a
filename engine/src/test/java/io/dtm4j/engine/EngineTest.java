package io.dtm4j.engine;

import static io.dtm4j.engine.Given.saga;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.Step;
import io.dtm4j.protocol.TraceContext;
import io.dtm4j.protocol.TransType;
import io.dtm4j.protocol.TransactionRequest;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayNameGeneration(ReplaceUnderscores.class)
class EngineTest {
  private final Engine engine = new Engine(Settings.DEFAULTS);

  /** docs/spec/branch-calls.md 1. */
  @Test
  void a_call_says_all_that_a_transport_needs() throws Exception {
    Map<String, String> headers = Map.of("x-tenant", "north");
    var trace = new TraceContext("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "a=1");
    var request =
        new TransactionRequest(
            "g",
            "saga",
            List.of(new Step("http://s/a?x=1", "http://s/c", "")),
            List.of(Payload.of("{\"n\":1}")),
            "",
            "http",
            "",
            new Options(false, 0, 7, 0, headers, false, 0),
            "",
            Map.of(),
            trace);
    var play = new Play(request);

    play.line("submit -> a1");
    Call action = play.calls().getFirst();
    play.line("a1 no -> c1");
    Call compensation = play.calls().getFirst();

    assertThat(action)
        .isEqualTo(
            new Call(
                new Gid("g"),
                TransType.SAGA,
                1,
                new BranchKey("01", Op.ACTION),
                "http",
                "http://s/a?x=1",
                Payload.of("{\"n\":1}"),
                Duration.ofSeconds(7),
                headers,
                trace));
    assertThat(compensation)
        .isEqualTo(
            new Call(
                new Gid("g"),
                TransType.SAGA,
                0,
                new BranchKey("01", Op.COMPENSATE),
                "http",
                "http://s/c",
                Payload.of("{\"n\":1}"),
                Duration.ofSeconds(7),
                headers,
                trace));
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 0, 3, 99})
  void an_event_of_a_call_that_is_not_in_flight_says_nothing(int row) {
    var play = new Play(saga(2));
    play.line("submit -> a1");

    play.decide(
        List.of(new Event.Answered(row, new BranchAnswer.Failure("late")), new Event.Parked(row)));

    assertThat(play.calls()).isEmpty();
    assertThat(play.rows()).isEqualTo("pppp");
    play.line("a1 ok -> a2 : submitted");
  }

  @Test
  void an_answer_that_comes_twice_counts_once() {
    var play = new Play(saga(2));
    play.line("submit -> a1");

    play.line("a1 ok & a1 no -> a2 : submitted, pspp");
  }

  @Test
  void a_pass_is_woken_at_its_timeout_while_it_goes_forward() {
    var play = new Play(saga(2).timeoutToFail(30));

    play.line("submit -> a1");
    assertThat(play.wakeUp()).isEqualTo(Play.START.plusSeconds(30));
    play.line("a1 no -> c1");
    assertThat(play.wakeUp()).isNull();
  }

  @ParameterizedTest
  @CsvSource({"0, 3, 10", "30, 30, 35"})
  void what_a_shell_must_know_of_a_transaction(long requestTimeout, long timeout, long lease) {
    Transaction transaction = saga(1).requestTimeout(requestTimeout).transaction(Play.START);

    assertThat(engine.requestTimeoutOf(transaction)).hasSeconds(timeout);
    assertThat(engine.leaseOf(transaction)).hasSeconds(lease);
  }
}
