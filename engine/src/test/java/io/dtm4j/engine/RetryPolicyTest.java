package io.dtm4j.engine;

import static io.dtm4j.engine.Given.msg;
import static io.dtm4j.engine.Given.saga;
import static io.dtm4j.engine.Play.row;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.engine.Play.Row;
import io.dtm4j.protocol.Options;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;

/** When it is tried again: docs/spec/transactions.md 3, with a server's RetryInterval of 10 s. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class RetryPolicyTest {
  private static RetryPolicy policy(long retryInterval, long timeoutToFail, long requestTimeout) {
    return new RetryPolicy(
        Settings.DEFAULTS,
        new Options(false, timeoutToFail, requestTimeout, retryInterval, Map.of(), false, 0));
  }

  @ParameterizedTest
  @CsvSource({
    "15,  0, 15",
    " 1,  0,  1",
    " 0,  0, 10",
    " 0,  3,  3",
    " 0,  9,  9",
    " 0, 10, 10",
    " 0, 60, 10",
    "15,  3, 15",
  })
  void base(long retryInterval, long timeoutToFail, long expected) {
    RetryPolicy policy = policy(retryInterval, timeoutToFail, 0);

    assertThat(policy.base()).hasSeconds(expected);
  }

  /** No interval gets longer than an hour, unless the client asked for that. */
  @ParameterizedTest
  @CsvSource({
    "   0,   10,   20",
    "   0, 1799, 3598",
    "   0, 1800, 3600",
    "   0, 1801, 3600",
    "   0, 3600, 3600",
    "5000, 5000, 5000",
    "   0, 9000, 3600",
    "2147483647, 2147483647, 2147483647", // the C# SDK reads 31 bits: docs/spec/sdk-matrix.md 5.19
  })
  void doubled(long retryInterval, long interval, long expected) {
    RetryPolicy policy = policy(retryInterval, 0, 0);

    assertThat(policy.doubled(Duration.ofSeconds(interval))).hasSeconds(expected);
  }

  @ParameterizedTest
  @CsvSource({
    " 0, 10, 1499, false", // fast, not grown
    " 0, 10, 1500,  true", // slow
    " 0, 20,    0,  true", // grown
    " 0,  6,    0, false", // grown, but not beyond the server's
    "15, 15,    0, false",
    "15, 30,    0,  true",
  })
  void reset_by_a_definite_answer(
      long retryInterval, long interval, long millisSinceTouched, boolean expected) {
    RetryPolicy policy = policy(retryInterval, 0, 0);

    boolean reset =
        policy.isReset(
            Duration.ofSeconds(interval), Play.START, Play.START.plusMillis(millisSinceTouched));

    assertThat(reset).isEqualTo(expected);
  }

  /** A lease lasts max(RetryInterval, request timeout + 5 s), at most a minute. */
  @ParameterizedTest
  @CsvSource({
    " 0,  3, 10",
    " 4,  4, 10",
    " 5,  5, 10",
    " 6,  6, 11",
    "55, 55, 60",
    "56, 56, 60",
    "2147483647, 2147483647, 60"
  })
  void request_timeout_and_lease(long requestTimeout, long expectedTimeout, long expectedLease) {
    RetryPolicy policy = policy(0, 0, requestTimeout);

    assertThat(policy.requestTimeout()).hasSeconds(expectedTimeout);
    assertThat(policy.lease()).hasSeconds(expectedLease);
  }

  @ParameterizedTest
  @CsvSource({"0, 35", "120, 120", "3, 3"})
  void the_age_at_which_a_prepared_message_is_decided(long timeoutToFail, long expected) {
    assertThat(policy(0, timeoutToFail, 0).timeoutWhilePrepared()).hasSeconds(expected);
  }

  static final List<Row> INTERVALS =
      List.of(
          row(
              "3",
              "one ongoing: due at the base",
              msg(1).retryInterval(150),
              "submit -> a1",
              "a1 later -> : in 150s, interval 150s"),
          row(
              "3",
              "one unknown: due at twice the base",
              msg(1).retryInterval(150),
              "submit -> a1",
              "a1 lost -> : in 300s, interval 300s"),
          row(
              "3",
              "a refusal that is not allowed counts as unknown",
              msg(1).retryInterval(150),
              "submit -> a1",
              "a1 no -> : in 300s, interval 300s"),
          row(
              "3",
              "ongoing keeps a grown interval",
              saga(1),
              "submit -> a1",
              "a1 lost -> : in 20s",
              "due -> a1",
              "a1 later -> : in 20s, interval 20s"),
          row(
              "3",
              "a success resets a grown interval",
              saga(2),
              "submit -> a1",
              "a1 lost -> : in 20s",
              "due -> a1",
              "a1 ok -> a2 : interval 10s",
              "a2 later -> : in 10s"),
          row(
              "3",
              "an action that failed resets it, too",
              saga(1),
              "submit -> a1",
              "a1 lost -> : in 20s",
              "due -> a1",
              "a1 no -> c1 : interval 10s",
              "c1 lost -> : in 20s"),
          row(
              "3",
              "grown, but within the server's interval: only a slow success resets it",
              saga(2).retryInterval(2),
              "submit -> a1",
              "a1 lost -> : in 4s",
              "due -> a1",
              "+1.4s",
              "a1 ok -> a2 : interval 4s",
              "+1.4s",
              "a2 later -> : in 4s"),
          row(
              "3",
              "a slow success",
              saga(2).retryInterval(2),
              "submit -> a1",
              "a1 lost -> : in 4s",
              "due -> a1",
              "+1.5s",
              "a1 ok -> a2 : interval 2s"),
          row(
              "3",
              "slow is counted from the last answer that was not definite",
              saga(2).concurrent().retryInterval(2),
              "submit -> a1 a2",
              "a1 lost & a2 lost -> : in 4s",
              "due -> a1 a2",
              "+1.4s",
              "a1 later ->",
              "+1.4s",
              "a2 ok -> : in 4s"),
          row(
              "3",
              "several unknown answers of one pass double it once",
              saga(3).concurrent(),
              "submit -> a1 a2 a3",
              "a1 lost ->",
              "a2 lost ->",
              "a3 lost -> : in 20s, interval 20s"),
          row(
              "3",
              "repeats at once do not double it",
              saga(2).retryLimit(3),
              "submit -> a1",
              "a1 lost -> a1",
              "a1 lost -> a1",
              "a1 ok -> a2",
              "a2 later -> a2",
              "a2 no -> c2",
              "c2 later -> : in 10s"),
          row(
              "3",
              "unknown beside ongoing counts",
              msg(2).concurrent(),
              "submit -> a1 a2",
              "a1 lost ->",
              "a2 later -> : in 20s"),
          row(
              "3",
              "the interval of a finished transaction is that of its last success",
              saga(1),
              "submit -> a1",
              "a1 lost -> : in 20s",
              "due -> a1",
              "a1 ok -> : succeed, interval 10s"),
          row(
              "3",
              "base of a short timeout",
              msg(1).timeoutToFail(3),
              "prepare -> : in 3s, interval 3s",
              "due -> q",
              "q lost -> : in 6s"));

  @ParameterizedTest
  @FieldSource("INTERVALS")
  void the_interval_follows_the_answers(Row row) {
    Play.of(row);
  }
}
