package io.dtm4j.coordinator;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * The coordinator under everything that can go wrong, in virtual time. {@code -Dsimulation.seeds}
 * says how many seeds, {@code -Dsimulation.first} which is the first, {@code -Dsimulation.lines}
 * how much of a failing run is shown.
 */
@ExtendWith(Quiet.class)
@DisplayNameGeneration(ReplaceUnderscores.class)
class SimulationTest {
  @Test
  void whatever_happens_all_ends_well_and_each_seed_runs_the_same_twice() {
    long first = Long.getLong("simulation.first", 1);
    long seeds = Long.getLong("simulation.seeds", 200);
    for (long seed = first; seed < first + seeds; seed++) {
      List<String> trace = Simulation.run(seed);

      assertThat(Simulation.run(seed)).as("second run of seed %d", seed).isEqualTo(trace);
    }
  }
}
