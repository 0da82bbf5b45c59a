package io.dtm4j.crash;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.crash.Load.Submission;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the original leaves open comes to its end with dtm4j on its tables, and the other way. */
@Tag("original")
@DisplayNameGeneration(ReplaceUnderscores.class)
abstract class AdoptedServerTest {
  private static final Duration LOAD_WITHIN = Duration.ofSeconds(60);

  /** What is due within that time is waited for. */
  private static final Duration SOON = Duration.ofSeconds(30);

  private static final Duration ENDS_WITHIN = Duration.ofSeconds(90);

  private static final int CLIENTS = 12;
  private static final List<Kind> ALL_KINDS = Arrays.asList(Kind.values());

  /** What undoes and what completes. */
  private static final Set<String> SECOND = second();

  private static final Set<String> EVERYTHING = everything();

  /** Each way in which a transaction can be unfinished, but what lasts for a moment only. */
  private static final List<String> WAYS =
      List.of(
          "saga submitted",
          "saga aborting",
          "msg prepared",
          "msg submitted",
          "tcc prepared",
          "tcc submitted",
          "tcc aborting",
          "xa prepared",
          "xa submitted",
          "xa aborting",
          "workflow prepared");

  private final Cluster.Kind kind;

  @TempDir Path folder;

  AdoptedServerTest(Cluster.Kind kind) {
    this.kind = kind;
  }

  private static Set<String> second() {
    var ops = new HashSet<>(BankParticipants.BACKWARD);
    ops.addAll(BankParticipants.SECOND_PHASE);
    return Set.copyOf(ops);
  }

  private static Set<String> everything() {
    var ops = new HashSet<>(SECOND);
    ops.addAll(
        List.of(BankParticipants.ACTION, BankParticipants.CHECK_BACK, Transactions.WORKFLOW));
    return Set.copyOf(ops);
  }

  @Test
  void what_the_original_left_open_comes_to_its_end() throws Exception {
    try (var bank = new BankParticipants();
        var tables = new SharedTables(kind, folder)) {
      List<String> structure = tables.structure();

      List<Submission> submissions =
          leaveOpen(tables, tables.original().api(), bank, tables.original()::kill);
      tables.start();
      assertThat(tables.open()).as("nothing works yet").containsAll(WAYS);
      takesWorkFrom(tables.api(), bank);

      Verdict.passOnBesideOriginal(submissions, tables.api(), bank, ENDS_WITHIN);
      assertThat(tables.open()).isEmpty();
      assertThat(tables.structure()).isEqualTo(structure);
      assertThat(tables.query("select description from dtm4j_schema_history"))
          .singleElement()
          .asString()
          .startsWith("tables of DTM, shared, zone ");
      assertThat(tables.server().output())
          .contains("tables of a DTM in Go are adopted", "shared with a DTM in Go")
          .doesNotContain("pass dropped");
    }
  }

  @Test
  void what_dtm4j_left_open_comes_to_its_end_with_the_original() throws Exception {
    try (var bank = new BankParticipants();
        var tables = new SharedTables(kind, folder)) {
      List<String> structure = tables.structure();
      tables.original().kill();
      tables.start();

      List<Submission> submissions = leaveOpen(tables, tables.api(), bank, () -> stop(tables));
      assertThat(tables.query("select owner from trans_global where owner like 'dtm4j:l:%'"))
          .as("not given back")
          .isEmpty();
      tables.original().start();
      takesWorkFrom(tables.original().api(), bank);

      Verdict.passOnBesideOriginal(submissions, tables.original().api(), bank, ENDS_WITHIN);
      assertThat(tables.open()).isEmpty();
      assertThat(tables.structure()).isEqualTo(structure);
    }
  }

  private static void stop(SharedTables tables) {
    tables.server().terminate();
    tables.server().awaitEnd();
  }

  /**
   * Puts load on a server until there is open work of every mode in every state, and ends the
   * server in the midst of it.
   */
  private static List<Submission> leaveOpen(
      SharedTables tables, Api api, BankParticipants bank, Runnable end) {
    tables.subscribe(api, bank);
    try (var load = new Load(api, bank, tables.habits(ALL_KINDS), CLIENTS, 0, 0, 31)) {
      bank.postpone(SECOND);
      Await.nowAndThenUntil(
          () -> "second phases and rollbacks are open beside " + tables.open(),
          LOAD_WITHIN,
          () ->
              tables
                  .open()
                  .containsAll(
                      List.of(
                          "saga aborting",
                          "tcc submitted",
                          "tcc aborting",
                          "xa submitted",
                          "xa aborting")));
      bank.postpone(EVERYTHING);
      Await.nowAndThenUntil(
          () -> "work of every mode is open beside " + tables.open(),
          LOAD_WITHIN,
          () -> tables.open().containsAll(WAYS));
      load.awaitMore(CLIENTS, LOAD_WITHIN);
      end.run();
      return load.end();
    }
  }

  /**
   * The participants work, and applications of workflows speak to that server. What clients have
   * asked for again and again in vain may be due in an hour only.
   */
  private static void takesWorkFrom(Api api, BankParticipants bank) {
    var _ = new Workflows(api, bank);
    bank.postpone(Set.of());
    api.resetCronTime(SOON);
  }
}
