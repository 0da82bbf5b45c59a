package io.dtm4j.server.demo;

import static java.util.Objects.requireNonNullElse;

import java.io.Console;
import java.io.PrintStream;

/** Prints the demo, at most 80 columns wide; in colours on a terminal only. Thread-safe. */
final class Screen {
  private static final double NANOS = 1e9;

  private static final String BOLD = "\033[1m";
  private static final String RED = "\033[31m";
  private static final String GREEN = "\033[32m";
  private static final String YELLOW = "\033[33m";
  private static final String PLAIN = "\033[0m";
  private static final boolean COLOURS = wantsColours();

  private final PrintStream out;
  private long chapterBegan = System.nanoTime();

  Screen(PrintStream out) {
    this.out = out;
  }

  synchronized void say(String line) {
    out.println(line);
  }

  void title(String line) {
    styled(BOLD, line);
    say("");
  }

  /** Begins a part of the story; its events show the time since here. */
  synchronized void chapter(String line) {
    chapterBegan = System.nanoTime();
    say("");
    styled(BOLD, line);
  }

  void visit(Bank.Visit visit) {
    String words =
        switch (visit.outcome()) {
          case DONE -> colour(GREEN, visit.words());
          case REFUSED -> colour(RED, visit.words());
          case NO_ANSWER -> colour(YELLOW, visit.words());
        };
    event(visit.bank(), "%-10s  %-24s  %s".formatted(visit.op(), visit.wish(), words));
  }

  synchronized void event(String bank, String words) {
    say("  %4.1f s  %s  %s".formatted((System.nanoTime() - chapterBegan) / NANOS, bank, words));
  }

  void good(String line) {
    styled(BOLD + GREEN, line);
  }

  void bad(String line) {
    styled(BOLD + RED, line);
  }

  private void styled(String style, String line) {
    say(colour(style, line));
  }

  private static String colour(String style, String text) {
    return COLOURS ? style + text + PLAIN : text;
  }

  /** Not where the output goes to a file, nor for somebody who wants none (no-color.org). */
  @SuppressWarnings("SystemConsoleNull") // JDK 25 is back to null where there is no terminal
  private static boolean wantsColours() {
    Console console = System.console();
    return console != null
        && console.isTerminal()
        && requireNonNullElse(System.getenv("NO_COLOR"), "").isEmpty();
  }
}
