package io.dtm4j.store.rocksdb;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Payload;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.OutcomeUnknownException;
import io.dtm4j.store.StoreUnavailableException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A disk that is really full: a small file system in memory, mounted for the test. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class FullDiskTest {
  private static final int MANY = 5_000;
  private static final int PAYLOAD = 100_000;

  @TempDir Path disk;

  private final Map<Gid, Stored> answered = new HashMap<>();

  @BeforeEach
  void mount() throws Exception {
    assumeTrue(
        run("id", "-u").equals("0") || "true".equals(System.getenv("CI")),
        "NOT RUN: only root can mount the small file system that this test fills");
    run("mount", "-t", "tmpfs", "-o", "size=96m", "dtm4j-test", disk.toString());
  }

  @AfterEach
  void unmount() throws Exception {
    if (run("id", "-u").equals("0")) {
      run("umount", disk.toString());
    }
  }

  @Test
  void a_full_disk_loses_nothing_and_work_goes_on_when_there_is_room() throws Exception {
    try (RocksDbStore store = open()) {
      commitSome(store, "before");
      fill();

      Batch refused = commitUntilItFails(store);

      assertThat(store.trouble()).contains("No space left on device", disk.toString());
      assertThatExceptionOfType(OutcomeUnknownException.class)
          .isThrownBy(() -> store.commit(List.of(refused)));

      Files.delete(ballast());

      assertThat(commit(store, refused)).isTrue();
      assertThat(store.trouble()).isNull();
      commitSome(store, "after");
      assertAllThere(store);
    }
    try (RocksDbStore store = open()) {
      assertAllThere(store);
    }
  }

  @Test
  void data_that_are_away_when_they_are_opened_again_are_waited_for_and_not_made_anew()
      throws Exception {
    try (RocksDbStore store = open()) {
      commitSome(store, "before");
      fill();
      Batch refused = commitUntilItFails(store);
      Path data = disk.resolve("data/rocksdb");
      Path away = disk.resolve("away");
      Files.move(data, away);
      Files.delete(ballast());

      assertThatExceptionOfType(OutcomeUnknownException.class)
          .isThrownBy(() -> store.commit(List.of(refused)))
          .withMessageContaining("does not exist");

      try (Stream<Path> leftByTheAttempt = Files.walk(data)) {
        for (Path each : leftByTheAttempt.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(each);
        }
      }
      Files.move(away, data);
      assertThat(commit(store, refused)).isTrue();
      assertAllThere(store);
    }
  }

  @Test
  void who_reads_while_the_store_is_opened_again_is_told_or_served() throws Exception {
    try (RocksDbStore store = open()) {
      commitSome(store, "before");
      List<Stored> known = List.copyOf(answered.values());
      var wrong = new ConcurrentLinkedQueue<Object>();
      var stop = new AtomicBoolean();
      var readers = new ArrayList<Thread>();
      for (int i = 0; i < 3; i++) {
        readers.add(Thread.ofPlatform().start(() -> readUntil(stop, store, known, wrong)));
      }

      fill();
      Batch refused = commitUntilItFails(store);
      for (int i = 0; i < 5; i++) {
        assertThatExceptionOfType(OutcomeUnknownException.class)
            .isThrownBy(() -> store.commit(List.of(refused)));
      }
      Files.delete(ballast());
      commit(store, refused);
      stop.set(true);
      for (Thread reader : readers) {
        reader.join();
      }

      assertThat(wrong).isEmpty();
    }
  }

  private static void readUntil(
      AtomicBoolean stop, RocksDbStore store, List<Stored> known, Queue<Object> wrong) {
    while (!stop.get()) {
      for (Stored stored : known) {
        try {
          Optional<Stored> found = store.find(stored.transaction().gid());
          if (found.filter(stored::equals).isEmpty()) {
            wrong.add(found);
          }
          if (store.dueBefore(store.storeTime().plusSeconds(60), null, 10).size() < 10) {
            wrong.add("nothing is due");
          }
        } catch (StoreUnavailableException _) {
          // is told
        } catch (RuntimeException e) {
          wrong.add(e);
        }
      }
    }
  }

  private RocksDbStore open() {
    return RocksDbStore.open(new RocksDbConfig(disk.resolve("data"), true));
  }

  private void commitSome(RocksDbStore store, String prefix) {
    for (int i = 0; i < 20; i++) {
      assertThat(commit(store, save(store, prefix + i))).isTrue();
    }
  }

  /** The batch that failed. */
  private Batch commitUntilItFails(RocksDbStore store) {
    for (int i = 0; i < MANY; i++) {
      Batch batch = save(store, "full" + i);
      if (!commit(store, batch)) {
        return batch;
      }
    }
    throw new AssertionError("the disk is full and commits go on");
  }

  /** Whether the outcome is known; then it must be good. */
  private boolean commit(RocksDbStore store, Batch batch) {
    try {
      assertThat(store.commit(List.of(batch)).getFirst())
          .isInstanceOf(CommitResult.Committed.class);
      answered.put(batch.gid(), store.find(batch.gid()).orElseThrow());
      return true;
    } catch (OutcomeUnknownException _) {
      return false;
    }
  }

  /** A new transaction, large and not to be compressed, so that the disk is full soon. */
  private static Batch save(RocksDbStore store, String gid) {
    byte[] bytes = new byte[PAYLOAD];
    new SplittableRandom(gid.hashCode()).nextBytes(bytes);
    Batch saga = Sagas.batch(gid, 0, store.storeTime());
    Branch row =
        Branch.open(
            new BranchKey("03", Op.ACTION), "http://host", Payload.of(bytes), store.storeTime());
    var writes = new ArrayList<>(saga.writes());
    writes.add(new Write.AddBranches(List.of(row)));
    return new Batch(saga.gid(), saga.guard(), saga.owner(), writes);
  }

  private void assertAllThere(RocksDbStore store) {
    answered.forEach(
        (gid, stored) -> {
          Stored found = store.find(gid).orElseThrow();
          assertThat(found.owner().isSameWriteAs(stored.owner())).isTrue();
          assertThat(found.transaction().definition()).isEqualTo(stored.transaction().definition());
          assertThat(found.transaction().branches()).isEqualTo(stored.transaction().branches());
        });
  }

  private Path ballast() {
    return disk.resolve("ballast");
  }

  private void fill() {
    byte[] block = new byte[1 << 16];
    try (OutputStream file = Files.newOutputStream(ballast())) {
      for (int i = 0; i < MANY; i++) {
        file.write(block);
      }
    } catch (IOException _) {
      return;
    }
    throw new AssertionError("the disk is not full (expected: a small one)");
  }

  private static String run(String... command) throws Exception {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), UTF_8).strip();
    assertThat(process.waitFor()).as("%s: %s", List.of(command), output).isZero();
    return output;
  }
}
