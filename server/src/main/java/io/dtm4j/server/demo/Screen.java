package io.dtm4j.server.demo;

import java.io.PrintStream;
import picocli.CommandLine.Help.Ansi;

/** Prints the demo, at most 80 columns wide; in colours on a terminal only. Thread-safe. */
final class Screen {
  private static final double NANOS = 1e9;

  private final PrintStream out;
  private long chapterBegan = System.nanoTime();

  Screen(PrintStream out) {
    this.out = out;
  }

  synchronized void say(String line) {
    out.println(line);
  }

  void title(String line) {
    styled("bold", line);
    say("");
  }

  /** Begins a part of the story; its events show the time since here. */
  synchronized void chapter(String line) {
    chapterBegan = System.nanoTime();
    say("");
    styled("bold", line);
  }

  void visit(Bank.Visit visit) {
    String words =
        switch (visit.outcome()) {
          case DONE -> colour("green", visit.words());
          case REFUSED -> colour("red", visit.words());
          case NO_ANSWER -> colour("yellow", visit.words());
        };
    event(visit.bank(), "%-10s  %-24s  %s".formatted(visit.op(), visit.wish(), words));
  }

  synchronized void event(String bank, String words) {
    say("  %4.1f s  %s  %s".formatted((System.nanoTime() - chapterBegan) / NANOS, bank, words));
  }

  void good(String line) {
    styled("bold,green", line);
  }

  void bad(String line) {
    styled("bold,red", line);
  }

  private void styled(String style, String line) {
    say(colour(style, line));
  }

  private static String colour(String style, String text) {
    // The text is put in afterwards: it may hold what picocli reads as markup.
    return Ansi.AUTO.string("@|" + style + " %s|@").formatted(text);
  }
}
