package io.dtm4j.bench;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.sql.SqlStore;
import io.dtm4j.store.sql.SqlStoreConfig;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A shared store with very many transactions that wait, beside an empty one in the same database
 * server. Both have a server of dtm4j that can be measured in turns; before that, the claims of
 * both are timed. What is stored are copies of what a server has stored itself, committed in large
 * groups by the store, the gids random. Its methods block.
 */
final class Waiting {
  static final String NAME = "waiting";

  private static final int GROUP = 500;
  private static final int DUE = 100;

  /** The page that a server claims. */
  private static final int PAGE = 256;

  private static final int CLAIMS = 200;
  private static final int WARM_UP = 100;
  private static final Duration LEASE = Duration.ofSeconds(10);
  private static final Duration TEMPLATE_WITHIN = Duration.ofSeconds(10);
  private static final int OK = 200;
  private static final double NANOS_PER_MILLI = 1e6;
  private static final int PERCENT = 100;

  private static final String MESSAGE =
      """
      {"gid":"bench-message","trans_type":"msg","custom_data":"{\\"delay\\":86400}",\
      "steps":[{"action":"http://127.0.0.1:1/in"}],"payloads":["{\\"amount\\":30}"]}""";

  /** Nobody listens there: it comes to rest. */
  private static final String SAGA =
      """
      {"gid":"bench-saga","trans_type":"saga","retry_interval":100000,"steps":[\
      {"action":"http://127.0.0.1:1/out","compensate":"http://127.0.0.1:1/outback"},\
      {"action":"http://127.0.0.1:1/in","compensate":"http://127.0.0.1:1/inback"}],\
      "payloads":["{\\"amount\\":30}","{\\"amount\\":30}"]}""";

  private final OwnServers servers;
  private final PrintWriter out;
  private final Progress progress;
  private final SqlStoreConfig crowded;
  private final SqlStoreConfig empty;
  private final AtomicLong claims = new AtomicLong();
  private final String process = Gid.random().value().substring(0, 16);

  /** Of these all others are copies. */
  private record Templates(Stored message, Stored saga) {}

  Waiting(OwnServers servers, PrintWriter out, Progress progress) {
    this.servers = servers;
    this.out = out;
    this.progress = progress;
    crowded = servers.create("crowded");
    empty = servers.create("empty");
  }

  /** Fills the one store, times the claims of both, and starts a server on each. */
  List<Target> prepare(int count) throws InterruptedException {
    Templates templates = templates();
    try (SqlStore full = SqlStore.open(crowded);
        SqlStore none = SqlStore.open(empty)) {
      fill(full, templates.message, count);
      out.printf("waiting: %s%n", servers.durability());
      claims(full, none, templates.saga, count);
    }
    return List.of(
        servers.serve(crowded, "%,d wait".formatted(count)), servers.serve(empty, "empty"));
  }

  /** What a server makes of them. */
  private Templates templates() throws InterruptedException {
    Target server = servers.serve(crowded, "templates");
    submit(server, MESSAGE);
    submit(server, SAGA);
    try (SqlStore store = SqlStore.open(crowded)) {
      progress.until(
          "a saga at rest", TEMPLATE_WITHIN, () -> !find(store, "bench-saga").owner().isHeld());
      servers.endServers();
      return new Templates(find(store, "bench-message"), find(store, "bench-saga"));
    }
  }

  private static Stored find(SqlStore store, String gid) {
    return store.find(new Gid(gid)).orElseThrow(() -> new BenchException("not stored: " + gid));
  }

  private static void submit(Target server, String body) throws InterruptedException {
    try (HttpClient http = HttpClient.newHttpClient()) {
      var request =
          HttpRequest.newBuilder(URI.create(server.address() + "/submit"))
              .POST(HttpRequest.BodyPublishers.ofString(body))
              .build();
      HttpResponse<String> answer = http.send(request, HttpResponse.BodyHandlers.ofString());
      if (answer.statusCode() != OK) {
        throw new BenchException("submit: " + answer.statusCode() + " " + answer.body());
      }
    } catch (IOException e) {
      throw new BenchException("submit: " + e.getMessage(), e);
    }
  }

  private void fill(SqlStore store, Stored template, int count) {
    out.printf("waiting: storing %,d delayed messages%n", count);
    long began = System.nanoTime();
    for (int from = 0; from < count; from += GROUP) {
      List<Stored> _ = commit(store, template, Math.min(GROUP, count - from), Duration.ZERO);
    }
    double seconds = (System.nanoTime() - began) / 1e9;
    out.printf("waiting: stored within %.0f s, %,.0f per s%n", seconds, count / seconds);
  }

  /**
   * Commits copies, one group.
   *
   * @param due how long they have been due; zero: as the template says
   */
  private List<Stored> commit(SqlStore store, Stored template, int count, Duration due) {
    Instant now = store.storeTime();
    var group = new ArrayList<Batch>();
    var copies = new ArrayList<Stored>();
    for (int i = 0; i < count; i++) {
      Transaction like = template.transaction();
      State state =
          due.isZero()
              ? like.state()
              : like.state()
                  .withSchedule(new Schedule(like.state().schedule().interval(), now.minus(due)));
      var copy =
          new Stored(
              new Transaction(Gid.random(), like.definition(), state, like.branches()),
              token(Owner.Mark.RESTING));
      copies.add(copy);
      group.add(
          new Batch(
              copy.transaction().gid(),
              Guard.Absent.INSTANCE,
              copy.owner(),
              List.of(new Write.SaveNew(copy.transaction()))));
    }
    check(store.commit(group));
    return copies;
  }

  private Owner token(Owner.Mark mark) {
    return new Owner(mark, "bench", process + "-" + claims.incrementAndGet(), 1);
  }

  private static void check(List<CommitResult> results) {
    for (CommitResult result : results) {
      if (!(result instanceof CommitResult.Committed)) {
        throw new BenchException("not committed: " + result);
      }
    }
  }

  /** Of both in turns, so that they see the same machine. */
  private void claims(SqlStore full, SqlStore none, Stored saga, int count) {
    double[] ofFull = new double[CLAIMS];
    double[] ofNone = new double[CLAIMS];
    for (int i = -WARM_UP; i < CLAIMS; i++) {
      double one = claim(full, saga);
      double other = claim(none, saga);
      if (i >= 0) {
        ofFull[i] = one;
        ofNone[i] = other;
      }
    }
    show("beside %,d that wait".formatted(count), ofFull);
    show("in an empty store", ofNone);
  }

  /** Milliseconds for a claim of all that is due, which then ends. */
  private double claim(SqlStore store, Stored saga) {
    List<Stored> _ = commit(store, saga, DUE, Duration.ofSeconds(1));
    long began = System.nanoTime();
    List<Stored> claimed = store.claimDue(LEASE, _ -> token(Owner.Mark.LEASED), PAGE);
    double millis = (System.nanoTime() - began) / NANOS_PER_MILLI;
    if (claimed.size() != DUE) {
      throw new BenchException("%d claimed (expected: %d)".formatted(claimed.size(), DUE));
    }
    Instant now = store.storeTime();
    check(
        store.commit(
            claimed.stream()
                .map(
                    held ->
                        new Batch(
                            held.transaction().gid(),
                            new Guard.HeldBy(GlobalStatus.SUBMITTED, held.owner()),
                            held.owner().next(Owner.Mark.RESTING),
                            List.of(new Write.SetStatus(GlobalStatus.SUCCEED, null, null, now))))
                .toList()));
    return millis;
  }

  private void show(String where, double[] millis) {
    Arrays.sort(millis);
    out.printf(
        "waiting: claim of %d due sagas %s: least %.1f ms, p50 %.1f ms, p99 %.1f ms, most %.1f"
            + " ms%n",
        DUE,
        where,
        millis[0],
        millis[millis.length / 2],
        millis[millis.length * (PERCENT - 1) / PERCENT],
        millis[millis.length - 1]);
  }
}
