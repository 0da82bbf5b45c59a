package io.dtm4j.crash;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.dtm4j.crash.Api.Known;
import io.dtm4j.crash.BankParticipants.Seen;
import io.dtm4j.crash.BankParticipants.Step;
import io.dtm4j.crash.Load.Submission;
import io.dtm4j.crash.Records.Kept;
import io.dtm4j.crash.Records.Open;
import io.dtm4j.databases.StoreServer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Two servers on one database are as good as one, whatever becomes of one of them. */
@DisplayNameGeneration(ReplaceUnderscores.class)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class TwoServersTest {
  private static final Duration LOAD_WITHIN = Duration.ofSeconds(60);
  private static final Duration A_SECOND = Duration.ofSeconds(1);

  /** A second, and more for a busy machine; the safety net comes every ten. */
  private static final Duration TAKEN_WITHIN = Duration.ofSeconds(5);

  /** The database ends sessions that do nothing in a transaction after ten seconds. */
  private static final Duration UNLOCKED_WITHIN = Duration.ofSeconds(10).plus(TAKEN_WITHIN);

  private static final Duration OFTEN = Duration.ofMillis(50);
  private static final int SOME = 200;
  private static final int CLIENTS = 12;

  /** Below the request timeout. */
  private static final int LATENESS = 400;

  private final Cluster.Kind kind;
  private StoreServer database;
  private int databases;

  @TempDir Path folder;

  TwoServersTest(Cluster.Kind kind) {
    this.kind = kind;
  }

  @BeforeAll
  void start_the_database() throws Exception {
    database = kind.start();
  }

  @AfterAll
  void stop_the_database() throws Exception {
    database.stop();
  }

  private Cluster cluster() {
    var cluster = new Cluster(kind, database, "d" + ++databases, folder);
    try {
      cluster.start();
      return cluster;
    } catch (Throwable e) {
      cluster.close();
      throw e;
    }
  }

  @Test
  void what_a_killed_server_had_goes_on_when_its_leases_end() {
    try (var bank = new BankParticipants();
        var cluster = cluster()) {
      List<Submission> submissions;
      try (var load = new Load(cluster.api(), bank, CLIENTS, LATENESS, 0, 21)) {
        load.awaitMore(SOME, LOAD_WITHIN);
        String killed = processOf(cluster, 0, bank);
        cluster.server(0).kill();
        List<Open> held = held(cluster, killed);
        assertThat(held).as("what it worked on").isNotEmpty();

        nothingIsOverdue(cluster, Cluster.LEASE.plus(TAKEN_WITHIN));
        assertThat(held(cluster, killed)).as("not taken over").isEmpty();

        cluster.start(0);
        load.awaitMore(SOME, LOAD_WITHIN);
        submissions = load.end();
        assertThat(load.lost()).as("recorded steps that were missing later").isEmpty();
      }
      Verdict.passOn(submissions, cluster.api(), bank);
      assertThat(submissions).anyMatch(Submission::wasCut).anyMatch(Submission::mustBeStored);
    }
  }

  @Test
  void a_server_that_stops_hands_over_within_a_second() {
    try (var bank = new BankParticipants();
        var cluster = cluster()) {
      List<Submission> submissions;
      try (var load = new Load(cluster.api(), bank, CLIENTS, LATENESS, 0, 22)) {
        load.awaitMore(SOME, LOAD_WITHIN);
        String stopped = processOf(cluster, 0, bank);
        assertThat(held(cluster, stopped)).as("what it works on").isNotEmpty();
        cluster.server(0).terminate();
        while (!cluster.server(0).hasEnded()) {
          nothingIsOverdue(cluster, OFTEN);
        }
        assertThat(held(cluster, stopped)).as("not given back").isEmpty();

        nothingIsOverdue(cluster, Cluster.LEASE);
        load.awaitMore(SOME, LOAD_WITHIN);
        submissions = load.end();
        assertThat(load.lost()).as("recorded steps that were missing later").isEmpty();
      }
      Verdict.passOn(submissions, cluster.api(), bank);
      assertThat(submissions)
          .filteredOn(one -> one.answers.size() == 1 && one.wasCut())
          .as("cut off without an answer, and yet taken")
          .allMatch(one -> cluster.api().status(one.gid).isEmpty());
    }
  }

  @Test
  void a_server_that_stood_still_for_three_leases_contradicts_nobody() {
    try (var bank = new BankParticipants();
        var otherBank = new BankParticipants();
        var cluster = cluster()) {
      List<Submission> submissions;
      List<Submission> others;
      try (var load = new Load(cluster.api(), bank, CLIENTS, LATENESS, 0, 23);
          var other = new Load(cluster.api(1), otherBank, CLIENTS / 2, LATENESS, 0, 24 + CLIENTS)) {
        load.awaitMore(SOME, LOAD_WITHIN);
        String asleep = processOf(cluster, 0, bank);
        cluster.server(0).standStill();
        assertThat(held(cluster, asleep)).as("what it worked on").isNotEmpty();

        // It may keep any record locked until the database ends its session.
        nothingIsOverdue(cluster, Cluster.LEASE.multipliedBy(3), UNLOCKED_WITHIN);
        assertThat(held(cluster, asleep)).as("not taken over").isEmpty();

        cluster.server(0).goOn();
        load.awaitMore(SOME, LOAD_WITHIN);
        submissions = load.end();
        others = other.end();
        assertThat(load.lost()).as("recorded steps that were missing later").isEmpty();
        assertThat(other.lost()).as("recorded steps that were missing later").isEmpty();
      }
      Verdict.passOn(submissions, cluster.api(), bank);
      Verdict.passOn(others, cluster.api(), otherBank);
      assertThat(submissions).anyMatch(Submission::wasCut).anyMatch(Submission::mustBeStored);
      assertThat(cluster.server(0).output()).doesNotContain("pass dropped");
      assertThat(cluster.server(1).output()).doesNotContain("pass dropped");
    }
  }

  @Test
  void a_database_that_is_killed_under_load_has_lost_nothing() {
    try (var bank = new BankParticipants();
        var cluster = cluster()) {
      List<Submission> submissions;
      try (var load = new Load(cluster.api(), bank, CLIENTS, LATENESS, 0, 25)) {
        load.awaitMore(SOME, LOAD_WITHIN);
        cluster.killDatabase(Duration.ZERO);
        load.awaitMore(SOME, LOAD_WITHIN);
        cluster.killDatabase(Cluster.LEASE.plus(A_SECOND));
        load.awaitMore(SOME, LOAD_WITHIN);
        submissions = load.end();
        assertThat(load.lost()).as("recorded steps that were missing later").isEmpty();
      }
      Verdict.passOn(submissions, cluster.api(), bank);
      assertThat(submissions).anyMatch(Submission::mustBeStored);
      assertThat(cluster.server(0).output()).doesNotContain("pass dropped");
      assertThat(cluster.server(1).output()).doesNotContain("pass dropped");
    }
  }

  /** Its calls take longer than it waits before it repeats its submit, through either server. */
  @ParameterizedTest(name = "one server dies: {0}")
  @ValueSource(booleans = {false, true})
  void an_impatient_client_has_no_branch_called_twice_at_a_time(boolean dies) throws Exception {
    try (var bank = new BankParticipants();
        var cluster = cluster()) {
      Map<String, ObjectNode> submits = slowTransactions(cluster.api(), bank);
      var done = new CountDownLatch(submits.size());
      try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
        submits.forEach(
            (gid, submit) -> {
              for (boolean waits : new boolean[] {false, true}) {
                ObjectNode one = submit.deepCopy().put("wait_result", waits);
                clients.execute(() -> repeat(cluster.api(), gid, one));
              }
            });
        clients.execute(() -> submits.keySet().forEach(gid -> awaitEnd(cluster.api(), gid, done)));
        if (dies) {
          Await.pass(A_SECOND);
          cluster.server(0).kill();
        }
      }
      assertThat(done.getCount()).isZero();
      assertThat(submits.keySet())
          .allSatisfy(
              gid -> {
                List<Seen> seen = bank.seen(gid);
                assertThat(bank.overlapping(gid)).as(() -> gid + " " + seen).isEmpty();
                assertThat(seen).extracting(Seen::branch).contains("01", "02");
                assertThat(cluster.api().status(gid))
                    .isEqualTo(gid.startsWith("refused") ? "failed" : "succeed");
              });
    }
  }

  private static void awaitEnd(Api api, String gid, CountDownLatch done) {
    Await.nowAndThenUntil(gid, LOAD_WITHIN, () -> isOver(api, gid));
    done.countDown();
  }

  /** False also when a server has died while it was asked. */
  private static boolean isOver(Api api, String gid) {
    try {
      String status = api.status(gid);
      return status.equals("succeed") || status.equals("failed");
    } catch (AssertionError e) {
      if (e.getCause() instanceof IOException) {
        return false;
      }
      throw e;
    }
  }

  private static void repeat(Api api, String gid, ObjectNode submit) {
    long end = System.nanoTime() + LOAD_WITHIN.toNanos();
    while (!isOver(api, gid) && System.nanoTime() - end < 0) {
      api.post("submit", submit);
      Await.pass(Duration.ofMillis(200));
    }
  }

  /** By gid, what is posted to submit them. Each call takes two seconds, some fail at first. */
  private static Map<String, ObjectNode> slowTransactions(Api api, BankParticipants bank) {
    var transactions = new Transactions(bank);
    int two = 2_000;
    List<Step> steps = List.of(Step.of("a", -1).late(two), Step.of("b", 1).late(-two));
    List<Step> failing = List.of(steps.get(0).failing(1), steps.get(1).failing(2));
    List<Step> refused = List.of(steps.get(0), steps.get(1).refusing());
    Map<String, ObjectNode> submits = new TreeMap<>();
    for (int i = 0; i < 3; i++) {
      submits.put("saga" + i, transactions.saga("saga" + i, steps));
      submits.put("failing" + i, transactions.saga("failing" + i, failing));
      submits.put("refused" + i, transactions.saga("refused" + i, refused));
      submits.put("concurrent" + i, transactions.concurrentSaga("concurrent" + i, failing));
      submits.put("message" + i, transactions.message("message" + i, failing));
      String gid = "tcc" + i;
      ObjectNode tcc = transactions.twoPhases(gid, Kind.TCC);
      submits.put(gid, tcc);
    }
    submits.values().forEach(one -> one.put("retry_interval", 1).put("request_timeout", 10));
    submits.forEach(
        (gid, tcc) -> {
          if (gid.startsWith("tcc")) {
            List<Api.Answer> answers = new ArrayList<>();
            api.insist("prepare", tcc.put("timeout_to_fail", 60), answers);
            for (int i = 0; i < steps.size(); i++) {
              String branch = "0" + (i + 1);
              Step step = failing.get(i);
              api.insist(
                  "registerBranch", transactions.branch(gid, Kind.TCC, branch, step), answers);
              bank.hold(gid, branch, step);
            }
            assertThat(answers).extracting(Api.Answer::known).containsOnly(Known.ACCEPTED);
          }
        });
    return submits;
  }

  @Test
  void a_subscription_counts_at_once_on_the_other_server() {
    try (var bank = new BankParticipants();
        var cluster = cluster()) {
      var transactions = new Transactions(bank);
      List<String> urls = transactions.subscribers();
      for (int i = 0; i < 2 * urls.size(); i++) {
        Api subscribes = cluster.api(i % Cluster.SERVERS);
        Api sends = cluster.api((i + 1) % Cluster.SERVERS);
        if (i < urls.size()) {
          subscribes.subscribe(transactions.topic(), urls.get(i));
        } else {
          subscribes.unsubscribe(transactions.topic(), urls.get(i - urls.size()));
        }
        String gid = "message" + i;

        Api.Answer answer =
            sends.post(
                "submit",
                transactions
                    .messageToTopic(gid, Step.of("a", -1), Step.of("b", 1))
                    .put("wait_result", true));

        int subscribers = i < urls.size() ? i + 1 : 2 * urls.size() - 1 - i;
        if (subscribers == 0) {
          assertThat(answer.detail()).contains("TOPIC_NOT_FOUND");
        } else {
          assertThat(answer.known()).as(answer.detail()).isEqualTo(Known.ACCEPTED);
          assertThat(bank.seen(gid)).as(gid).hasSize(1 + subscribers);
        }
      }
    }
  }

  /** The older server changes no table back, and keeps what it does not know. */
  @Test
  void servers_of_two_versions_share_a_database() throws Exception {
    try (var bank = new BankParticipants();
        var otherBank = new BankParticipants();
        var cluster = cluster()) {
      List<Submission> ofNext;
      List<Submission> ofBoth;
      String older;
      try (var both = new Load(cluster.api(), otherBank, CLIENTS / 2, LATENESS, 0, 27)) {
        cluster.server(0).terminate();
        cluster.server(0).awaitEnd();
        cluster.patch(0, NextVersion.in(folder, ServerProcess.home(), ServerProcess.libraries()));
        cluster.start(0);
        try (var next = new Load(cluster.api(0), bank, CLIENTS / 2, LATENESS, 0, 28 + CLIENTS)) {
          next.awaitMore(SOME, LOAD_WITHIN);
          cluster.server(1).terminate();
          cluster.server(1).awaitEnd();
          cluster.start(1); // on tables that the next version has made
          next.awaitMore(SOME, LOAD_WITHIN);
          older = processOf(cluster, 1, bank);
          cluster.server(0).kill();
          ofNext = next.end();
          assertThat(next.lost()).as("recorded steps that were missing later").isEmpty();
        }
        var _ = new Workflows(cluster.api(), bank); // goes on through the older one
        Await.pass(Cluster.LEASE);
        ofBoth = both.end();
        assertThat(both.lost()).as("recorded steps that were missing later").isEmpty();
      }
      Verdict.passOn(ofNext, cluster.api(), bank);
      Verdict.passOn(ofBoth, cluster.api(), otherBank);
      Map<String, Kept> kept = cluster.kept();
      List<Kept> begunByNext = new ArrayList<>();
      for (Submission one : ofNext) {
        Kept stored = kept.get(one.gid);
        if (stored != null) {
          begunByNext.add(stored);
        }
      }
      assertThat(begunByNext)
          .allSatisfy(one -> assertThat(one.extra()).contains(NextVersion.MEMBER))
          .as("which the older one has ended")
          .anyMatch(one -> one.process().equals(older));
      assertThat(kept.values())
          .as("which the older one has begun and ended")
          .anyMatch(one -> !one.extra().contains(NextVersion.MEMBER));
      assertThat(ofBoth)
          .filteredOn(one -> one.kind.mode() == Kind.Mode.TWO_PHASES)
          .as("whose clients repeat what fails")
          .extracting(Submission::known)
          .isNotEmpty()
          .containsAnyOf(Known.ACCEPTED)
          .isSubsetOf(Known.ACCEPTED, Known.ROLLED_BACK, Known.NOT_FINISHED);
      assertThat(cluster.server(1).output()).doesNotContain("pass dropped");
    }
  }

  /** For so long nothing waits longer than it may for somebody who takes it. */
  private static void nothingIsOverdue(Cluster cluster, Duration within) {
    nothingIsOverdue(cluster, within, TAKEN_WITHIN);
  }

  /** The same, with how long that is. */
  private static void nothingIsOverdue(Cluster cluster, Duration within, Duration most) {
    long end = System.nanoTime() + within.toNanos();
    do {
      assertThat(cluster.open())
          .filteredOn(open -> open.overdue().compareTo(most) > 0)
          .as("overdue for too long")
          .isEmpty();
      Await.pass(OFTEN);
    } while (System.nanoTime() - end < 0);
  }

  private static List<Open> held(Cluster cluster, String process) {
    return cluster.open().stream()
        .filter(open -> open.process().equals(process) && open.isHeld())
        .toList();
  }

  /** What one of the servers calls itself in its claims. */
  private static String processOf(Cluster cluster, int server, BankParticipants bank) {
    String gid = "of-server-" + server;
    cluster
        .api(server)
        .post("prepare", new Transactions(bank).twoPhases(gid, Kind.TCC).put("timeout_to_fail", 1));
    return cluster.open().stream()
        .filter(open -> open.gid().equals(gid))
        .findFirst()
        .orElseThrow()
        .process();
  }
}
