package io.dtm4j.store.rocksdb;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.TransType;
import io.dtm4j.store.Filter;
import io.dtm4j.store.Listed;
import io.dtm4j.store.Page;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What lists cost when there are many transactions: first a million finished sagas of which a few
 * failed long ago, then as many that wait. Prints how long the first page takes for each filter
 * (right after the opening, and again), an opening, and a way of the retention through all.
 * Arguments: the directory (made and deleted), how many.
 */
final class ListBenchmark {
  private static final Duration TICK = Duration.ofMillis(1);
  private static final int GROUP = 500;
  private static final int BATCHES_OF_SAGA = 3;
  private static final int LIMIT = 100;

  private final Path directory;
  private final int count;
  private final Instant start = Instant.parse("2026-01-01T00:00:00Z");
  private RocksDbStore store;

  private ListBenchmark(Path directory, int count) {
    this.directory = directory;
    this.count = count;
    store = open();
  }

  private RocksDbStore open() {
    return RocksDbStore.open(new RocksDbConfig(directory, false));
  }

  public static void main(String[] arguments) throws IOException {
    Path directory =
        arguments.length > 0 ? Path.of(arguments[0]) : Files.createTempDirectory("dtm4j-bench");
    int count = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 1_000_000;
    new ListBenchmark(directory, count).run();
    RocksDbStore.reset(directory);
  }

  private void run() {
    time("store " + count + " finished", () -> finished());
    reopen();
    lists("finished");
    time("store " + count + " that wait", () -> waiting());
    reopen();
    lists("finished and waiting");
    time("reset 10000", () -> store.resetDue(Duration.ofSeconds(100), Page.MAX_LIMIT));
    time("count", () -> store.counts());
    retention();
    lists("waiting");
    store.close();
  }

  private void reopen() {
    store.close();
    time("open", () -> store = open());
    Runtime.getRuntime().gc();
    long used = Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    store.dueBefore(store.storeTime(), null, 1); // as a server does each second
    print(String.format(Locale.ROOT, "%-50s %10d MB", "heap after the opening", used >> 20));
  }

  /** Every thousandth of the first tenth fails. */
  private void finished() {
    for (int i = 0; i < count; i += GROUP) {
      for (int number = 0; number < BATCHES_OF_SAGA; number++) {
        var group = new ArrayList<Batch>();
        for (int j = i; j < i + GROUP; j++) {
          boolean fails = number == BATCHES_OF_SAGA - 1 && j % 1_000 == 7 && j < count / 10;
          Instant at = start.plus(TICK.multipliedBy(j));
          group.add(fails ? failing("f" + j, at) : Sagas.batch("f" + j, number, at));
        }
        store.commit(group);
      }
    }
  }

  private static Batch failing(String gid, Instant at) {
    return new Batch(
        new Gid(gid),
        new Guard.HeldBy(GlobalStatus.SUBMITTED, Sagas.owner(gid, 1)),
        Sagas.owner(gid, 2),
        List.of(new Write.SetStatus(GlobalStatus.FAILED, "no", null, at)));
  }

  private void waiting() {
    Instant due = Instant.parse("2100-01-01T00:00:00Z");
    for (int i = 0; i < count; i += GROUP) {
      for (int number = 0; number < 2; number++) {
        var group = new ArrayList<Batch>();
        for (int j = i; j < i + GROUP; j++) {
          String gid = "w" + j;
          Instant at = start.plus(TICK.multipliedBy(count + j));
          group.add(
              number == 0
                  ? Sagas.batch(gid, 0, at)
                  : new Batch(
                      new Gid(gid),
                      new Guard.HeldBy(GlobalStatus.SUBMITTED, Sagas.owner(gid, 0)),
                      Sagas.owner(gid, 1).marked(Owner.Mark.RESTING),
                      List.of(
                          new Write.SetSchedule(
                              new Schedule(Duration.ofSeconds(10), due.plusMillis(j)), at))));
        }
        store.commit(group);
      }
    }
  }

  private void lists(String what) {
    print("-- first page of " + LIMIT + ", " + what);
    Instant middle = start.plus(TICK.multipliedBy(count / 2));
    list("all", null, null, null, null);
    for (GlobalStatus status : GlobalStatus.values()) {
      list(status.wireName(), status, null, null, null);
    }
    for (TransType type : TransType.values()) {
      list(type.wireName(), null, type, null, null);
    }
    list("created before the middle", null, null, null, middle);
    list("created after the middle", null, null, middle, null);
    list("created in one second", null, null, middle, middle.plusSeconds(1));
    list("created before all", null, null, null, start.minusSeconds(1));
    list("failed in the newer half", GlobalStatus.FAILED, null, middle, null);
    list("failed tcc", GlobalStatus.FAILED, TransType.TCC, null, null);
    list("failed saga", GlobalStatus.FAILED, TransType.SAGA, null, null);
    list("succeeded xa", GlobalStatus.SUCCEED, TransType.XA, null, null);
  }

  private void list(
      String name,
      @Nullable GlobalStatus status,
      @Nullable TransType type,
      @Nullable Instant from,
      @Nullable Instant to) {
    var filter = new Filter(status, type, from, to);
    long begin = System.nanoTime();
    Page<Listed> page = store.list(filter, "", LIMIT);
    long first = System.nanoTime() - begin;
    begin = System.nanoTime();
    store.list(filter, "", LIMIT);
    print(
        String.format(
            Locale.ROOT,
            "%-50s %10.1f ms, again %.1f, %d items%s",
            name,
            first / 1e6,
            (System.nanoTime() - begin) / 1e6,
            page.items().size(),
            page.next().isEmpty() ? "" : ", more"));
  }

  private void retention() {
    Instant time = start.plus(TICK.multipliedBy(count));
    for (int sweep = 0; sweep < 2; sweep++) {
      String cursor = "";
      long steps = 0;
      long deleted = 0;
      long longest = 0;
      long begin = System.nanoTime();
      do {
        Page<Gid> page = store.endedBefore(time, cursor, 200);
        long stepBegin = System.nanoTime();
        deleted += store.delete(page.items(), time);
        longest = Math.max(longest, System.nanoTime() - stepBegin);
        steps++;
        cursor = page.next();
      } while (!cursor.isEmpty());
      print(
          String.format(
              Locale.ROOT,
              "%-50s %10.1f ms, %d steps, longest of the lane %.1f ms, %d deleted",
              "retention",
              (System.nanoTime() - begin) / 1e6,
              steps,
              longest / 1e6,
              deleted));
    }
  }

  private static void time(String what, Runnable work) {
    long begin = System.nanoTime();
    work.run();
    print(String.format(Locale.ROOT, "%-50s %10.1f ms", what, (System.nanoTime() - begin) / 1e6));
  }

  @SuppressWarnings("SystemOut") // its purpose
  private static void print(String line) {
    System.out.println(line);
  }
}
