package io.dtm4j.crash;

import static java.util.Objects.requireNonNull;
import static java.util.Objects.requireNonNullElse;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.crash.Load.Submission;
import io.dtm4j.crash.ServerProcess.Setup;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A server that ends by itself at a named point, under load of one mode: nothing is lost, nothing
 * doubled, and the next server brings all to its end. Each point in each mode.
 */
@DisplayNameGeneration(ReplaceUnderscores.class)
@Execution(ExecutionMode.CONCURRENT)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class HaltPointsTest {
  /** The points of {@code HaltPoint}, by their names in the system property. */
  enum Point {
    BEFORE_COMMIT,
    AFTER_COMMIT_BEFORE_RESULT,
    AFTER_COMMIT_BEFORE_CALL,
    AFTER_CALL_BEFORE_ANSWER_STORED,
    /** Passed by a server whose store is so slow that the answer of a call ahead comes first. */
    AFTER_CALL_AHEAD_BEFORE_COMMIT,
    AFTER_LAST_COMMIT_BEFORE_REPLY,
    AFTER_COMMAND_BEFORE_REPLY,
    /** Passed by a server that finds what another one, killed under load, has left. */
    DURING_CLAIM,
    /** Passed by a server that is told to stop. */
    BEFORE_RELEASE_AT_STOP;

    String property(int passing) {
      return "-Ddtm4j.test.halt="
          + name().toLowerCase(Locale.ROOT).replace('_', '-')
          + ":"
          + passing;
    }
  }

  enum Mode {
    SAGA(Kind.SAGA, Kind.SAGA_REFUSED, Kind.SAGA_RETRIED, Kind.SAGA_REPEAT_REFUSED),
    CONCURRENT_SAGA(Kind.SAGA_CONCURRENT, Kind.SAGA_CONCURRENT_REFUSED),
    TCC(Kind.TCC, Kind.TCC_REFUSED, Kind.TCC_ABANDONED),
    XA(Kind.XA, Kind.XA_REFUSED, Kind.XA_ABANDONED),
    MESSAGE(
        Kind.MESSAGE,
        Kind.MESSAGE_TO_TOPIC,
        Kind.MESSAGE_TWO_PHASES,
        Kind.MESSAGE_ABANDONED,
        Kind.MESSAGE_FORGOTTEN,
        Kind.MESSAGE_ABORTED),
    WORKFLOW(Kind.WORKFLOW, Kind.WORKFLOW_REFUSED, Kind.WORKFLOW_ABANDONED);

    @SuppressWarnings("ImmutableEnumChecker") // List.of makes one that does not change
    private final List<Kind> kinds;

    Mode(Kind... kinds) {
      this.kinds = List.of(kinds);
    }
  }

  record Cell(Point point, Mode mode) {
    @Override
    public String toString() {
      return point + ", " + mode;
    }

    boolean isPassed() {
      return switch (point) {
        // An application ends its workflows by a command; no pass ever does.
        case AFTER_LAST_COMMIT_BEFORE_REPLY -> mode != Mode.WORKFLOW;
        case AFTER_CALL_AHEAD_BEFORE_COMMIT -> mode == Mode.SAGA || mode == Mode.MESSAGE;
        case BEFORE_COMMIT,
            AFTER_COMMIT_BEFORE_RESULT,
            AFTER_COMMIT_BEFORE_CALL,
            AFTER_CALL_BEFORE_ANSWER_STORED,
            AFTER_COMMAND_BEFORE_REPLY,
            DURING_CLAIM,
            BEFORE_RELEASE_AT_STOP ->
            true;
      };
    }

    /** R3b shows in a saga that rolls back because of what is repeated. */
    List<Kind> kinds() {
      return point == Point.AFTER_CALL_AHEAD_BEFORE_COMMIT && mode == Mode.SAGA
          ? List.of(Kind.SAGA_REPEAT_REFUSED)
          : mode.kinds;
    }

    /** At which passing it ends: at one that comes within seconds. */
    int passing(Random random) {
      return switch (point) {
        case BEFORE_RELEASE_AT_STOP -> 1;
        // Nothing of these is claimed later, and it may be that only one was open at the kill.
        case DURING_CLAIM -> mode == Mode.CONCURRENT_SAGA ? 1 : 1 + random.nextInt(2);
        case AFTER_COMMIT_BEFORE_CALL, AFTER_CALL_BEFORE_ANSWER_STORED ->
            1 + random.nextInt(mode == Mode.WORKFLOW ? 2 : MOST_PASSINGS);
        case BEFORE_COMMIT,
            AFTER_COMMIT_BEFORE_RESULT,
            AFTER_CALL_AHEAD_BEFORE_COMMIT,
            AFTER_LAST_COMMIT_BEFORE_REPLY,
            AFTER_COMMAND_BEFORE_REPLY ->
            1 + random.nextInt(MOST_PASSINGS);
      };
    }
  }

  private static final long SEED = Long.getLong("crash.seed", 20_261_129);

  /** Some of them only: {@code -Dcrash.cells='CLAIM, (TCC|XA)'}. */
  private static final Pattern CELLS =
      Pattern.compile(requireNonNullElse(System.getProperty("crash.cells"), ""));

  private static final int MOST_PASSINGS = 30;
  private static final int CLIENTS = 3;
  private static final int LATENESS = 40;
  private static final int SOME = 12;

  /** A cell mostly waits, for starts and for what its clients have abandoned. */
  private static final int AT_ONCE = 4;

  private static final String SLOW_STORE = "-Ddtm4j.test.batchDelayMicros=50000";

  private static final Duration HALTS_WITHIN = Duration.ofMinutes(2);

  private final ExecutorService workers = Executors.newFixedThreadPool(AT_ONCE);
  private final Map<Cell, Future<?>> results = new HashMap<>();

  static List<Cell> cells() {
    return Arrays.stream(Point.values())
        .flatMap(point -> Arrays.stream(Mode.values()).map(mode -> new Cell(point, mode)))
        .filter(Cell::isPassed)
        .filter(cell -> CELLS.matcher(cell.toString()).find())
        .toList();
  }

  @BeforeAll
  void begin(@TempDir Path folder) {
    for (Cell cell : cells()) {
      results.put(cell, workers.submit(() -> run(cell, folder.resolve(cell.toString()))));
    }
  }

  @AfterAll
  void close() {
    workers.shutdownNow();
    workers.close();
  }

  @ParameterizedTest
  @MethodSource("cells")
  void all_ends_as_promised_when_the_server_halts_there(Cell cell) throws Throwable {
    try {
      requireNonNull(results.get(cell)).get();
    } catch (ExecutionException e) {
      throw requireNonNull(e.getCause());
    }
  }

  private static Object run(Cell cell, Path folder) throws IOException {
    Setup setup = Setup.in(Files.createDirectory(folder)).impatient().shortLived();
    var random = new Random(SEED + cell.toString().hashCode());
    Setup armed = setup.withJvm(cell.point.property(cell.passing(random)));
    if (cell.point == Point.AFTER_CALL_AHEAD_BEFORE_COMMIT) {
      armed = armed.withJvm(SLOW_STORE);
    }
    Api api = new Api(setup.url());
    List<Submission> submissions;
    try (var bank = new BankParticipants()) {
      ServerProcess server = (cell.point == Point.DURING_CLAIM ? setup : armed).serve();
      try (var load = new Load(api, bank, cell.kinds(), CLIENTS, LATENESS, 0, SEED)) {
        if (cell.point == Point.DURING_CLAIM) {
          load.awaitMore(SOME, HALTS_WITHIN);
          server.kill();
          server = armed.launch();
        } else if (cell.point == Point.BEFORE_RELEASE_AT_STOP) {
          load.awaitMore(SOME, HALTS_WITHIN);
          server.terminate();
        }
        Await.until("it halts at " + cell, HALTS_WITHIN, server::hasEnded);
        assertThat(server.awaitEnd()).as(server.output()).isEqualTo(ServerProcess.KILLED);
        server = setup.serve();
        submissions = load.end();
        assertThat(load.lost()).as("recorded steps that were missing later").isEmpty();
        Verdict.passOn(submissions, api, bank);
      } finally {
        server.close();
      }
    }
    return cell;
  }
}
