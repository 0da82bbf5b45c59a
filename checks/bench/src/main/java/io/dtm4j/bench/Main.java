package io.dtm4j.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.dtm4j.store.sql.SqlStoreConfig;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * The command {@code bench}: puts load on any DTM-compatible server and prints what it reached and
 * what that cost. Ends with 0; 1 when transactions failed; 2 for a wrong option or a server that
 * cannot be reached.
 *
 * <p>It shares the processors with the server, so run it with the flags that were cheapest: {@code
 * -XX:+UseSerialGC -Xmx128m -XX:+UseCompactObjectHeaders -XX:-UsePerfData
 * --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow}.
 */
@Command(
    name = "dtm4j bench",
    sortOptions = false,
    abbreviateSynopsis = true,
    usageHelpWidth = 100,
    description = {
      "Puts load on a DTM-compatible server and counts completed global transactions.",
      "The participants that the server calls live in this process.",
      "With --micro as its first option ./dtm4j bench times single steps of dtm4j instead."
    },
    exitCodeListHeading = "Exit codes:%n",
    exitCodeList = {
      "0:All transactions ended as they must.",
      "1:Some failed, or none was completed.",
      "2:Wrong options, or a server that cannot be reached."
    })
public final class Main implements Callable<Integer> {
  private static final String DEFAULT_TARGET = "http://127.0.0.1:36789/api/dtmsvr";

  private static final double OWN_WARMUP_SECONDS = 3;
  private static final int MOST_SERVERS = 8;

  private final Progress progress;

  @Spec private @Nullable CommandSpec spec;

  @Option(
      names = "--target",
      paramLabel = "URL",
      split = ",",
      description =
          "Address of the server's API; beside --scale there may be several, A,B, which share a"
              + " store. Default: "
              + DEFAULT_TARGET)
  private List<String> target = List.of();

  @Option(
      names = "--database",
      paramLabel = "NAME",
      description = {
        "Instead of --target: starts a database (mariadb, postgres) and servers of dtm4j on it,",
        "measures these, and ends them."
      })
  private @Nullable String database;

  @Option(
      names = "--servers",
      paramLabel = "N",
      defaultValue = "1",
      description = "How many servers share that database. Default: ${DEFAULT-VALUE}")
  private int servers;

  @Option(
      names = "--grpc",
      paramLabel = "HOST:PORT",
      split = ",",
      description =
          "Where the server takes gRPC; beside --pair one address for each, A,B. Default: one port"
              + " above HTTP")
  private List<String> grpc = List.of();

  @Option(
      names = "--work",
      paramLabel = "NAME",
      defaultValue = "saga2",
      description = "What each client repeats, see below. Default: ${DEFAULT-VALUE}")
  private String work = "";

  @Option(
      names = "--clients",
      paramLabel = "N",
      defaultValue = "64",
      description = "Clients, each with one transaction at a time. Default: ${DEFAULT-VALUE}")
  private int clients;

  @Option(
      names = "--seconds",
      paramLabel = "S",
      defaultValue = "45",
      description = "Measured time. Default: ${DEFAULT-VALUE}")
  private double seconds;

  @Option(
      names = "--warmup",
      paramLabel = "S",
      defaultValue = "20",
      description =
          "Time before it; a cold JVM shows a third of its speed. Default: ${DEFAULT-VALUE}")
  private double warmup;

  @Option(
      names = "--pid",
      paramLabel = "PID",
      defaultValue = "0",
      description = "Process of the server, to count its CPU time.")
  private long pid;

  @Option(
      names = "--store",
      paramLabel = "NAME",
      split = ",",
      description =
          "Name of the store's processes (postgres, mariadbd, redis-server), to count the CPU time"
              + " of all that have it. May be repeated.")
  private List<String> stores = List.of();

  @Option(names = "--label", paramLabel = "TEXT", description = "Name of the server in the output.")
  private @Nullable String label;

  @Option(
      names = "--durability",
      paramLabel = "TEXT",
      defaultValue = "sync (as the server is configured)",
      description = "Printed beside each figure. Default: ${DEFAULT-VALUE}")
  private String durability = "";

  @Option(
      names = "--windows",
      description = "Print the throughput of each third, so that a drop shows.")
  private boolean windows;

  @Option(names = "--json", description = "Print JSON instead of a table.")
  private boolean json;

  @Option(
      names = "--pair",
      arity = "2",
      paramLabel = "SERVER",
      description = {
        "Two servers A and B, each URL[,pid[,label[,durability]]], measured in turn A B A B;",
        "prints the ratios A/B pair by pair."
      })
  private @Nullable List<String> pair;

  @Option(
      names = "--scale",
      paramLabel = "NAME",
      description = {
        "Instead of a load: due (as many transactions come due at once, without and with a dead",
        "participant), delayed (as many are stored for a day), late (how exactly delays are kept),",
        "waiting (with --database: claims and --work beside as many, and in an empty store)."
      })
  private @Nullable String scale;

  @Option(
      names = "--count",
      paramLabel = "N",
      defaultValue = "100000",
      description = "How many transactions for --scale. Default: ${DEFAULT-VALUE}")
  private int count;

  @Option(
      names = "--dead",
      paramLabel = "PERCENT",
      defaultValue = "1",
      description = "How many of --scale due have the dead one. Default: ${DEFAULT-VALUE}")
  private int dead;

  @Option(
      names = "--dying",
      paramLabel = "HOW",
      defaultValue = "silent",
      description = {
        "How it is dead: silent (takes calls and never answers), refusing (takes no connections).",
        "Default: ${DEFAULT-VALUE}"
      })
  private String dying = "";

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "5",
      description = "How many pairs. Default: ${DEFAULT-VALUE}")
  private int rounds;

  @Option(
      names = "--settle",
      paramLabel = "S",
      defaultValue = "3",
      description =
          "Warm-up of each turn after a server's first in a pair. Default: ${DEFAULT-VALUE}")
  private double settle;

  private Main(Progress progress) {
    this.progress = progress;
  }

  /** Runs the command and ends the process with its exit code. */
  public static void main(String[] args) {
    Locale.setDefault(Locale.ROOT); // figures look the same everywhere
    System.exit(
        run(
            new PrintWriter(System.out, true, UTF_8),
            new PrintWriter(System.err, true, UTF_8),
            stderrIsTerminal(),
            args));
  }

  private static boolean stderrIsTerminal() {
    try {
      return Files.readSymbolicLink(Path.of("/proc/self/fd/2"))
          .toString()
          .matches("/dev/(pts/|tty).*");
    } catch (IOException _) {
      return false; // not Linux: lines now and then are readable everywhere
    }
  }

  static int run(PrintWriter out, PrintWriter err, boolean terminal, String... args) {
    CommandLine command = new CommandLine(new Main(new Progress(err, terminal)));
    command.setOut(out).setErr(err);
    command
        .getCommandSpec()
        .addOption(
            OptionSpec.builder("-h", "--help")
                .usageHelp(true)
                .description("Show this text.")
                .build())
        .usageMessage()
        .footerHeading("%nWorks:%n")
        .footer(
            Works.ALL.stream()
                .map(work -> "  %-10s %s".formatted(work.name(), work.meaning()))
                .toArray(String[]::new));
    command.setParameterExceptionHandler(
        (wrong, _) -> {
          err.println("bench: " + wrong.getMessage());
          return CommandLine.ExitCode.USAGE;
        });
    command.setExecutionExceptionHandler(
        (failure, _, _) -> {
          err.println("bench: " + failure.getMessage());
          if (!(failure instanceof BenchException)) {
            failure.printStackTrace(err);
          }
          return CommandLine.ExitCode.SOFTWARE;
        });
    return command.execute(args);
  }

  @Override
  public Integer call() throws InterruptedException {
    Work chosen =
        Works.named(work)
            .orElseThrow(
                () ->
                    wrong(
                        "--work",
                        work,
                        Works.ALL.stream().map(Work::name).collect(Collectors.joining(", "))));
    check(clients >= 1 && clients <= 10_000, "--clients", clients, "1 to 10000");
    check(seconds > 0 && seconds <= 86_400, "--seconds", seconds, "> 0, at most 86400");
    check(warmup >= 0 && warmup <= 86_400, "--warmup", warmup, "0 to 86400");
    check(settle >= 0 && settle <= 86_400, "--settle", settle, "0 to 86400");
    check(rounds >= 1, "--rounds", rounds, ">= 1");
    check(pid >= 0, "--pid", pid, "the number of a process");
    check(count >= 2_000 && count <= 100_000_000, "--count", count, "2000 to 100000000");
    check(
        scale == null || Scale.NAMES.contains(scale) || scale.equals(Waiting.NAME),
        "--scale",
        scale,
        String.join(", ", Scale.NAMES) + ", " + Waiting.NAME);
    check(
        database == null || OwnServers.Kind.WORDS.contains(database),
        "--database",
        database,
        String.join(", ", OwnServers.Kind.WORDS));
    check(servers >= 1 && servers <= MOST_SERVERS, "--servers", servers, "1 to " + MOST_SERVERS);
    check(servers == 1 || scale != null, "--servers", servers, "1 without --scale");
    check(
        database != null || !Waiting.NAME.equals(scale), "--scale", scale, "--database beside it");
    check(
        database == null || (target.isEmpty() && pair == null && pid == 0),
        "--database",
        database,
        "neither --target nor --pair nor --pid beside it");
    check(dead >= 1 && dead <= 99, "--dead", dead, "1 to 99");
    check(
        Scale.Dying.WORDS.contains(dying), "--dying", dying, String.join(", ", Scale.Dying.WORDS));
    check(scale == null || pair == null, "--pair", pair, "absent beside --scale");
    if (database != null) {
      return onOwn(OwnServers.Kind.of(database), chosen);
    }
    List<Target> targets = withGrpc(targets());
    return scale == null ? load(chosen, clients, targets) : scale(scale, targets);
  }

  /** On a database server of our own. */
  private int onOwn(OwnServers.Kind kind, Work chosen) throws InterruptedException {
    PrintWriter out = commandLine().getOut();
    try (OwnServers own = OwnServers.open(kind)) {
      stores = List.of(own.storeProcesses());
      if (Waiting.NAME.equals(scale)) {
        List<Target> both = new Waiting(own, out, progress).prepare(count);
        int many = load(chosen, clients, both);
        return Math.max(many, load(chosen, 1, both));
      }
      SqlStoreConfig shared = own.create("shared");
      List<Target> targets = new ArrayList<>();
      for (int i = 1; i <= servers; i++) {
        targets.add(own.serve(shared, kind.word() + " " + i));
      }
      if (scale == null) {
        return load(chosen, clients, targets);
      }
      out.printf("%s: %d servers on %s, %s%n", scale, servers, kind.word(), own.durability());
      return scale(scale, targets);
    }
  }

  /** One server, or two in turns. */
  private int load(Work chosen, int clients, List<Target> targets) throws InterruptedException {
    Report report = new Report(commandLine().getOut(), json, windows);
    Vertx vertx = Load.eventLoop();
    List<Load> loads = new ArrayList<>();
    try {
      for (Target each : targets) {
        loads.add(new Load(vertx, chosen, each, clients, new CpuMeter(each.pid(), stores)));
      }
      loads.forEach(this::checkReady);
      Load.warmUp(
          vertx, chosen, clients, ofSeconds(Math.min(warmup, OWN_WARMUP_SECONDS)), progress);
      report.begin(chosen);
      return loads.size() == 1 ? measure(loads.getFirst(), report) : compare(loads, report);
    } finally {
      loads.forEach(Load::close);
      vertx.close().await();
    }
  }

  private int scale(String name, List<Target> servers) throws InterruptedException {
    Vertx vertx = Load.eventLoop();
    PrintWriter out = commandLine().getOut();
    try {
      if (name.equals(Scale.DUE)) {
        DueRounds.Rounds rounds = each -> new Scale(vertx, servers, clients, each, out, progress);
        return new DueRounds(rounds, out).run(count, dead, Scale.Dying.of(dying)) ? 0 : 1;
      }
      try (var run = new Scale(vertx, servers, clients, count, out, progress)) {
        return run.run(name) ? 0 : 1;
      }
    } finally {
      vertx.close().await();
    }
  }

  private int measure(Load load, Report report) throws InterruptedException {
    Measurement run = load.run(ofSeconds(warmup), ofSeconds(seconds), progress);
    report.row(run);
    report.end(run);
    return run.failed() ? 1 : 0;
  }

  private int compare(List<Load> loads, Report report) throws InterruptedException {
    List<Comparison.Pair> pairs = new ArrayList<>();
    for (int round = 1; round <= rounds; round++) {
      List<Measurement> turns = new ArrayList<>();
      for (Load load : loads) {
        Duration before = ofSeconds(round == 1 ? warmup : Math.min(settle, warmup));
        Measurement run = load.run(before, ofSeconds(seconds), progress);
        report.row(run);
        turns.add(run);
      }
      pairs.add(new Comparison.Pair(turns.getFirst(), turns.getLast()));
      report.pair(round, pairs.getLast());
    }
    Comparison comparison = new Comparison(pairs);
    report.end(comparison);
    return comparison.failed() ? 1 : 0;
  }

  private List<Target> targets() {
    try {
      if (pair == null) {
        check(target.size() <= 1 || scale != null, "--target", String.join(",", target), "one");
        List<String> addresses = target.isEmpty() ? List.of(DEFAULT_TARGET) : target;
        String name = label == null ? "server" : label;
        return addresses.stream()
            .map(address -> Target.of(address, pid, name, durability))
            .toList();
      }
      check(
          target.isEmpty(),
          "--target",
          String.join(",", target),
          "absent beside --pair, which names both");
      check(pid == 0, "--pid", pid, "absent beside --pair: URL,pid");
      check(label == null, "--label", label, "absent beside --pair: URL,pid,label");
      return List.of(
          Target.parse(pair.getFirst(), "A", durability),
          Target.parse(pair.getLast(), "B", durability));
    } catch (IllegalArgumentException e) {
      throw new ParameterException(
          commandLine(), (pair == null ? "--target: " : "--pair: ") + e.getMessage(), e);
    }
  }

  private List<Target> withGrpc(List<Target> targets) {
    if (grpc.isEmpty()) {
      return targets;
    }
    check(
        grpc.size() == targets.size(), "--grpc", String.join(",", grpc), "one address per server");
    try {
      return IntStream.range(0, targets.size())
          .mapToObj(i -> targets.get(i).withGrpc(grpc.get(i)))
          .toList();
    } catch (IllegalArgumentException e) {
      throw new ParameterException(commandLine(), "--grpc: " + e.getMessage(), e);
    }
  }

  private void checkReady(Load load) {
    try {
      load.checkReady();
    } catch (BenchException e) {
      throw new ParameterException(commandLine(), e.getMessage(), e);
    }
  }

  private void check(boolean holds, String option, @Nullable Object value, String expected) {
    if (!holds) {
      throw wrong(option, value, expected);
    }
  }

  private ParameterException wrong(String option, @Nullable Object value, String expected) {
    return new ParameterException(
        commandLine(), "%s: %s (expected: %s)".formatted(option, value, expected));
  }

  private CommandLine commandLine() {
    return Objects.requireNonNull(spec).commandLine(); // picocli has set it before it calls us
  }

  private static Duration ofSeconds(double seconds) {
    return Duration.ofNanos(Math.round(seconds * 1e9));
  }
}
