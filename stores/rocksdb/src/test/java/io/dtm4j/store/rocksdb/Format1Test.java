package io.dtm4j.store.rocksdb;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Due;
import io.dtm4j.model.Extra;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.Counts;
import io.dtm4j.store.Filter;
import io.dtm4j.store.Listed;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.RocksDBException;
import org.rocksdb.WriteBatch;

/** Data that counts its transactions from 1 is upgraded when it is opened. */
@DisplayNameGeneration(ReplaceUnderscores.class)
class Format1Test {
  private static final Instant NOON = Instant.parse("2026-01-02T12:00:00Z");
  private static final Instant DUE = Instant.parse("2100-01-02T12:00:00Z");

  @TempDir Path directory;

  private final List<Stored> records = new ArrayList<>();

  @BeforeEach
  void everyKindOfTransaction() {
    for (int i = 0; i < 450; i++) {
      TransType type = List.of(TransType.values()).get(i % 5);
      GlobalStatus status = List.of(GlobalStatus.values()).get(i / 5 % 5);
      Owner owner = Sagas.owner("claim-" + i, 1).marked(Owner.Mark.RESTING);
      var rows = new ArrayList<Branch>();
      for (int row = 0; row < i % 4; row++) {
        rows.add(Branch.open(new BranchKey("0" + row, Op.ACTION), "u", Payload.of("x"), NOON));
      }
      var definition =
          new Definition(type, "http", "", "", Options.DEFAULTS, NOON.plusMillis(i / 3 * 7L));
      var state =
          new State(
              status,
              "",
              "",
              NOON.plusSeconds(9),
              status.isFinal() ? NOON.plusSeconds(9) : null,
              new Schedule(Duration.ofSeconds(10), DUE.plusMillis(i)),
              Extra.NONE);
      records.add(new Stored(new Transaction(new Gid("g" + i), definition, state, rows), owner));
    }
  }

  /** As format 1 did, rows from the second on being registered later. */
  private void write(Database database) throws RocksDBException {
    var keys = new Keys();
    var writer = new RowWriter();
    try (var batch = new WriteBatch()) {
      long number = 0;
      for (Stored stored : records) {
        Transaction transaction = stored.transaction();
        Gid gid = transaction.gid();
        Definition definition = transaction.definition();
        List<Branch> rows = transaction.branches();
        List<Branch> first = rows.subList(0, Math.min(1, rows.size()));
        batch.put(database.gids, keys.gid(gid), keys.number(++number));
        batch.put(
            database.definitions,
            keys.number(number),
            DefinitionRow.write(writer, gid, definition, first));
        for (int row = 1; row < rows.size(); row++) {
          byte[] later = DefinitionRow.writeLater(writer, definition, rows.subList(row, row + 1));
          batch.put(database.definitions, keys.laterRows(number, row), later);
        }
        batch.put(database.states, keys.number(number), StateRow.write(writer, stored));
        if (!transaction.status().isFinal()) {
          Instant due = transaction.state().schedule().nextTime();
          batch.put(database.due, keys.due(due, gid), DueRow.write(writer, false, number));
        }
      }
      database.putFormat(batch, 1);
      database.write(batch);
    }
  }

  private Database database() throws RocksDBException {
    return new Database(directory.resolve("rocksdb"), true, true);
  }

  private RocksDbStore store() {
    return RocksDbStore.open(new RocksDbConfig(directory, true));
  }

  @Test
  void everything_is_there_in_the_same_order() throws Exception {
    store().close();
    try (Database database = database()) {
      write(database);
    }

    check();
    check(); // it is of the present format now
  }

  @Test
  void an_upgrade_that_was_cut_short_goes_on() throws Exception {
    store().close();
    try (Database database = database()) {
      write(database);
      assertThat(new Format1(database).moveSome()).isTrue();
    }

    check();
  }

  @Test
  void one_that_cannot_be_read_stops_no_other() throws Exception {
    store().close();
    try (Database database = database();
        var batch = new WriteBatch()) {
      write(database);
      batch.put(database.states, new Keys().number(8), new byte[] {9});
      database.write(batch);
    }
    records.remove(7);

    try (RocksDbStore store = store()) {
      for (Stored stored : records) {
        assertThat(store.find(stored.transaction().gid())).hasValue(stored);
      }
    }
  }

  private void check() {
    try (RocksDbStore store = store()) {
      for (Stored stored : records) {
        assertThat(store.find(stored.transaction().gid())).hasValue(stored);
      }
      List<Listed> newestFirst = records.reversed().stream().map(Listed::of).toList();
      assertThat(listed(store, null, null)).isEqualTo(newestFirst);
      for (GlobalStatus status : GlobalStatus.values()) {
        assertThat(listed(store, status, null))
            .isEqualTo(newestFirst.stream().filter(one -> one.state().status() == status).toList());
      }
      assertThat(listed(store, GlobalStatus.FAILED, TransType.XA)).hasSize(18);
      List<Due> dues =
          records.stream()
              .filter(stored -> !stored.transaction().status().isFinal())
              .map(Due::of)
              .toList();
      assertThat(store.dueBefore(DUE.plusSeconds(1), null, 1_000)).isEqualTo(dues);
      assertThat(store.counts()).isEqualTo(new Counts(dues.size(), dues.getFirst().nextTime()));
      Batch newest = Sagas.batch("new" + System.nanoTime(), 0, NOON);
      assertThat(store.commit(List.of(newest)).getFirst())
          .isInstanceOf(CommitResult.Committed.class);
      assertThat(store.list(Filter.ALL, "", 1).items().getFirst().gid()).isEqualTo(newest.gid());
      store.commit(List.of(Sagas.batch(newest.gid().value(), 1, NOON)));
      store.commit(List.of(Sagas.batch(newest.gid().value(), 2, NOON)));
      assertThat(store.delete(List.of(newest.gid()), DUE)).isEqualTo(1);
    }
  }

  private static List<Listed> listed(
      RocksDbStore store, @Nullable GlobalStatus status, @Nullable TransType type) {
    return store.list(new Filter(status, type, null, null), "", 1_000).items();
  }
}
