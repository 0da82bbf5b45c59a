package io.dtm4j.coordinator;

import static io.dtm4j.coordinator.Requests.message;
import static io.dtm4j.coordinator.Requests.saga;
import static io.dtm4j.protocol.GlobalStatus.SUBMITTED;
import static io.dtm4j.protocol.GlobalStatus.SUCCEED;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.store.FaultyStore.Fault;
import io.dtm4j.store.Filter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What has ended is deleted after its time, gently. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class RetentionTest extends InVirtualTime {
  private static final Duration KEEP = Duration.ofHours(1);

  /** A sweep begins within a minute, and a few steps take less than another second. */
  private static final Duration SWEEP = Duration.ofSeconds(61);

  private final Server server = server("a");
  private final Retention retention = retention(KEEP);

  private Retention retention(Duration keep) {
    return new Retention(
        world.store,
        server.committer,
        new VirtualReads(server.process, weather),
        server.timers,
        time::nanoTime,
        new VirtualLoop(server.process, weather),
        keep);
  }

  @Test
  void a_finished_transaction_is_deleted_when_it_was_kept_long_enough() {
    retention.start();
    server.ask(saga("g", 1).submit());
    run(A_MOMENT);
    assertThat(world.status("g")).isEqualTo(SUCCEED);

    run(KEEP.minus(A_MOMENT));
    assertThat(world.find("g")).isNotNull();
    run(SWEEP);

    assertThat(world.find("g")).isNull();
  }

  @Test
  void an_unfinished_transaction_is_never_deleted() {
    retention.start();
    server.ask(message("g", 1).customData("{\"delay\":1000000}").submit());

    run(KEEP.multipliedBy(3));

    assertThat(world.status("g")).isEqualTo(SUBMITTED);
  }

  /** docs/spec/storage.md 5. */
  @ParameterizedTest
  @ValueSource(longs = {0, -1})
  void nothing_is_deleted_when_it_is_to_be_kept_for_ever(long seconds) {
    retention(Duration.ofSeconds(seconds)).start();
    server.ask(saga("g", 1).submit());

    run(KEEP.multipliedBy(3));

    assertThat(world.status("g")).isEqualTo(SUCCEED);
  }

  @Test
  void many_are_deleted_in_small_steps_that_leave_the_store_to_others() {
    for (int i = 0; i < 1_000; i++) {
      server.ask(saga("g-" + i, 1).submit());
    }
    run(seconds(1));
    assertThat(stored()).isEqualTo(1_000);
    run(KEEP);
    retention.start();
    run(seconds(60).minus(millis(1)));

    List<Integer> left = new ArrayList<>();
    for (int millis = 0; millis < 500; millis++) {
      run(millis(1));
      left.add(stored());
    }

    assertThat(left.stream().distinct()).containsExactly(1_000, 800, 600, 400, 200, 0);
    assertThat(left.stream().filter(count -> count == 400).count())
        .as("milliseconds between two steps of two milliseconds each")
        .isGreaterThanOrEqualTo(18);
  }

  @Test
  void an_unknown_outcome_is_repeated() {
    for (Fault fault : Fault.values()) {
      server.ask(saga("g-" + fault, 1).submit());
    }
    run(KEEP.plus(A_MOMENT));
    weather.nextWrites(Fault.values());

    retention.start();
    run(SWEEP.plus(seconds(2)));

    assertThat(stored()).isZero();
  }

  @Test
  void what_failed_is_tried_again_a_minute_later() {
    server.ask(saga("g", 1).submit());
    run(KEEP.plus(A_MOMENT));
    retention.start();
    world.store.refuseDeletions(true);
    run(SWEEP);
    assertThat(world.find("g")).isNotNull();

    world.store.refuseDeletions(false);
    run(SWEEP);

    assertThat(world.find("g")).isNull();
  }

  @Test
  void nothing_is_deleted_after_a_stop() {
    for (int i = 0; i < 1_000; i++) {
      server.ask(saga("g-" + i, 1).submit());
    }
    run(KEEP.plus(seconds(1)));
    retention.start();
    run(seconds(60).plus(millis(5)));
    int left = stored();
    assertThat(left).as("it has begun").isBetween(1, 999);

    retention.stop();
    run(KEEP);

    assertThat(stored()).isEqualTo(left);
  }

  private int stored() {
    return world.store.list(Filter.ALL, "", 10_000).items().size();
  }
}
