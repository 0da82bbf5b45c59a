package io.dtm4j.crash;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.crash.Flood.Shape;
import io.dtm4j.crash.Flood.Told;
import io.dtm4j.crash.ServerProcess.Setup;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Measures what {@link OverloadTest} only looks at: how much is done under too much load, how soon
 * all is well again, and whether slow participants hold up others. By its name only, on a machine
 * that does nothing else.
 */
@DisplayNameGeneration(ReplaceUnderscores.class)
class OverloadBenchmark {
  private static final Duration ENDS_WITHIN = Duration.ofSeconds(30);

  /** A JVM that has just started shows a third of its speed. */
  private static final Duration WARM_UP = Duration.ofSeconds(40);

  private static final Duration SLOWNESS = Duration.ofSeconds(2);

  /** Some 1,000 sagas a second. */
  private static final int MICROS_PER_BATCH = Integer.getInteger("overload.micros", 250);

  private static final double TIMES = 3;
  private static final int OPEN_PASSES = 5_000;
  private static final Duration MEASURED = Duration.ofSeconds(15);

  /** What collections of garbage may cost the slowest of a hundred. */
  private static final double MOST_MILLIS_LATER = 100;

  /** So many the server calls at a time, each for two seconds. */
  private static final double SLOW_PER_SECOND = 1_024 / 2.05;

  /** Of heap, RocksDB and the JVM itself. */
  private static final long MOST_RESIDENT = 700L << 20;

  @TempDir Path folder;
  private final int grpcPort = ServerProcess.freePort();
  private Setup setup;
  private Api api;
  private Flood flood;

  @BeforeEach
  void prepare() {
    setup = Setup.in(folder);
    api = new Api(setup.url());
    flood = new Flood(setup.port(), grpcPort, SLOWNESS);
  }

  @AfterEach
  void close() {
    flood.close();
  }

  @Test
  void at_three_times_its_capacity_it_does_as_much_and_is_well_again_within_five_seconds() {
    try (var _ = setup.withJvm(Flood.slowStore(MICROS_PER_BATCH)).serve(grpc())) {
      flood
          .pour(new Shape("warm", false, true, false), TIMES * peak("cool"), MEASURED)
          .awaitAnswers();
      awaitAllDone();
      double peak = peak("warm-peak");
      double before = freshMillis();

      var memory = new Memory();
      long done = done();
      long began = System.nanoTime();
      Told told = flood.pour(new Shape("flood", false, true, false), TIMES * peak, MEASURED);
      double goodput = (done() - done) / seconds(began);
      long ended = System.nanoTime();
      memory.close();
      Await.until("as fast as before", ENDS_WITHIN, () -> freshMillis() < 2 * before + 20);
      double fastAgain = seconds(ended);
      told.awaitAnswers();
      awaitAllDone();
      double allDone = seconds(ended);

      say("peak, 64 clients         %8.0f/s", peak);
      say(
          "goodput at %.0f/s      %8.0f/s, %.0f %% of peak",
          TIMES * peak, goodput, 100 * goodput / peak);
      told.answers().forEach((what, times) -> say("  %-40s %8d", what, times.get()));
      say(
          "taken: answered after p50 %.0f ms, p99 %.0f ms",
          told.percentile(50), told.percentile(99));
      say("most memory: %s", memory);
      say(
          "fresh transaction as fast as before (%.0f ms) after %.1f s, all done after %.1f s",
          before, fastAgain, allDone);
      assertThat(told.answers().keySet()).isEqualTo(Flood.CLEAR);
      assertThat(goodput).isGreaterThan(0.8 * peak);
      assertThat(fastAgain).isLessThan(5);
      assertThat(allDone).isLessThan(5);
      assertThat(notSucceeded(told.accepted())).isEmpty();
      assertThat(memory.mostResident()).isLessThan(MOST_RESIDENT);
    }
  }

  @Test
  void participants_that_take_two_seconds_hold_up_nobody_else() {
    try (var _ = setup.serve(grpc())) {
      say("peak, 64 clients         %8.0f/s", peak("peak"));
      fillSlowly("warm");
      keepSlow("warm-on", () -> healthy("warm-beside"));
      awaitAllDone();

      Told alone = healthy("alone");
      fillSlowly("filling");
      Told beside = keepSlow("slow", () -> healthy("beside"));
      awaitAllDone();
      Told besideWaiting;
      try (var _ = flood.new Clients(new Shape("waiting", true, false, true), OPEN_PASSES)) {
        Await.until("5,000 are open", ENDS_WITHIN, () -> openPasses() >= OPEN_PASSES - 10);
        besideWaiting = healthy("beside-waiting");
      }

      assertNotHeldUp("nobody waits", alone, beside);
      assertNotHeldUp("5,000 clients wait", alone, besideWaiting);
    }
  }

  /** Lets five thousand wait for slow participants. */
  private void fillSlowly(String name) {
    flood
        .pour(new Shape(name, false, false, true), 2 * SLOW_PER_SECOND, Duration.ofSeconds(10))
        .awaitAnswers();
  }

  /** As many come meanwhile as slow participants do. */
  private Told keepSlow(String name, Supplier<Told> meanwhile) {
    long before = done();
    var pouring =
        CompletableFuture.supplyAsync(
            () -> flood.pour(new Shape(name, false, false, true), SLOW_PER_SECOND, MEASURED));
    Told told = meanwhile.get();
    double open = openPasses();
    say(
        "open passes beside       %8.0f, %d sagas ended meanwhile, healthy ones among them",
        open, done() - before);
    assertThat(open).isGreaterThan(0.9 * OPEN_PASSES);
    pouring.join().awaitAnswers();
    return told;
  }

  private double openPasses() {
    return api.metric("dtm4j_open_passes");
  }

  private static void assertNotHeldUp(String how, Told alone, Told beside) {
    say(
        "%-18s %6d done, p50 %.1f ms, p99 %.1f ms; alone %d, p50 %.1f ms, p99 %.1f ms",
        how,
        beside.accepted().size(),
        beside.percentile(50),
        beside.percentile(99),
        alone.accepted().size(),
        alone.percentile(50),
        alone.percentile(99));
    assertThat(beside.answers().keySet()).containsOnly("HTTP 200");
    assertThat(beside.accepted().size()).isGreaterThan((int) (0.95 * alone.accepted().size()));
    assertThat(beside.percentile(50)).isLessThan(2 * alone.percentile(50));
    assertThat(beside.percentile(99)).isLessThan(alone.percentile(99) + MOST_MILLIS_LATER);
  }

  private String grpc() {
    return "--grpc-port=" + grpcPort;
  }

  private Told healthy(String name) {
    Told told = flood.pour(new Shape(name, true, false, false), 300, MEASURED);
    told.awaitAnswers();
    return told;
  }

  /** Of waited sagas by 64 clients, in a warm JVM. */
  private double peak(String name) {
    try (var clients = flood.new Clients(new Shape(name, true, true, false), 64)) {
      Await.pass(WARM_UP);
      int before = clients.ended();
      long began = System.nanoTime();
      Await.pass(Duration.ofSeconds(10));
      return (clients.ended() - before) / seconds(began);
    }
  }

  private int fresh;

  /** How long one takes from its submit to its end; the median of five. */
  private double freshMillis() {
    List<Double> each = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      Told told = flood.ask(new Shape("fresh-" + fresh++, true, false, false));
      each.add(told.accepted().isEmpty() ? Double.MAX_VALUE : told.percentile(100));
    }
    return each.stream().sorted().toList().get(2);
  }

  private void awaitAllDone() {
    Await.nowAndThenUntil(
        "all is done", ENDS_WITHIN, () -> api.metric("dtm4j_unfinished_transactions") == 0);
  }

  private List<String> notSucceeded(Collection<String> gids) {
    return gids.parallelStream().filter(gid -> !api.status(gid).equals("succeed")).toList();
  }

  /** Sagas that came to a good end, as the server counts them. */
  private long done() {
    return (long) api.metric("dtm_transaction_process_total{model=\"saga\",status=\"ok\"}");
  }

  /** Looks twice a second at the memory of a server and keeps the most. */
  private final class Memory implements AutoCloseable {
    private final ScheduledExecutorService looking = Executors.newSingleThreadScheduledExecutor();
    private final AtomicLong resident = new AtomicLong();
    private final AtomicLong heap = new AtomicLong();
    private final AtomicLong direct = new AtomicLong();
    private final AtomicLong failed = new AtomicLong();

    Memory() {
      var _ = looking.scheduleWithFixedDelay(this::look, 0, 500, TimeUnit.MILLISECONDS);
    }

    private void look() {
      try {
        lookNow();
      } catch (RuntimeException e) { // too busy to tell: the next look may do better
        failed.incrementAndGet();
      }
    }

    private void lookNow() {
      resident.accumulateAndGet((long) api.metric("process_resident_memory_bytes"), Math::max);
      heap.accumulateAndGet((long) api.metric("jvm_memory_used_bytes{area=\"heap\"}"), Math::max);
      direct.accumulateAndGet(
          (long) api.metric("jvm_buffer_pool_used_bytes{pool=\"direct\"}"), Math::max);
    }

    long mostResident() {
      return resident.get();
    }

    @Override
    public void close() {
      looking.close();
    }

    @Override
    public String toString() {
      return "resident %d MB, heap %d MB, direct %d MB, %d looks failed"
          .formatted(resident.get() >> 20, heap.get() >> 20, direct.get() >> 20, failed.get());
    }
  }

  private static double seconds(long since) {
    return (System.nanoTime() - since) / 1e9;
  }

  @SuppressWarnings("AnnotateFormatMethod") // that annotation is not worth a library here
  private static void say(String format, Object... values) {
    System.out.println("overload: " + String.format(Locale.ROOT, format, values));
  }
}
