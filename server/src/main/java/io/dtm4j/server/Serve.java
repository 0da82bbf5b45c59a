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
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TimeZone;
import java.util.concurrent.CountDownLatch;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.Option;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Starts the server and stays until a signal comes. */
final class Serve {
  private static final Logger log = LoggerFactory.getLogger(Serve.class);
  private static final Path BOLT_FILE = Path.of("dtm.bolt");

  private static final Option CONFIG =
      Verb.option("c", "config", "FILE", "Configuration file; conf.sample.yml documents it.");
  private static final Option DEBUG =
      Verb.option("d", "debug", null, "Log what happens to each transaction.");
  private static final Option RESET =
      Verb.option("r", "reset", null, "Delete ALL transactions of the store first.");
  private static final Option YES = Verb.option(null, "yes", null, "Do not ask before --reset.");
  private static final Option IGNORE_BOLT_FILE =
      Verb.option(
          null, "ignore-bolt-file", null, "Start although the data of a DTM server is here.");

  /** Options that stand for a key of the configuration. */
  private static final Map<Option, String> SETTINGS = settings();

  static final Verb VERB =
      new Verb(
          "serve",
          "Start the server; SIGTERM or Ctrl-C stops it in good order.",
          options(),
          given -> new Serve(given).run());

  private final CommandLine given;

  private Serve(CommandLine given) {
    this.given = given;
  }

  private static Map<Option, String> settings() {
    Map<Option, String> keys = new LinkedHashMap<>();
    keys.put(Verb.option(null, "http-port", "PORT", "Instead of HttpPort."), "HttpPort");
    keys.put(Verb.option(null, "grpc-port", "PORT", "Instead of GrpcPort."), "GrpcPort");
    keys.put(Verb.option(null, "data-dir", "DIR", "Instead of Store.Dir."), "Store.Dir");
    keys.put(Verb.option(null, "bind", "ADDRESS", "Instead of BindAddress."), "BindAddress");
    return keys;
  }

  private static List<Option> options() {
    List<Option> all = new ArrayList<>();
    all.add(CONFIG);
    all.addAll(SETTINGS.keySet());
    all.addAll(List.of(DEBUG, RESET, YES, IGNORE_BOLT_FILE));
    return all;
  }

  private int run() throws InterruptedException {
    String file = given.getOptionValue(CONFIG);
    LoadedConfig loaded =
        ConfigParser.load(file == null ? null : Path.of(file), settingsGiven(), System.getenv());
    ServerConfig config = loaded.config();
    if (!given.hasOption(IGNORE_BOLT_FILE)) {
      refuseBoltFile();
    }
    // Before anything is logged: docs/spec/config.md 6.
    TimeZone.setDefault(TimeZone.getTimeZone(config.zone()));
    Logging.start(config.log());
    try {
      log.atInfo().addKeyValue("version", Version.TEXT).log("dtm4j starts");
      loaded.warnings().forEach(log::warn);
      loaded.given().forEach(setting -> log.info("configured: {}", setting));
      if (given.hasOption(RESET)) {
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

  private Map<String, String> settingsGiven() {
    var settings = new HashMap<String, String>();
    SETTINGS.forEach(
        (option, key) -> {
          if (given.hasOption(option)) {
            settings.put(key, given.getOptionValue(option));
          }
        });
    if (given.hasOption(DEBUG)) {
      settings.put("LogLevel", "debug");
    }
    return settings;
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
    if (!given.hasOption(YES)) {
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
