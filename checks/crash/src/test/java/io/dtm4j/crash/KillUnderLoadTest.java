package io.dtm4j.crash;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.crash.Rounds.Progress;
import io.dtm4j.crash.ServerProcess.Setup;
import io.dtm4j.crash.Site.Harm;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** A server that is killed again and again loses nothing and does nothing twice. */
@DisplayNameGeneration(ReplaceUnderscores.class)
@Execution(ExecutionMode.CONCURRENT)
class KillUnderLoadTest {
  /** More with {@code -Dcrash.rounds=1000}, as before a release. */
  private static final int ROUNDS = Integer.getInteger("crash.rounds", 30);

  private static final List<Harm> HARMS = List.of(Harm.KILL, Harm.KILL, Harm.KILL_TWICE);
  private static final long SEED = Long.getLong("crash.seed", 20_261_124);

  @TempDir Path folder;

  @Test
  @Timeout(value = 3, unit = TimeUnit.HOURS) // for many rounds; each wait in it has its own end
  void what_was_accepted_comes_to_its_end_however_often_the_server_is_killed() {
    Setup setup = Setup.in(folder).impatient().shortLived();

    Progress end = new Rounds(setup, HARMS, SEED, _ -> {}).run(ROUNDS);

    assertThat(end.cut()).as("cut by a kill").isPositive();
  }
}
