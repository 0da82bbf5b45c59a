package io.dtm4j.store.rocksdb;

import com.sun.management.OperatingSystemMXBean;
import io.dtm4j.model.Batch;
import io.dtm4j.store.CommitResult;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;

/**
 * What the store costs: the three commits of two-step sagas, in groups of 37 batches of as many
 * sagas, for 60 s, so that flushes, compactions and whatever grows are in the figures. Once a
 * second it looks for what is due, as a server does. Prints each window of 5 s; throughput must not
 * fall. Arguments: the directory (made and deleted), the seconds, the size of a group, whether it
 * syncs.
 */
final class LifeCycleBenchmark {
  private static final Duration WINDOW = Duration.ofSeconds(5);
  private static final int BATCHES_OF_SAGA = 3;

  private final RocksDbStore store;
  private final List<String> gids = new ArrayList<>();
  private final int[] next;
  private final int[] skip;
  private final SplittableRandom random = new SplittableRandom(7);
  private long nextLook;

  private LifeCycleBenchmark(RocksDbStore store, int groupSize) {
    this.store = store;
    next = new int[groupSize];
    skip = new int[groupSize];
    for (int i = 0; i < groupSize; i++) {
      skip[i] = i % BATCHES_OF_SAGA; // so that a group has batches of each kind
      gids.add(gid());
    }
  }

  public static void main(String[] arguments) throws IOException {
    Path directory =
        arguments.length > 0 ? Path.of(arguments[0]) : Files.createTempDirectory("dtm4j-bench");
    int seconds = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 60;
    int groupSize = arguments.length > 2 ? Integer.parseInt(arguments[2]) : 37;
    boolean sync = arguments.length <= 3 || Boolean.parseBoolean(arguments[3]);
    try (var store = RocksDbStore.open(new RocksDbConfig(directory, sync))) {
      new LifeCycleBenchmark(store, groupSize).run(Duration.ofSeconds(seconds));
    }
    RocksDbStore.reset(directory);
  }

  private void run(Duration time) throws IOException {
    var os = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    var threads = ManagementFactory.getThreadMXBean();
    print(
        "seconds   groups/s  batches/s  lane us/batch  process us/batch  commit us  look us  MB"
            + " resident");
    for (long window = 1; window * WINDOW.toNanos() <= time.toNanos(); window++) {
      long begin = System.nanoTime();
      long cpu = os.getProcessCpuTime();
      long laneCpu = 0;
      long commitNanos = 0;
      long lookNanos = 0;
      long groups = 0;
      while (System.nanoTime() - begin < WINDOW.toNanos()) {
        List<Batch> group = group();
        long laneBegin = threads.getCurrentThreadCpuTime();
        long commitBegin = System.nanoTime();
        List<CommitResult> results = store.commit(group);
        commitNanos += System.nanoTime() - commitBegin;
        laneCpu += threads.getCurrentThreadCpuTime() - laneBegin;
        check(results);
        groups++;
        lookNanos += look();
      }
      double wall = (System.nanoTime() - begin) / 1e9;
      double batches = groups * (double) next.length;
      print(
          String.format(
              Locale.ROOT,
              "%7d %10.0f %10.0f %14.2f %17.2f %10.0f %8.0f %12d",
              window * WINDOW.toSeconds(),
              groups / wall,
              batches / wall,
              laneCpu / 1e3 / batches,
              (os.getProcessCpuTime() - cpu) / 1e3 / batches,
              commitNanos / 1e3 / groups,
              lookNanos / 1e3 / wall,
              residentMegabytes()));
    }
  }

  /** The next batch of each saga; those that are over give way to new ones. */
  private List<Batch> group() {
    Instant now = store.storeTime();
    var group = new ArrayList<Batch>(next.length);
    for (int i = 0; i < next.length; i++) {
      if (skip[i] > 0) {
        skip[i]--;
        continue;
      }
      group.add(Sagas.batch(gids.get(i), next[i], now));
      if (++next[i] == BATCHES_OF_SAGA) {
        next[i] = 0;
        gids.set(i, gid());
      }
    }
    return group;
  }

  private String gid() {
    return Long.toString(random.nextLong() >>> 1, 36) + Long.toString(random.nextLong() >>> 20, 36);
  }

  /** What a server does each second, and how long it took. */
  private long look() {
    long begin = System.nanoTime();
    if (begin < nextLook) {
      return 0;
    }
    nextLook = begin + Duration.ofSeconds(1).toNanos();
    Instant now = store.storeTime();
    store.dueBefore(now.plusSeconds(5), null, 1_000);
    store.claimDue(Duration.ofSeconds(10), gid -> Sagas.owner("none " + gid, 0), 100);
    return System.nanoTime() - begin;
  }

  private static long residentMegabytes() throws IOException {
    String pages = Files.readString(Path.of("/proc/self/statm")).split(" ", -1)[1];
    return (Long.parseLong(pages) * 4_096) >> 20;
  }

  private static void check(List<CommitResult> results) {
    for (CommitResult result : results) {
      if (!(result instanceof CommitResult.Committed)) {
        throw new IllegalStateException(result + " (expected: committed)");
      }
    }
  }

  @SuppressWarnings("SystemOut") // its purpose
  private static void print(String line) {
    System.out.println(line);
  }
}
