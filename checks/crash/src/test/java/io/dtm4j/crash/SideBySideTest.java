package io.dtm4j.crash;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.crash.Load.Submission;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The original and dtm4j, which has adopted its tables, work on them at the same time. */
@Tag("original")
@DisplayNameGeneration(ReplaceUnderscores.class)
abstract class SideBySideTest {
  private static final Duration LOAD_WITHIN = Duration.ofSeconds(60);

  /** A call without an answer is repeated after 20 seconds, and may fail once more. */
  private static final Duration ENDS_WITHIN = Duration.ofSeconds(90);

  private static final Duration LONGEST_AWAY = Duration.ofSeconds(12);
  private static final int KILLS = 6;
  private static final int SOME = 150;
  private static final int CLIENTS = 12;

  /** Below the request timeout. */
  private static final int LATENESS = 400;

  /** What may become of a status. */
  private static final List<String> STEPS =
      List.of(
          "prepared submitted",
          "prepared aborting",
          "prepared succeed", // a workflow
          "prepared failed", // a message whose check-back says no, a workflow
          "submitted succeed",
          "submitted aborting",
          "aborting failed");

  private final Cluster.Kind kind;

  @TempDir Path folder;

  SideBySideTest(Cluster.Kind kind) {
    this.kind = kind;
  }

  @Test
  void they_contradict_each_other_nowhere_whichever_of_them_is_killed() throws Exception {
    try (var bank = new BankParticipants();
        var tables = new SharedTables(kind, folder)) {
      List<String> structure = tables.structure();
      noteChanges(tables);
      tables.start();
      tables.subscribe(tables.api(), bank);
      var random = new Random(41);
      List<Submission> submissions;
      try (var load =
          new Load(tables.both(), bank, tables.habits(Load.MIXED), CLIENTS, LATENESS, 0, 42)) {
        for (int i = 0; i < KILLS; i++) {
          load.awaitMore(SOME, LOAD_WITHIN);
          boolean itself = i % 2 == 0;
          if (itself) {
            tables.original().kill();
          } else {
            tables.server().kill();
          }
          Await.pass(Duration.ofMillis(random.nextLong(LONGEST_AWAY.toMillis())));
          if (itself) {
            tables.original().start();
          } else {
            tables.start();
          }
        }
        load.awaitMore(SOME, LOAD_WITHIN);
        submissions = load.end();
        assertThat(load.lost()).as("recorded steps that were missing later").isEmpty();
      }

      Verdict.passOnBesideOriginal(submissions, tables.both(), bank, ENDS_WITHIN);
      assertThat(tables.open()).isEmpty();
      assertThat(tables.query("select distinct concat(was, ' ', became) from status_changes"))
          .as("statuses and what became of them")
          .contains("submitted succeed", "aborting failed")
          .isSubsetOf(STEPS);
      assertThat(
              tables.query("select gid from status_changes group by gid, was having count(*) > 1"))
          .as("statuses that were left twice")
          .isEmpty();
      assertThat(
              tables.query(
                  "select distinct case when owner like 'dtm4j:%' then 'dtm4j' else 'the original'"
                      + " end from trans_global"))
          .as("whose claims are the last ones")
          .containsExactlyInAnyOrder("dtm4j", "the original");
      assertThat(submissions).anyMatch(Submission::wasCut).anyMatch(Submission::mustBeStored);
      assertThat(tables.structure()).isEqualTo(structure);
    }
  }

  /** The database itself notes each change of a status, whoever makes it. */
  private void noteChanges(SharedTables tables) {
    switch (kind) {
      case MARIADB ->
          tables.execute(
              "create table status_changes (gid varchar(128), was varchar(45), became varchar(45))",
              """
              create trigger noted after update on trans_global for each row
                insert into status_changes
                  select new.gid, old.status, new.status from dual where old.status <> new.status
              """);
      case POSTGRES ->
          tables.execute(
              "create table status_changes (gid varchar(128), was varchar(45), became varchar(45))",
              """
              create function note_change() returns trigger language plpgsql as $$
                begin
                  insert into status_changes values (new.gid, old.status, new.status);
                  return new;
                end
              $$
              """,
              """
              create trigger noted after update on trans_global for each row
                when (old.status <> new.status) execute function note_change()
              """);
      case REDIS, REDIS_CLUSTER, MONGODB ->
          throw new IllegalStateException("nothing is adopted there: " + kind);
    }
  }
}
