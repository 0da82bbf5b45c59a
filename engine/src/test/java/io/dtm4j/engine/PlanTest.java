package io.dtm4j.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.dtm4j.protocol.CustomData;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which steps wait for which: docs/spec/transactions.md 2 and 4.1. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class PlanTest {
  private static Plan plan(String customData, int steps) {
    return Plan.of(CustomData.saga(customData), steps);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "null", "{}", "{\"concurrent\":false}", "{\"orders\":null}"})
  void without_custom_data_each_step_waits_for_the_one_before(String customData) {
    Plan plan = plan(customData, 3);

    assertThat(plan.before(0)).isEmpty();
    assertThat(plan.before(1)).containsExactly(0);
    assertThat(plan.before(2)).containsExactly(1);
    assertThat(plan.after(0)).containsExactly(1);
    assertThat(plan.after(1)).containsExactly(2);
    assertThat(plan.after(2)).isEmpty();
  }

  @Test
  void concurrent_steps_wait_for_their_orders_only() {
    Plan plan = plan("{\"concurrent\":true,\"orders\":{\"2\":[0,1]}}", 3);

    assertThat(plan.before(0)).isEmpty();
    assertThat(plan.before(1)).isEmpty();
    assertThat(plan.before(2)).containsExactlyInAnyOrder(0, 1);
    assertThat(plan.after(0)).containsExactly(2);
    assertThat(plan.after(1)).containsExactly(2);
    assertThat(plan.after(2)).isEmpty();
  }

  @Test
  void sequential_steps_wait_for_their_orders_and_the_one_before() {
    Plan plan = plan("{\"orders\":{\"2\":[0]}}", 3);

    assertThat(plan.before(2)).containsExactlyInAnyOrder(0, 1);
    assertThat(plan.after(0)).containsExactlyInAnyOrder(1, 2);
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '\'',
      value = {
        "'{\"concurrent\":true,\"orders\":{\"0\":[0]}}', 1",
        "'{\"concurrent\":true,\"orders\":{\"0\":[1],\"1\":[0]}}', 2",
        "'{\"concurrent\":true,\"orders\":{\"0\":[1],\"1\":[2],\"2\":[0]}}', 4",
        "'{\"orders\":{\"0\":[1]}}', 2",
      })
  void steps_that_wait_for_each_other_are_refused(String customData, int steps) {
    assertThatThrownBy(() -> plan(customData, steps))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("custom_data: orders make steps wait for each other");
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '\'',
      value = {
        "'{\"concurrent\":true,\"orders\":{\"2\":[0]}}', 2",
        "'{\"concurrent\":true,\"orders\":{\"1\":[2]}}', 2",
        "'{\"concurrent\":true,\"orders\":{\"1\":[-1]}}', -1",
        "'{\"concurrent\":true,\"orders\":{\"-1\":[0]}}', -1",
      })
  void steps_that_do_not_exist_are_refused(String customData, int named) {
    assertThatThrownBy(() -> plan(customData, 2))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("custom_data: orders names step " + named + " (expected: 0 to 1)");
  }

  @Test
  void the_same_order_twice_is_one_order() {
    Plan plan = plan("{\"concurrent\":true,\"orders\":{\"1\":[0,0]}}", 2);

    assertThat(plan.before(1)).containsOnly(0);
    assertThat(plan.after(0)).containsOnly(1);
  }
}
