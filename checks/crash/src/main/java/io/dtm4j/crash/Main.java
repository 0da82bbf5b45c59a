package io.dtm4j.crash;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import io.dtm4j.crash.Rounds.Progress;
import io.dtm4j.crash.ServerProcess.Setup;
import io.dtm4j.crash.Site.Harm;
import io.dtm4j.databases.StoreServer;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * The command {@code crash}: kills servers of its own under load, and cuts their power, as often as
 * is asked for. Ends with 0; 1 when a promise was broken or the run failed; 2 for wrong options.
 */
@Command(
    name = "dtm4j crash",
    sortOptions = false,
    usageHelpWidth = 100,
    description = {
      "Starts a server on an embedded store in a folder of its own, puts load of all modes on it, kills",
      "it at a random moment (in turn: once, then with all that was not synced taken away, as by a power cut,",
      "then twice within one recovery, then by a power cut), and starts it again. After each round: whether",
      "what was promised is there, and what is over ended as it must, and was done once; after 30 rounds,",
      "and in the end: whether all is over within thirty seconds.",
      "With --store: the same of two servers on a store of its own, in turn: one is killed; the store is;",
      "one stands still beyond its leases and goes on; both are killed; the store is restarted."
    },
    exitCodeListHeading = "Exit codes:%n",
    exitCodeList = {
      "0:Every promise was kept.",
      "1:One was broken, or the run failed: the output says which, and how to repeat it.",
      "2:Wrong options."
    })
public final class Main implements Callable<Integer> {
  private static final List<Harm> HARMS =
      List.of(Harm.KILL, Harm.POWER_CUT, Harm.KILL_TWICE, Harm.POWER_CUT);

  private static final Duration BETWEEN_LINES = Duration.ofSeconds(5);

  /** As they are named in options. */
  private enum Store {
    rocksdb,
    mariadb,
    postgres,
    redis,
    rediscluster,
    mongodb
  }

  private final PrintWriter out;

  @Spec private @Nullable CommandSpec spec;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "150",
      description = "How often it is killed, some five seconds each. Default: ${DEFAULT-VALUE}")
  private int rounds;

  @Option(
      names = "--store",
      paramLabel = "STORE",
      defaultValue = "rocksdb",
      description =
          "rocksdb: one server. Two servers: mariadb, postgres, redis, rediscluster (they have to be"
              + " installed; Redis runs with appendfsync always); mongodb (mongo-java-server, which is"
              + " no MongoDB, keeping in a file what it acknowledges). Default: ${DEFAULT-VALUE}")
  private Store store = Store.rocksdb;

  @Option(
      names = "--seed",
      paramLabel = "S",
      description =
          "What is sent and when it is killed follows from it. Default: another each time")
  private @Nullable Long seed;

  private Main(PrintWriter out) {
    this.out = out;
  }

  /** Runs the command and ends the process with its exit code. */
  public static void main(String[] args) {
    Locale.setDefault(Locale.ROOT); // figures look the same everywhere
    System.exit(
        run(
            new PrintWriter(System.out, true, UTF_8),
            new PrintWriter(System.err, true, UTF_8),
            args));
  }

  static int run(PrintWriter out, PrintWriter err, String... args) {
    CommandLine command = new CommandLine(new Main(out));
    command.setOut(out).setErr(err);
    command
        .getCommandSpec()
        .addOption(
            OptionSpec.builder("-h", "--help")
                .usageHelp(true)
                .description("Show this text.")
                .build());
    command.setParameterExceptionHandler(
        (wrong, _) -> {
          err.println("crash: " + wrong.getMessage());
          return CommandLine.ExitCode.USAGE;
        });
    return command.execute(args);
  }

  @Override
  public Integer call() throws IOException {
    if (rounds < 1) {
      throw new ParameterException(
          requireNonNull(spec).commandLine(), "--rounds: " + rounds + " (expected: >= 1)");
    }
    long chosen = seed == null ? new Random().nextInt(1_000_000_000) : seed;
    Path folder = Files.createTempDirectory("dtm4j-crash-");
    out.printf("seed %d, in %s%n", chosen, folder);
    var line = new Line(out, rounds);
    try {
      Progress done = run(folder, chosen, line);
      delete(folder);
      out.printf(
          "%d transactions, %d left without an answer, %d bytes lost that were not synced%n",
          done.transactions(), done.cut(), done.bytesLost());
      out.printf("%d rounds, 0 violations, seed %d%n", done.rounds(), chosen);
      return CommandLine.ExitCode.OK;
    } catch (AssertionError e) {
      out.printf("%s%n", e.getMessage());
      return failed("A promise was broken", line.rounds + 1, chosen, folder);
    } catch (RuntimeException e) {
      e.printStackTrace(out);
      return failed("The run failed", line.rounds + 1, chosen, folder);
    }
  }

  private Progress run(Path folder, long chosen, Consumer<Progress> line) {
    return switch (store) {
      case rocksdb -> new Rounds(Setup.in(folder).impatient(), HARMS, chosen, line).run(rounds);
      case mariadb -> runTwo(Cluster.Kind.MARIADB, folder, chosen, line);
      case postgres -> runTwo(Cluster.Kind.POSTGRES, folder, chosen, line);
      case redis -> runTwo(Cluster.Kind.REDIS, folder, chosen, line);
      case rediscluster -> runTwo(Cluster.Kind.REDIS_CLUSTER, folder, chosen, line);
      case mongodb -> runTwo(Cluster.Kind.MONGODB, folder, chosen, line);
    };
  }

  private Progress runTwo(Cluster.Kind kind, Path folder, long chosen, Consumer<Progress> line) {
    StoreServer database = started(kind);
    try (var cluster = new Cluster(kind, database, "rounds", folder)) {
      return new Rounds(cluster, Cluster.HARMS, chosen, line).run(rounds);
    } finally {
      stop(database);
    }
  }

  private static StoreServer started(Cluster.Kind kind) {
    try {
      return kind.start();
    } catch (Exception e) {
      throw new IllegalStateException("no database server", e);
    }
  }

  private static void stop(StoreServer database) {
    try {
      database.stop();
    } catch (Exception e) {
      throw new IllegalStateException("the database server does not stop", e);
    }
  }

  private int failed(String what, int round, long chosen, Path folder) {
    out.printf("What is left is in %s%n", folder);
    out.printf(
        "%s in round %d; repeat it with: ./dtm4j crash%s --rounds %d --seed %d%n",
        what, round, store == Store.rocksdb ? "" : " --store " + store, rounds, chosen);
    return CommandLine.ExitCode.SOFTWARE;
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path each : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(each);
      }
    }
  }

  /** Writes how far it has come, now and then. */
  private static final class Line implements Consumer<Progress> {
    private static final int BAR = 30;

    private final PrintWriter out;
    private final long began = System.nanoTime();
    private long last = began;
    private final int all;
    private int rounds;

    Line(PrintWriter out, int all) {
      this.out = out;
      this.all = all;
    }

    private static String bar(int done, int all) {
      int full = BAR * done / all;
      return "=".repeat(full) + " ".repeat(BAR - full);
    }

    @Override
    public void accept(Progress progress) {
      rounds = progress.rounds();
      long now = System.nanoTime();
      if (now - last >= BETWEEN_LINES.toNanos()) {
        last = now;
        out.printf(
            "[%s] %d of %d rounds in %d s%n",
            bar(rounds, all), rounds, all, Duration.ofNanos(now - began).toSeconds());
      }
    }
  }
}
