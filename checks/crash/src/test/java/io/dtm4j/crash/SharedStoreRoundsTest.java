package io.dtm4j.crash;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.crash.Rounds.Progress;
import io.dtm4j.databases.StoreServer;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Two servers on a database lose nothing and do nothing twice, whichever part comes to harm. */
@DisplayNameGeneration(ReplaceUnderscores.class)
@Execution(ExecutionMode.CONCURRENT)
class SharedStoreRoundsTest {
  /** Each harm once; more with {@code -Dcrash.rounds.shared=500}, as before a release. */
  private static final int ROUNDS = Integer.getInteger("crash.rounds.shared", Cluster.HARMS.size());

  private static final long SEED = Long.getLong("crash.seed", 20_261_130);

  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource
  @Timeout(value = 3, unit = TimeUnit.HOURS) // for many rounds; each wait in it has its own end
  void what_was_accepted_comes_to_its_end(Cluster.Kind kind) throws Exception {
    StoreServer database = kind.start();
    try (var cluster = new Cluster(kind, database, "rounds", folder)) {
      Progress end = new Rounds(cluster, Cluster.HARMS, SEED, _ -> {}).run(ROUNDS);

      assertThat(end.cut()).as("cut by some harm").isPositive();
    } finally {
      database.stop();
    }
  }
}
