package io.dtm4j.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.bench.Comparison.Pair;
import io.dtm4j.bench.Comparison.Ratios;
import io.dtm4j.bench.Comparison.Spread;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(ReplaceUnderscores.class)
class ComparisonTest {

  @Test
  void ratios_divide_A_by_B_with_the_stores_CPU_on_both_sides() {
    Pair pair = new Pair(run(9000, 1.5, 80.0, 20.0), run(600, 90, 1200.0, 800.0));

    assertThat(pair.ratios()).isEqualTo(new Ratios(15.0, 0.05, 1.5 / 90));
  }

  @Test
  void a_figure_that_one_side_lacks_has_no_ratio() {
    Pair pair = new Pair(run(9000, 1.5, 80.0, null), run(0, 0, null, null));

    assertThat(pair.ratios()).isEqualTo(new Ratios(null, null, null));
    assertThat(new Comparison(List.of(pair)).spread(Ratios::cpu)).isNull();
  }

  @Test
  void the_spread_is_taken_over_the_ratios_of_the_pairs() {
    Comparison comparison =
        new Comparison(
            List.of(
                new Pair(run(300, 1, null, null), run(100, 1, null, null)),
                new Pair(run(1000, 1, null, null), run(100, 1, null, null)),
                new Pair(run(80, 1, null, null), run(20, 1, null, null))));

    assertThat(comparison.spread(Ratios::throughput)).isEqualTo(new Spread(4, 3, 10));
  }

  @Test
  void the_median_of_an_even_number_lies_between_the_middle_two() {
    assertThat(Spread.of(List.of(8.0, 1.0, 2.0, 4.0))).isEqualTo(new Spread(3, 1, 8));
  }

  private static Measurement run(
      double perSecond, double p50, @Nullable Double server, @Nullable Double store) {
    return new Measurement(
        "label",
        "saga2",
        "completed",
        64,
        45,
        Math.round(perSecond * 45),
        0,
        null,
        perSecond,
        new Measurement.Latency(p50, p50, p50),
        new Measurement.Cpu(server, store, 50.0),
        List.of(perSecond, perSecond, perSecond),
        "sync",
        null);
  }
}
