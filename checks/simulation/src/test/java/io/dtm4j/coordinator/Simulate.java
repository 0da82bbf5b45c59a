package io.dtm4j.coordinator;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code ./dtm4j simulate}. */
@Command(
    name = "./dtm4j simulate",
    mixinStandardHelpOptions = true,
    description =
        "Runs servers, clients and participants through storms in virtual time, each seed twice,"
            + " and checks after every event what must hold. Ends with 1 at the first violation,"
            + " after leaving out of its run what need not go wrong.")
public final class Simulate implements Callable<Integer> {
  private static final Duration TELL_EVERY = Duration.ofSeconds(5);
  private static final int BAR = 30;
  private static final long SEEDS = 2_000;

  @Option(
      names = "--seeds",
      description = "how many seeds (default: " + SEEDS + ", with --seed: only that one)")
  private @Nullable Long seeds;

  @Option(names = "--seed", description = "the first of them (default: 1)")
  private @Nullable Long seed;

  @Option(
      names = "--store",
      description =
          "memory, sql, tidb, redis or mongodb: how its writes take effect (default: each seed decides)")
  private @Nullable StoreKind kind;

  private Simulate() {}

  /** Ends the process. */
  public static void main(String[] args) {
    ((Logger) LoggerFactory.getLogger("io.dtm4j"))
        .setLevel(Level.toLevel(System.getProperty("simulation.log"), Level.OFF));
    System.exit(
        new CommandLine(new Simulate()).setCaseInsensitiveEnumValuesAllowed(true).execute(args));
  }

  @Override
  public Integer call() {
    long from = seed == null ? 1 : seed;
    long count = seeds != null ? seeds : seed == null ? SEEDS : 1;
    if (count < 1) {
      throw new CommandLine.ParameterException(
          new CommandLine(this), "--seeds: " + count + " (expected: at least 1)");
    }
    if (from > Long.MAX_VALUE - count) {
      throw new CommandLine.ParameterException(
          new CommandLine(this), "--seed: " + from + " (there are no " + count + " from there on)");
    }
    long began = System.nanoTime();
    var toldAt = new AtomicLong(began);
    String report = Seeds.run(from, count, kind, done -> tell(done, count, began, toldAt));
    if (report != null) {
      System.out.println(report);
      return 1;
    }
    System.out.printf(
        "%,d seeds from %d, each twice, in %d s: 0 violations%n",
        count, from, Duration.ofNanos(System.nanoTime() - began).toSeconds());
    return 0;
  }

  private static void tell(long done, long count, long began, AtomicLong toldAt) {
    long now = System.nanoTime();
    long last = toldAt.get();
    if (now - last >= TELL_EVERY.toNanos() && toldAt.compareAndSet(last, now)) {
      int full = (int) (BAR * done / count);
      System.out.printf(
          "[%s%s] %,d of %,d seeds, %d a second%n",
          "=".repeat(full),
          " ".repeat(BAR - full),
          done,
          count,
          done * 1_000_000_000L / (now - began));
    }
  }
}
