package io.dtm4j.store.rocksdb;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Due;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.Filter;
import io.dtm4j.store.Lease;
import io.dtm4j.store.Listed;
import io.dtm4j.store.Page;
import io.dtm4j.store.Reset;
import io.dtm4j.store.StoreRejectedException;
import io.dtm4j.store.StoreUnavailableException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.ColumnFamilyDescriptor;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.DBOptions;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.WriteBatch;

/** What only this store does; the rest is in the contract. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class RocksDbStoreTest {
  private static final Instant NOON = Instant.parse("2026-01-02T12:00:00Z");

  @TempDir Path directory;

  private RocksDbStore open() {
    return RocksDbStore.open(new RocksDbConfig(directory, true));
  }

  private RocksDbStore openAt(Instant wallClock) {
    return RocksDbStore.open(new RocksDbConfig(directory, true), () -> wallClock, System::nanoTime);
  }

  /** A transaction of some megabytes. */
  private static Batch large(String gid) {
    Batch small = Sagas.batch(gid, 0, NOON);
    var transaction = ((Write.SaveNew) small.writes().getFirst()).transaction();
    Definition definition = transaction.definition();
    var save =
        new Write.SaveNew(
            new Transaction(
                small.gid(),
                new Definition(
                    definition.type(),
                    definition.protocol(),
                    "",
                    "x".repeat(3_000_000),
                    definition.options(),
                    NOON),
                transaction.state(),
                transaction.branches()));
    return new Batch(small.gid(), small.guard(), small.owner(), List.of(save));
  }

  private static List<String> storeLarge(RocksDbStore store) {
    List<String> gids = List.of("a", "b", "c", "d", "e", "f", "g", "h");
    gids.forEach(gid -> commit(store, large(gid)));
    return gids;
  }

  @Test
  void large_ones_are_claimed_a_few_at_a_time() {
    List<String> gids;
    try (RocksDbStore store = openAt(NOON)) {
      gids = storeLarge(store);
    }

    try (RocksDbStore store = openAt(NOON.plusSeconds(1))) {
      List<String> claimed = new ArrayList<>();
      while (claimed.size() < gids.size()) {
        List<Stored> some =
            store.claimDue(Duration.ofSeconds(10), RocksDbStoreTest::claim, gids.size());
        assertThat(some).hasSizeBetween(1, 3);
        some.forEach(one -> claimed.add(one.transaction().gid().value()));
      }
      assertThat(claimed).containsExactlyInAnyOrderElementsOf(gids);
    }
  }

  @Test
  void large_ones_are_reset_a_few_at_a_time() {
    try (RocksDbStore store = openAt(NOON)) {
      int left = storeLarge(store).size();

      while (left > 0) {
        Reset reset = store.resetDue(Duration.ZERO, 100);
        assertThat(reset.count()).isBetween(1, 3);
        left -= reset.count();
        assertThat(reset.more()).isEqualTo(left > 0);
      }
    }
  }

  @Test
  void however_large_they_are_all_are_deleted() {
    try (RocksDbStore store = openAt(NOON)) {
      List<String> gids = storeLarge(store);
      for (String gid : gids) {
        commit(store, Sagas.batch(gid, 1, NOON));
        commit(store, Sagas.batch(gid, 2, NOON));
      }

      assertThat(store.delete(gids.stream().map(Gid::new).toList(), NOON.plusSeconds(1)))
          .isEqualTo(gids.size());
      assertThat(store.find(new Gid("h"))).isEmpty();
    }
  }

  @Test
  void what_was_leased_is_due_at_once_after_a_restart() {
    Stored leased;
    try (RocksDbStore store = openAt(NOON)) {
      commit(store, Sagas.batch("leased", 0, NOON));
      leased = find(store, "leased");
    }

    try (RocksDbStore store = openAt(NOON.plusSeconds(1))) {
      Stored stored = find(store, "leased");
      assertThat(stored.owner()).isEqualTo(leased.owner().marked(Owner.Mark.RESTING));
      assertThat(stored.transaction().state().schedule().nextTime())
          .isBetween(NOON.plusSeconds(1), NOON.plusSeconds(3));
      assertThat(stored.transaction().branches()).isEqualTo(leased.transaction().branches());
      assertThat(store.claimDue(Duration.ofSeconds(10), RocksDbStoreTest::claim, 10))
          .extracting(claimed -> claimed.transaction().gid().value())
          .containsExactly("leased");
    }
  }

  @Test
  void what_was_at_rest_keeps_its_time_over_a_restart() {
    Stored resting;
    try (RocksDbStore store = openAt(NOON)) {
      commit(store, Sagas.batch("g", 0, NOON));
      Owner owner = Sagas.owner("g", 1).marked(Owner.Mark.RESTING);
      var guard = new Guard.HeldBy(GlobalStatus.SUBMITTED, Sagas.owner("g", 0));
      var schedule = new Schedule(Duration.ofSeconds(10), NOON.plusSeconds(3_600));
      commit(
          store,
          new Batch(new Gid("g"), guard, owner, List.of(new Write.SetSchedule(schedule, NOON))));
      resting = find(store, "g");
    }

    try (RocksDbStore store = openAt(NOON.plusSeconds(1))) {
      assertThat(find(store, "g")).isEqualTo(resting);
      assertThat(store.dueBefore(NOON.plusSeconds(3_600), null, 10)).isEmpty();
      assertThat(store.dueBefore(NOON.plusSeconds(3_601), null, 10))
          .containsExactly(Due.of(resting));
    }
  }

  @Test
  void the_clock_is_never_behind_what_is_stored() {
    try (RocksDbStore store = openAt(NOON)) {
      commit(store, Sagas.batch("g", 0, NOON.plusMillis(7)));
    }

    try (RocksDbStore store = openAt(NOON.minusSeconds(3_600))) {
      assertThat(store.storeTime()).isAfterOrEqualTo(NOON.plusMillis(7));
    }
  }

  @Test
  void what_was_due_under_a_clock_that_was_wrong_is_due_when_it_is_right() {
    try (RocksDbStore store = openAt(NOON)) {
      commit(store, Sagas.batch("abandoned", 0, NOON));
      commit(store, Sagas.batch("released", 0, NOON));
    }
    try (RocksDbStore store = openAt(NOON.plusSeconds(3_600))) {
      store.claimDue(Duration.ofSeconds(10), RocksDbStoreTest::claim, 10);
    }
    try (RocksDbStore store = openAt(NOON.plusSeconds(7_200))) {
      List<Stored> claimed = store.claimDue(Duration.ofSeconds(10), RocksDbStoreTest::claim, 10);
      Stored one = claimed.getFirst();
      store.release(List.of(new Lease(one.transaction().gid(), one.owner().claim())));
    }

    try (RocksDbStore store = openAt(NOON.plusSeconds(1))) {
      assertThat(store.claimDue(Duration.ofSeconds(10), RocksDbStoreTest::claim, 10)).hasSize(2);
    }
  }

  @Test
  void data_of_a_newer_server_is_refused_and_left_alone() throws Exception {
    open().close();
    try (var database = new Database(directory.resolve("rocksdb"), true, true);
        var batch = new WriteBatch()) {
      database.putFormat(batch, Database.FORMAT + 1);
      database.write(batch);
    }

    assertThatExceptionOfType(StoreUnavailableException.class)
        .isThrownBy(this::open)
        .withMessageContainingAll("has format 3 (expected: at most 2)", "a newer server");
    assertThatExceptionOfType(StoreUnavailableException.class)
        .as("the lock is free again, so that the other server can start")
        .isThrownBy(this::open)
        .withMessageContaining("format");
  }

  @Test
  void a_second_store_in_this_process_is_refused() {
    try (RocksDbStore store = open()) {
      assertThatExceptionOfType(StoreUnavailableException.class)
          .isThrownBy(this::open)
          .withMessageContainingAll(
              directory.toString(), "in use by dtm4j, process " + ProcessHandle.current().pid());

      commit(store, Sagas.batch("g", 0, NOON));
    }
  }

  @Test
  void a_second_process_is_refused() throws Exception {
    try (RocksDbStore store = open()) {
      Process other = CommittingProcess.start(List.of(), directory, "g", 1, false);
      String output = new String(other.getInputStream().readAllBytes(), UTF_8);

      assertThat(other.waitFor()).isNotZero();
      assertThat(output)
          .contains("in use by dtm4j, process " + ProcessHandle.current().pid())
          .contains("stop that one, or give this one a directory of its own (Store.Dir)")
          .doesNotContain("answered");
      assertThat(store.find(new Gid("g0-0"))).isEmpty();
    }
  }

  @Test
  void a_second_process_is_refused_after_a_second_store_was_refused_here_too() throws Exception {
    try (RocksDbStore store = open()) {
      assertThatExceptionOfType(StoreUnavailableException.class).isThrownBy(this::open);
      Process other = CommittingProcess.start(List.of(), directory, "g", 1, false);
      String output = new String(other.getInputStream().readAllBytes(), UTF_8);

      assertThat(other.waitFor()).isNotZero();
      assertThat(output)
          .as("by our lock, which holds while the database is opened again, too")
          .contains("in use by dtm4j, process " + ProcessHandle.current().pid());
      assertThat(store.find(new Gid("g0-0"))).isEmpty();
    }
  }

  @Test
  void a_directory_that_cannot_be_used_is_named() throws Exception {
    Path file = Files.createFile(directory.resolve("file"));

    assertThatExceptionOfType(StoreUnavailableException.class)
        .isThrownBy(() -> RocksDbStore.open(new RocksDbConfig(file, true)))
        .withMessageContaining(file.toString());
  }

  @Test
  void a_reset_deletes_our_data_and_nothing_else() throws Exception {
    Path foreign = Files.writeString(directory.resolve("notes.txt"), "mine");
    try (RocksDbStore store = open()) {
      commit(store, Sagas.batch("g", 0, NOON));
      assertThatExceptionOfType(StoreUnavailableException.class)
          .isThrownBy(() -> RocksDbStore.reset(directory))
          .withMessageContaining("in use");
    }

    assertThat(RocksDbStore.reset(directory)).isTrue();

    assertThat(directory.resolve("rocksdb")).doesNotExist();
    assertThat(foreign).exists();
    try (RocksDbStore store = open()) {
      assertThat(store.find(new Gid("g"))).isEmpty();
    }
  }

  @Test
  void a_reset_refuses_a_directory_that_is_not_ours() throws Exception {
    Path data = Files.createDirectory(directory.resolve("rocksdb"));
    Path file = Files.writeString(data.resolve("precious"), "mine");

    assertThatExceptionOfType(StoreUnavailableException.class)
        .isThrownBy(() -> RocksDbStore.reset(directory))
        .withMessageContaining("is not a data directory of dtm4j");

    assertThat(file).exists();
  }

  @Test
  void a_reset_of_what_is_not_there_says_so() {
    Path missing = directory.resolve("not there");

    assertThat(RocksDbStore.reset(missing)).isFalse();
    assertThat(missing).doesNotExist();
  }

  /** Whoever waits for the lock has opened this file. */
  @Test
  void a_reset_leaves_the_lock_file_that_it_holds() {
    open().close();

    RocksDbStore.reset(directory);

    assertThat(directory.resolve("dtm4j.lock")).exists();
  }

  @Test
  void a_transaction_that_cannot_be_read_stops_no_other() throws Exception {
    try (RocksDbStore store = openAt(NOON)) {
      for (String gid : List.of("a", "broken", "c")) {
        commit(store, Sagas.batch(gid, 0, NOON));
      }
    }
    damageStateOf("broken");

    try (RocksDbStore store = openAt(NOON.plusSeconds(60))) {
      assertThat(store.claimDue(Duration.ofSeconds(10), RocksDbStoreTest::claim, 10))
          .extracting(claimed -> claimed.transaction().gid().value())
          .containsExactly("a", "c");
      assertThatExceptionOfType(StoreUnavailableException.class)
          .isThrownBy(() -> find(store, "broken"));
      assertThatExceptionOfType(StoreRejectedException.class)
          .isThrownBy(() -> commit(store, Sagas.batch("broken", 1, NOON)))
          .withMessage("rows of transaction broken cannot be read");
      commit(store, Sagas.batch("d", 0, NOON));
    }
  }

  @Test
  void those_that_cannot_be_read_do_not_hide_those_behind_them() throws Exception {
    try (RocksDbStore store = openAt(NOON)) {
      for (String gid : List.of("a", "b", "c", "d", "e")) {
        commit(store, Sagas.batch(gid, 0, NOON));
      }
    }
    for (String gid : List.of("a", "b", "c")) {
      damageDefinitionOf(gid);
    }

    try (RocksDbStore store = openAt(NOON.plusSeconds(60))) {
      assertThat(store.claimDue(Duration.ofSeconds(10), RocksDbStoreTest::claim, 2))
          .extracting(claimed -> claimed.transaction().gid().value())
          .containsExactly("d", "e");
    }
  }

  @Test
  void a_damaged_block_of_states_hides_only_its_transactions() throws Exception {
    int sagas = 200;
    try (RocksDbStore store = openAt(NOON)) {
      for (int i = 0; i < sagas; i++) {
        commit(store, Sagas.batch("g" + i, 0, NOON));
      }
    }
    openAt(NOON).close(); // flushes what it replays, and releases all
    openAt(NOON).close();
    for (Path file : filesOf("states")) {
      damage(file);
    }

    try (RocksDbStore store = openAt(NOON.plusSeconds(60))) {
      assertThat(store.dueBefore(NOON.plusSeconds(120), null, sagas)).hasSizeBetween(1, sagas - 1);
    }
  }

  @Test
  void an_opening_that_fails_half_way_leaves_nothing_open() throws Exception {
    try (RocksDbStore store = openAt(NOON)) {
      commit(store, Sagas.batch("g", 0, NOON));
    }
    openAt(NOON).close();
    List<Path> files = filesOf("states");
    for (Path file : files) {
      damage(file);
    }
    assertThatExceptionOfType(StoreUnavailableException.class)
        .isThrownBy(this::open)
        .withMessageContaining("checksum");

    for (Path file : files) {
      damage(file); // twice is as before
    }
    try (RocksDbStore store = open()) {
      assertThat(store.find(new Gid("g"))).isPresent();
    }
  }

  /** The tables of a column family. */
  private List<Path> filesOf(String family) throws RocksDBException {
    String path = directory.resolve("rocksdb").toString();
    var families = new ArrayList<ColumnFamilyDescriptor>();
    var handles = new ArrayList<ColumnFamilyHandle>();
    try (var options = new Options();
        var databaseOptions = new DBOptions()) {
      for (byte[] name : RocksDB.listColumnFamilies(options, path)) {
        families.add(new ColumnFamilyDescriptor(name));
      }
      try (var rocks = RocksDB.openReadOnly(databaseOptions, path, families, handles)) {
        handles.forEach(ColumnFamilyHandle::close);
        return rocks.getLiveFilesMetaData().stream()
            .filter(file -> new String(file.columnFamilyName(), UTF_8).equals(family))
            .map(file -> Path.of(file.path(), file.fileName()))
            .toList();
      }
    }
  }

  /** Turns a bit in its first block. */
  private static void damage(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    bytes[20] ^= 1;
    Files.write(file, bytes);
  }

  private void damageDefinitionOf(String gid) throws RocksDBException {
    try (var database = new Database(directory.resolve("rocksdb"), true, true);
        var batch = new WriteBatch()) {
      byte[] number = requireNonNull(database.get(database.gids, new Keys().gid(new Gid(gid))));
      batch.put(database.definitions, number, new byte[] {1, 2});
      database.write(batch);
    }
  }

  private void damageStateOf(String gid) throws RocksDBException {
    try (var database = new Database(directory.resolve("rocksdb"), true, true);
        var batch = new WriteBatch()) {
      byte[] number = requireNonNull(database.get(database.gids, new Keys().gid(new Gid(gid))));
      batch.put(database.states, number, new byte[] {1, 2});
      database.write(batch);
    }
  }

  @Test
  void a_reader_sees_definition_and_state_of_one_moment() throws Exception {
    Queue<Object> wrong = new ConcurrentLinkedQueue<>();
    try (RocksDbStore store = open()) {
      Thread reader =
          Thread.ofPlatform()
              .start(
                  () -> {
                    Gid last = new Gid("g499");
                    for (int i = 0; store.find(last).isEmpty(); i = (i + 1) % 500) {
                      store.find(new Gid("g" + i)).filter(it -> !isWhole(it)).ifPresent(wrong::add);
                    }
                  });
      for (int i = 0; i < 500; i++) {
        for (int number = 0; number < 3; number++) {
          commit(store, Sagas.batch("g" + i, number, store.storeTime()));
        }
      }
      reader.join();
    }

    assertThat(wrong).isEmpty();
  }

  @Test
  void pages_that_end_early_because_of_their_work_show_everything_all_the_same() throws Exception {
    try (RocksDbStore store = openAt(NOON)) {
      for (int i = 0; i < 60; i++) {
        for (int number = 0; number < (i % 15 == 3 ? 3 : 1); number++) {
          commit(store, Sagas.batch("g" + i, number, NOON.plusMillis(i)));
        }
      }
    }

    assertThat(gidsInPagesOfSevenRows(GlobalStatus.SUCCEED, 10_001))
        .containsExactly("g48", "g33", "g18", "g3");
    assertThat(gidsInPagesOfSevenRows(GlobalStatus.SUBMITTED, 10_001))
        .as("by their states, as if they were many")
        .isEqualTo(gidsInPagesOfSevenRows(GlobalStatus.SUBMITTED, 56))
        .hasSize(56);
  }

  private List<String> gidsInPagesOfSevenRows(GlobalStatus status, int unfinished)
      throws RocksDBException {
    var gids = new ArrayList<String>();
    var filter = new Filter(status, null, null, null);
    var index = new DueIndex();
    index.counted(unfinished);
    String cursor = "";
    int pages = 0;
    try (var database = new Database(directory.resolve("rocksdb"), true, true);
        var view = database.view()) {
      do {
        Page<Listed> page = new Listing(database, view, filter, 7).page(cursor, 10, index);
        page.items().forEach(one -> gids.add(one.gid().value()));
        cursor = page.next();
        pages++;
      } while (!cursor.isEmpty());
    }
    assertThat(pages).isBetween(8, 9);
    return gids;
  }

  private static boolean isWhole(Stored stored) {
    long done = stored.transaction().branches().stream().filter(Branch::isDone).count();
    return stored.transaction().branches().size() == 4 && done == stored.owner().revision();
  }

  /** docs/performance.md, Start and memory. */
  @Test
  void an_opening_after_an_orderly_end_has_nothing_to_replay() throws Exception {
    try (RocksDbStore store = open()) {
      commit(store, Sagas.batch("kept", 0, NOON));
    }

    try (Stream<Path> files = Files.walk(directory)) {
      assertThat(files.filter(file -> file.toString().endsWith(".log")))
          .isNotEmpty()
          .allSatisfy(file -> assertThat(file).isEmptyFile());
    }
  }

  @Test
  void a_closed_store_says_so() {
    RocksDbStore store = open();
    store.close();
    store.close();

    assertThatExceptionOfType(StoreUnavailableException.class)
        .isThrownBy(() -> find(store, "g"))
        .withMessage("the store is closed");
  }

  private static Owner claim(Gid gid) {
    return Sagas.owner("new claim of " + gid, 0);
  }

  private static Stored find(RocksDbStore store, String gid) {
    return store.find(new Gid(gid)).orElseThrow();
  }

  private static void commit(RocksDbStore store, Batch batch) {
    assertThat(store.commit(List.of(batch)).getFirst()).isInstanceOf(CommitResult.Committed.class);
  }
}
