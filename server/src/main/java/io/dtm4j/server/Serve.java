package io.dtm4j.server;

import io.dtm4j.server.config.ConfigParser;
import io.dtm4j.server.config.LoadedConfig;
import io.dtm4j.server.config.ServerConfig;
import io.dtm4j.server.config.ServerConfig.Listen;
import io.dtm4j.server.tracing.Tracing;
import java.io.Console;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.TimeZone;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Starts the server and stays until a signal comes. */
@Command(
    name = "serve",
    description = "Start the server; SIGTERM or Ctrl-C stops it in good order.",
    versionProvider = Version.class,
    sortOptions = false)
final class Serve implements Callable<Integer> {
  private static final Logger log = LoggerFactory.getLogger(Serve.class);
  private static final Path BOLT_FILE = Path.of("dtm.bolt");

  @Option(
      names = {"-c", "--config"},
      paramLabel = "FILE",
      description = "Configuration file; conf.sample.yml documents it.")
  private @Nullable Path config;

  @Option(names = "--http-port", paramLabel = "PORT", description = "Instead of HttpPort.")
  private @Nullable String httpPort;

  @Option(names = "--grpc-port", paramLabel = "PORT", description = "Instead of GrpcPort.")
  private @Nullable String grpcPort;

  @Option(names = "--data-dir", paramLabel = "DIR", description = "Instead of Store.Dir.")
  private @Nullable String dataDirectory;

  @Option(names = "--bind", paramLabel = "ADDRESS", description = "Instead of BindAddress.")
  private @Nullable String bindAddress;

  @Option(
      names = {"-d", "--debug"},
      description = "Log what happens to each transaction.")
  private boolean debug;

  @Option(
      names = {"-r", "--reset"},
      description = "Delete ALL transactions of the store first.")
  private boolean reset;

  @Option(names = "--yes", description = "Do not ask before --reset.")
  private boolean yes;

  @Option(
      names = "--ignore-bolt-file",
      description = "Start although the data of a DTM server is here.")
  private boolean ignoreBoltFile;

  @SuppressWarnings("UnusedVariable") // picocli prints and ends; -v is what DTM has
  @Option(
      names = {"-v", "-V", "--version"},
      versionHelp = true,
      description = "Print the version and exit.")
  private boolean version;

  @SuppressWarnings("UnusedVariable") // picocli prints and ends
  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Print this and exit.")
  private boolean help;

  @Override
  public Integer call() throws InterruptedException {
    LoadedConfig loaded = ConfigParser.load(config, options(), System.getenv());
    ServerConfig config = loaded.config();
    if (!ignoreBoltFile) {
      refuseBoltFile();
    }
    // Before anything is logged: docs/spec/config.md 6.
    TimeZone.setDefault(TimeZone.getTimeZone(config.zone()));
    Logging.start(config.log());
    try {
      log.atInfo().addKeyValue("version", Version.TEXT).log("dtm4j starts");
      loaded.warnings().forEach(log::warn);
      loaded.given().forEach(setting -> log.info("configured: {}", setting));
      if (reset) {
        reset(config);
      }
      Tracing tracing = Tracing.of(System.getenv(), Version.TEXT);
      if (tracing.isOn()) {
        log.info("traces are on, as OTEL_... says");
      }
      DtmServer server = DtmServer.start(config, tracing);
      server.closeAtExit();
      log.atInfo()
          .addKeyValue("version", Version.TEXT)
          .addKeyValue("store", server.store())
          .addKeyValue("http", server.httpUrl())
          .addKeyValue("grpc", server.grpcTarget())
          .addKeyValue("millis", Duration.ofNanos(System.nanoTime() - Main.BEGAN).toMillis())
          .log("dtm4j serves");
      if (config.listen().bindAddress().equals(Listen.ALL_INTERFACES)) {
        log.warn(
            "anybody who reaches this machine may use the server: it listens on all interfaces and"
                + " knows no authentication yet (BindAddress: 127.0.0.1 keeps it to this machine)");
      }
      new CountDownLatch(1).await(); // until a signal ends the process
      return Main.OK;
    } finally {
      Logging.stop();
    }
  }

  private Map<String, String> options() {
    var options = new HashMap<String, String>();
    put(options, "HttpPort", httpPort);
    put(options, "GrpcPort", grpcPort);
    put(options, "Store.Dir", dataDirectory);
    put(options, "BindAddress", bindAddress);
    put(options, "LogLevel", debug ? "debug" : null);
    return options;
  }

  private static void put(Map<String, String> options, String key, @Nullable String value) {
    if (value != null) {
      options.put(key, value);
    }
  }

  /** Its open transactions must not be forgotten without a word. */
  private static void refuseBoltFile() {
    if (Files.exists(BOLT_FILE)) {
      throw new StartException(
          BOLT_FILE.toAbsolutePath()
              + " holds the transactions of a DTM server, which dtm4j does not read. Let that"
              + " server finish what is open, then move the file away; or leave them with"
              + " --ignore-bolt-file",
          null);
    }
  }

  @SuppressWarnings("SystemConsoleNull") // JDK 25 is back to null where there is no terminal
  private void reset(ServerConfig config) {
    if (!yes) {
      Console console = System.console();
      if (console == null || !console.isTerminal()) {
        throw new StartException(
            "--reset deletes all transactions: without a terminal to ask on it needs --yes", null);
      }
      String answer = console.readLine("Delete all transactions in %s? Type yes: ", config.store());
      if (!"yes".equals(answer)) {
        throw new StartException("nothing was deleted", null);
      }
    }
    boolean deleted = DtmServer.reset(config.store());
    log.atWarn()
        .addKeyValue("store", config.store())
        .log(deleted ? "all transactions were deleted" : "there was nothing to delete");
  }
}
