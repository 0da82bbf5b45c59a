package io.dtm4j.store.rocksdb;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Branch;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.store.Filter;
import io.dtm4j.store.Listed;
import io.dtm4j.store.Page;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process that is killed in the middle of its commits, again and again over the same data. */
@Tag("long")
@DisplayNameGeneration(ReplaceUnderscores.class)
class KilledProcessTest {
  private static final int ROUNDS = 10;
  private static final long SEED = 20_260_101;

  @TempDir Path data;

  @Test
  void everything_that_was_answered_is_there_after_a_kill() throws Exception {
    var random = new SplittableRandom(SEED);
    Map<Gid, Long> answered = new HashMap<>();
    Set<Gid> gone = new HashSet<>();
    for (int round = 0; round < ROUNDS; round++) {
      Process process =
          CommittingProcess.start(List.of(), data, "r" + round + "-", 1_000_000, true);
      List<String> lines = linesUntilKilled(process, random.nextInt(1, 200));
      assertThat(lines).as("round %d", round).noneMatch(line -> line.startsWith("wrong"));
      answered.putAll(CommittingProcess.answered(lines));
      Set<Gid> deleting = CommittingProcess.named("deleting", lines);
      gone.addAll(CommittingProcess.named("deleted", lines));

      try (var store = RocksDbStore.open(new RocksDbConfig(data, true))) {
        deleting.stream().filter(gid -> store.find(gid).isEmpty()).forEach(gone::add);
        gone.forEach(gid -> assertThat(store.find(gid)).isEmpty());
        answered.keySet().removeAll(gone);
        answered.forEach((gid, revision) -> check(store.find(gid).orElseThrow(), revision));
        checkLists(store, answered.keySet(), gone);
      }
    }
    assertThat(answered).hasSizeGreaterThan(ROUNDS);
    assertThat(gone).hasSizeGreaterThan(ROUNDS);
  }

  /** The list has what can be found and nothing else, and so have its parts and the counts. */
  private static void checkLists(RocksDbStore store, Set<Gid> answered, Set<Gid> gone) {
    Set<Gid> all = gids(store, Filter.ALL);
    assertThat(all).containsAll(answered).doesNotContainAnyElementsOf(gone);
    assertThat(all).allSatisfy(gid -> assertThat(store.find(gid)).isPresent());
    Set<Gid> submitted = gids(store, new Filter(GlobalStatus.SUBMITTED, null, null, null));
    Set<Gid> succeeded = gids(store, new Filter(GlobalStatus.SUCCEED, null, null, null));
    assertThat(succeeded).doesNotContainAnyElementsOf(submitted);
    assertThat(submitted.size() + succeeded.size()).isEqualTo(all.size());
    assertThat(store.counts().unfinished()).isEqualTo(submitted.size());
  }

  private static Set<Gid> gids(RocksDbStore store, Filter filter) {
    Set<Gid> gids = new HashSet<>();
    String cursor = "";
    do {
      Page<Listed> page = store.list(filter, cursor, 1_000);
      page.items().forEach(one -> assertThat(gids.add(one.gid())).as("listed once").isTrue());
      cursor = page.next();
    } while (!cursor.isEmpty());
    return gids;
  }

  /** The group under way may have been stored without an answer. */
  private static void check(Stored stored, long answered) {
    Transaction saga = stored.transaction();
    long revision = stored.owner().revision();
    assertThat(revision).as("%s", saga.gid()).isBetween(answered, answered + 1);
    assertThat(saga.branches().stream().filter(Branch::isDone).count()).isEqualTo(revision);
    assertThat(saga.status() == GlobalStatus.SUCCEED).isEqualTo(revision == 2);
    assertThat(stored.owner().mark() == Owner.Mark.RESTING).isEqualTo(revision < 2);
  }

  private static List<String> linesUntilKilled(Process process, int after) throws IOException {
    var lines = new ArrayList<String>();
    try (var output = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8))) {
      for (String line = output.readLine(); line != null; line = output.readLine()) {
        lines.add(line);
        if (lines.size() == after) {
          process.toHandle().destroyForcibly(); // which leaves the rest of its lines to be read
        }
      }
    }
    return lines;
  }
}
