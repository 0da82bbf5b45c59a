package io.dtm4j.server;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.dtm4j.server.config.ConfigException;
import io.dtm4j.server.demo.Demo;
import io.dtm4j.server.demo.Train;
import java.io.PrintWriter;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.DefaultParser;
import org.apache.commons.cli.Option;
import org.apache.commons.cli.Options;
import org.apache.commons.cli.ParseException;

/**
 * The command. Ends with 0 when all went well, 1 when something did not, 2 when it could not even
 * start: wrong options, a wrong configuration, a port or a directory that is taken.
 */
public final class Main {
  /** When the process began to run our code, by the monotonic clock. */
  static final long BEGAN = System.nanoTime();

  static final int OK = 0;
  static final int FAILED = 1;
  static final int CANNOT_START = 2;

  private static final Option HELP = Verb.option("h", "help", null, "Print this and exit.");
  private static final Option VERSION =
      Verb.option("V", "version", null, "Print the version and exit.");

  /** What DTM has for it. */
  private static final Option SHORT_VERSION = new Option("v", "As --version.");

  private static final Option KEEP =
      Verb.option(null, "keep", null, "Leave the server running afterwards, until Ctrl-C.");

  private static final Verb DEMO =
      new Verb(
          "demo",
          "See a transfer commit, another one roll back, a third outlive an outage.",
          List.of(KEEP),
          given -> new Demo(given.hasOption(KEEP)).run());

  /** For the launcher only: the help does not list it. */
  private static final Verb TRAIN =
      new Verb("train", "Run some transactions and end.", List.of(), _ -> Train.run());

  private final List<Verb> verbs;
  private final PrintWriter out;
  private final PrintWriter err;

  Main(PrintWriter out, PrintWriter err) {
    this.out = out;
    verbs = List.of(Serve.VERB, Migrate.verb(out), Import.VERB, DEMO);
    this.err = err;
  }

  /** Runs a verb and ends the process. */
  public static void main(String... arguments) {
    var main =
        new Main(
            new PrintWriter(System.out, true, UTF_8), new PrintWriter(System.err, true, UTF_8));
    System.exit(main.run(arguments));
  }

  /** Runs a verb; the exit code of the process. */
  int run(String... arguments) {
    String first = arguments.length == 0 ? "--help" : arguments[0];
    return switch (first) {
      case "-h", "--help" -> explain();
      case "-v", "-V", "--version" -> printVersion();
      default ->
          verb(first)
              .map(verb -> run(verb, List.of(arguments).subList(1, arguments.length)))
              .orElseGet(() -> refuse("unknown verb: " + first, "dtm4j --help"));
    };
  }

  private Optional<Verb> verb(String name) {
    if (name.equals(TRAIN.name())) {
      return Optional.of(TRAIN);
    }
    return verbs.stream().filter(verb -> verb.name().equals(name)).findFirst();
  }

  private int run(Verb verb, List<String> arguments) {
    try {
      CommandLine given = parse(verb, arguments);
      if (given.hasOption(HELP)) {
        return explain(verb);
      }
      if (given.hasOption(VERSION) || given.hasOption(SHORT_VERSION)) {
        return printVersion();
      }
      return verb.action().run(given);
    } catch (ParseException e) {
      return refuse(String.valueOf(e.getMessage()), "dtm4j " + verb.name() + " --help");
    } catch (StartException e) {
      err.println("dtm4j: " + e.getMessage());
      return CANNOT_START;
    } catch (ConfigException e) {
      String separator = e.problems().size() == 1 ? " " : System.lineSeparator() + "  ";
      err.println(
          "dtm4j: the configuration cannot be used:"
              + separator
              + String.join(separator, e.problems()));
      return CANNOT_START;
    } catch (Exception e) {
      e.printStackTrace(err);
      return FAILED;
    }
  }

  private static CommandLine parse(Verb verb, List<String> arguments) throws ParseException {
    CommandLine given =
        DefaultParser.builder()
            .setAllowPartialMatching(false)
            .get()
            .parse(options(verb), arguments.toArray(String[]::new));
    if (!given.getArgList().isEmpty()) {
      throw new ParseException("Unexpected argument: " + given.getArgList().getFirst());
    }
    Set<String> seen = new HashSet<>();
    for (Option option : given.getOptions()) {
      if (option.hasArg() && !seen.add(option.getLongOpt())) {
        throw new ParseException("Given twice: --" + option.getLongOpt());
      }
    }
    return given;
  }

  private static Options options(Verb verb) {
    var options = new Options();
    verb.options().forEach(options::addOption);
    return options.addOption(SHORT_VERSION).addOption(VERSION).addOption(HELP);
  }

  private int refuse(String problem, String help) {
    err.println("dtm4j: " + problem + " (see " + help + ")");
    return CANNOT_START;
  }

  private int printVersion() {
    out.println("dtm4j version: " + Version.TEXT);
    return OK;
  }

  private int explain() {
    out.println("Usage: dtm4j VERB [options]        dtm4j VERB --help tells more");
    out.println();
    out.println(
        "Distributed transactions across services: a server that speaks the protocol of DTM.");
    out.println();
    verbs.forEach(verb -> out.println("  %-7s %s".formatted(verb.name(), verb.meaning())));
    return OK;
  }

  private int explain(Verb verb) {
    out.println("Usage: dtm4j " + verb.name() + " [options]");
    out.println(verb.meaning());
    for (Option option : options(verb).getOptions()) {
      out.println("  %-24s %s".formatted(names(option), option.getDescription()));
    }
    return OK;
  }

  private static String names(Option option) {
    var names = new StringBuilder(option.getOpt() == null ? "    " : "-" + option.getOpt());
    if (option.getLongOpt() != null) {
      names.append(option.getOpt() == null ? "--" : ", --").append(option.getLongOpt());
    }
    if (option.hasArg()) {
      names.append('=').append(option.getArgName());
    }
    return names.toString();
  }
}
