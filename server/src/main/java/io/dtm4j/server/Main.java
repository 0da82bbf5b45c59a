package io.dtm4j.server;

import static java.util.Objects.requireNonNull;

import io.dtm4j.server.config.ConfigException;
import io.dtm4j.server.demo.Demo;
import io.dtm4j.server.demo.Train;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;

/**
 * The command. Ends with 0 when all went well, 1 when something did not, 2 when it could not even
 * start: wrong options, a wrong configuration, a port or a directory that is taken.
 */
@Command(
    name = "dtm4j",
    description =
        "Distributed transactions across services: a server that speaks the protocol of DTM.",
    subcommands = {Serve.class, Demo.class, Train.class},
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    synopsisSubcommandLabel = "VERB")
public final class Main implements Callable<Integer> {
  /** When the process began to run our code, by the monotonic clock. */
  static final long BEGAN = System.nanoTime();

  static final int OK = 0;
  static final int CANNOT_START = 2;

  @Spec private @Nullable CommandSpec spec;

  private Main() {}

  /** Runs a verb and ends the process. */
  public static void main(String... arguments) {
    System.exit(command().execute(arguments));
  }

  static CommandLine command() {
    return new CommandLine(new Main()).setExecutionExceptionHandler(Main::explain);
  }

  /** Without a verb. */
  @Override
  public Integer call() {
    CommandLine commandLine = requireNonNull(spec).commandLine();
    commandLine.usage(commandLine.getOut());
    return OK;
  }

  private static int explain(Exception e, CommandLine commandLine, ParseResult result)
      throws Exception {
    PrintWriter err = commandLine.getErr();
    switch (e) {
      case StartException s -> err.println("dtm4j: " + s.getMessage());
      case ConfigException c -> {
        String separator = c.problems().size() == 1 ? " " : System.lineSeparator() + "  ";
        err.println(
            "dtm4j: the configuration cannot be used:"
                + separator
                + String.join(separator, c.problems()));
      }
      default -> throw e;
    }
    return CANNOT_START;
  }
}
