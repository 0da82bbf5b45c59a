package io.dtm4j.server;

import io.dtm4j.server.config.ConfigParser;
import io.dtm4j.server.config.LoadedConfig;
import io.dtm4j.server.config.StoreConfig;
import io.dtm4j.store.OutcomeUnknownException;
import io.dtm4j.store.StoreUnavailableException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.Option;

/** Takes over the unfinished work of a DTM in Go whose data lies in another form. */
final class Import {
  private static final Option CONFIG =
      Verb.option("c", "config", "FILE", "Configuration file; its Store is the Redis of both.");
  private static final Option REDIS =
      Verb.option(null, "redis", null, "From the keys of a DTM in the same Redis.");

  private static final Option FROM_PREFIX =
      Verb.option(
          null,
          "from-prefix",
          "PREFIX",
          "Its RedisPrefix, if that is not Store.RedisPrefix of the file: '{b}'.");

  static final Verb VERB =
      new Verb(
          "import",
          "Take over the unfinished work of a DTM in Go, which must not run any more.",
          List.of(CONFIG, REDIS, FROM_PREFIX),
          Import::run);

  private Import() {}

  private static int run(CommandLine given) {
    if (!given.hasOption(REDIS)) {
      throw new StartException(
          "import needs --redis: other data of DTM is adopted where it lies, or has to be finished"
              + " by the old server (docs/stores.md)",
          null);
    }
    String file = given.getOptionValue(CONFIG);
    LoadedConfig loaded =
        ConfigParser.load(file == null ? null : Path.of(file), Map.of(), System.getenv());
    if (!(loaded.config().store() instanceof StoreConfig.Redis redis)) {
      throw new StartException(
          "import --redis: Store.Driver is %s (expected: redis)"
              .formatted(loaded.config().store().driver()),
          null);
    }
    Logging.start(loaded.config().log());
    try {
      boolean isComplete = Stores.importGo(redis, given.getOptionValue(FROM_PREFIX));
      return isComplete ? Main.OK : Main.FAILED;
    } catch (StoreUnavailableException | OutcomeUnknownException e) {
      throw new StartException(e.getMessage() + "; it may be repeated", e);
    } finally {
      Logging.stop();
    }
  }
}
