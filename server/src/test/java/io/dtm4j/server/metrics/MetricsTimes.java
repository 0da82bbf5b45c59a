package io.dtm4j.server.metrics;

import com.sun.management.ThreadMXBean;
import io.dtm4j.coordinator.Observer;
import io.dtm4j.model.BranchKey;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.TransType;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.time.Instant;

/**
 * Prints what counting costs, so that a change that makes it slower is seen: each event, all of a
 * saga with two branches, and the page when it is as long as it can be. Run it on an idle machine;
 * a figure is the best of several rounds.
 */
final class MetricsTimes {
  private static final int ROUNDS = 12;
  private static final int TIMES = 1_000_000;
  private static final int PAGES = 200;
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final Instant CREATED = Instant.parse("2026-01-01T00:00:00Z");
  private static final BranchKey FIRST = new BranchKey("01", Op.ACTION);
  private static final BranchKey SECOND = new BranchKey("02", Op.ACTION);
  private static final BranchKey STRANGE = new BranchKey("x", Op.ACTION);

  private static final BranchAnswer SUCCESS = new BranchAnswer.Success();

  /** Keeps the compiler from leaving out what nobody looks at. */
  private static long seen;

  private MetricsTimes() {}

  public static void main(String[] args) throws InterruptedException {
    var metrics = new Metrics("", "");
    Metrics.Api api = metrics.api("http", "submit");
    long start = System.nanoTime();
    seen += metrics.text().length;
    System.out.printf("%-36s %,12d ns%n", "page: the first", System.nanoTime() - start);

    print("request answered", TIMES, i -> api.answered(true, i));
    print("pass ended", TIMES, i -> end(metrics, i));
    print("branch called", TIMES, i -> metrics.branchCalled(TransType.SAGA, FIRST, true));
    print("branch called, strange id", TIMES, i -> call(metrics, STRANGE));
    Observer.Destination bank = metrics.destination("http://bank:80");
    print("call ended", TIMES, i -> bank.called(SUCCESS, false, i));
    print("group committed", TIMES, i -> metrics.committed(64, i));
    Work saga =
        i -> {
          api.answered(true, i);
          call(metrics, FIRST);
          bank.called(SUCCESS, false, i);
          call(metrics, SECOND);
          bank.called(SUCCESS, false, i);
          end(metrics, i);
        };
    print("saga of two branches, all", TIMES, saga);
    var busy = new Thread(() -> runUntilInterrupted(saga));
    busy.start();
    print("the same beside another thread", TIMES, saga);
    busy.interrupt();
    busy.join();

    print("page: usual, %,d bytes".formatted(metrics.text().length), PAGES, _ -> page(metrics));
    for (TransType type : TransType.values()) {
      for (int id = 0; id < BranchCounts.MAX_KEYS; id++) {
        metrics.branchCalled(type, new BranchKey(Integer.toString(id), Op.ACTION), true);
      }
    }
    for (int i = 0; i < DestinationCounts.MAX; i++) {
      metrics.destination("http://service-" + i + ".internal:8080");
    }
    print("page: longest, %,d bytes".formatted(metrics.text().length), PAGES, _ -> page(metrics));
    System.out.println("(" + seen + ")");
  }

  private static void call(Metrics metrics, BranchKey branch) {
    metrics.branchCalled(TransType.SAGA, branch, true);
  }

  private static void end(Metrics metrics, int i) {
    metrics.passEnded(TransType.SAGA, true, Duration.between(CREATED, CREATED.plusNanos(i)));
  }

  private static void runUntilInterrupted(Work work) {
    for (int i = 0; !Thread.currentThread().isInterrupted(); i++) {
      work.run(i);
    }
  }

  private static void page(Metrics metrics) {
    seen += metrics.text().length;
  }

  private interface Work {
    void run(int i);
  }

  private static void print(String what, int times, Work work) {
    long best = Long.MAX_VALUE;
    long bytes = 0;
    for (int round = 0; round < ROUNDS; round++) {
      long bytesBefore = THREADS.getCurrentThreadAllocatedBytes();
      long start = System.nanoTime();
      for (int i = 0; i < times; i++) {
        work.run(i);
      }
      best = Math.min(best, System.nanoTime() - start);
      bytes = THREADS.getCurrentThreadAllocatedBytes() - bytesBefore;
    }
    System.out.printf("%-36s %,12.0f ns %,10d bytes%n", what, (double) best / times, bytes / times);
  }
}
