package io.dtm4j.server;

import java.util.List;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.Option;
import org.jspecify.annotations.Nullable;

/**
 * A word of the command line that says what to do.
 *
 * @param meaning one sentence for the help
 * @param options all but those that every verb has, in the order of the help
 */
record Verb(String name, String meaning, List<Option> options, Action action) {
  /** What it does; returns the exit code of the process. */
  interface Action {
    int run(CommandLine given) throws Exception;
  }

  /**
   * An option.
   *
   * @param letter its short form, or null
   * @param value what stands for its value in the help; null: it takes none
   */
  static Option option(
      @Nullable String letter, String word, @Nullable String value, String meaning) {
    return Option.builder(letter)
        .longOpt(word)
        .hasArg(value != null)
        .argName(value)
        .desc(meaning)
        .get();
  }
}
