package io.dtm4j.store.rocksdb;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Due;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.Gid;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayNameGeneration(ReplaceUnderscores.class)
class DueIndexTest {
  @TempDir Path directory;
  private RocksDbStore store;
  private Instant now;

  @BeforeEach
  void open() {
    store = RocksDbStore.open(new RocksDbConfig(directory, false));
    now = store.storeTime();
  }

  @AfterEach
  void close() {
    store.close();
  }

  @Test
  void what_is_saved_before_the_place_of_the_last_search_is_found() {
    save("late", now.plusSeconds(100));
    assertThat(gidsBefore(now.plusSeconds(200))).containsExactly("late");
    assertThat(gidsBefore(now.plusSeconds(50))).isEmpty();

    save("early", now.plusSeconds(10));

    assertThat(gidsBefore(now.plusSeconds(50))).containsExactly("early");
  }

  @Test
  void what_moves_before_the_place_of_the_last_search_is_found() {
    save("g", now.plusSeconds(100));
    assertThat(gidsBefore(now.plusSeconds(90))).isEmpty();

    move("g", now.plusSeconds(10));

    assertThat(gidsBefore(now.plusSeconds(90))).containsExactly("g");
    assertThat(gidsBefore(now.plusSeconds(200))).containsExactly("g");
  }

  @Test
  void searches_to_different_times_do_not_disturb_each_other() {
    var random = new SplittableRandom(5);
    var expected = new TreeSet<Long>();
    for (int i = 0; i < 300; i++) {
      long seconds = random.nextLong(1_000);
      if (expected.add(seconds)) {
        save("g" + seconds, now.plusSeconds(seconds));
      }
      long until = random.nextLong(1_000);
      Set<String> gids =
          expected.headSet(until).stream().map(s -> "g" + s).collect(Collectors.toSet());
      assertThat(gidsBefore(now.plusSeconds(until))).containsExactlyInAnyOrderElementsOf(gids);
    }
  }

  @Test
  void a_search_beside_writes_misses_nothing_that_was_answered_before_it() throws Exception {
    var stop = new AtomicBoolean();
    Instant far = now.plusSeconds(1_000_000);
    Thread searcher =
        Thread.ofPlatform()
            .start(
                () -> {
                  while (!stop.get()) {
                    store.dueBefore(far, null, 1);
                  }
                });
    long earliest = 500_000;
    for (int i = 0; i < 2_000; i++) {
      earliest--; // each goes before all that the searcher has seen
      save("g" + earliest, now.plusSeconds(earliest));
      List<Due> first = store.dueBefore(far, null, 1);
      assertThat(first).extracting(due -> due.gid().value()).containsExactly("g" + earliest);
    }
    stop.set(true);
    searcher.join();
  }

  private void save(String gid, Instant due) {
    Batch saga = Sagas.batch(gid, 0, now);
    var writes = List.of(saga.writes().getFirst(), dueAt(due));
    store.commit(List.of(new Batch(saga.gid(), saga.guard(), saga.owner(), writes)));
  }

  private void move(String gid, Instant due) {
    Stored stored = store.find(new Gid(gid)).orElseThrow();
    Owner owner = stored.owner().next(Owner.Mark.RESTING);
    var guard = new Guard.HeldBy(stored.transaction().status(), stored.owner());
    store.commit(List.of(new Batch(new Gid(gid), guard, owner, List.of(dueAt(due)))));
  }

  private Write dueAt(Instant due) {
    return new Write.SetSchedule(new Schedule(Duration.ofSeconds(10), due), now);
  }

  private List<String> gidsBefore(Instant time) {
    return store.dueBefore(time, null, 1_000).stream().map(due -> due.gid().value()).toList();
  }
}
