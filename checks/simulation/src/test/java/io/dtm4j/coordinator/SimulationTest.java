package io.dtm4j.coordinator;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The coordinator under everything that can go wrong, in virtual time. {@code -Dsimulation.seeds}
 * says how many seeds, {@code -Dsimulation.first} which is the first, {@code -Dsimulation.lines}
 * how much of a failing run is shown; {@code ./dtm4j simulate} runs many.
 */
@ExtendWith(Quiet.class)
@DisplayNameGeneration(ReplaceUnderscores.class)
class SimulationTest {
  @Test
  void whatever_happens_all_ends_well_and_each_seed_runs_the_same_twice() {
    long first = Long.getLong("simulation.first", 1);
    long seeds = Long.getLong("simulation.seeds", 2_000);

    assertThat(Seeds.run(first, seeds, null, _ -> {})).isNull();
  }

  @ParameterizedTest
  @EnumSource
  void it_does_so_on_each_kind_of_store(StoreKind kind) {
    assertThat(Seeds.run(1, 100, kind, _ -> {})).isNull();
  }

  /**
   * As long as chance is asked in the same order these meet what they met; what was wrong then has
   * a test of its own (docs/reliability.md).
   */
  @ParameterizedTest
  @CsvSource({
    "1061, what was called ahead is not compensated because an embedded store was opened",
    "2330, a pass is dropped whose calls ended while the server stood still for a second time",
    "147299, a pass that was taken over on another loop is dropped as a defect",
    "2113835, a pass that has ended counts on a renewal that the store was not asked for",
    "4029355, word of an older command lets a check-back leave after a stop was answered",
    "4077382, a pass that a stop held back is dropped because a client joined it",
    "5293250, a client is answered twice whose subscribers were read when a stop ended all",
    "8505172, what was due under a clock that was set forward is late when it is right again",
  })
  void what_was_found_once_does_not_come_back(long seed, String what) {
    assertThat(Seeds.run(seed, 1, null, _ -> {})).as(what).isNull();
  }
}
