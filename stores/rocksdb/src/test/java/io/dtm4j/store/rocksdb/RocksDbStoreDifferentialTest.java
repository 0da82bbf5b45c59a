package io.dtm4j.store.rocksdb;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.store.TransactionStore;
import io.dtm4j.store.contract.StoreDifferential;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.function.BiFunction;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.ColumnFamilyHandle;
import org.rocksdb.RocksDBException;

class RocksDbStoreDifferentialTest extends StoreDifferential {
  @TempDir Path directory;

  @Override
  protected int sequences() {
    return 10_000;
  }

  @Override
  protected TransactionStore emptyStore() {
    return RocksDbStore.open(new RocksDbConfig(directory, false));
  }

  @Override
  protected TransactionStore reopen(TransactionStore open) throws RocksDBException {
    open.close();
    assertIndexHasWhatIsStored();
    return RocksDbStore.open(new RocksDbConfig(directory, false));
  }

  /**
   * All of it and nothing else, under its present time, mark and status; and nothing is left over.
   */
  private void assertIndexHasWhatIsStored() throws RocksDBException {
    var due = new ArrayList<String>();
    var rollbacks = new ArrayList<String>();
    var numbers = new ArrayList<Long>();
    var keys = new Keys();
    try (var database = new Database(directory.resolve("rocksdb"), true, true);
        var view = database.view()) {
      view.scan(
          database.states,
          new byte[0],
          null,
          (key, row) -> {
            long number = Keys.numberOf(key);
            numbers.add(number);
            StateRow state = StateRow.read(row);
            GlobalStatus status = state.state().status();
            if (!status.isFinal()) {
              var dueRow = new DueRow(state.owner().isHeld(), number);
              due.add(state.state().schedule().nextTime() + " " + dueRow);
            }
            if (Listing.isRollback(status)) {
              rollbacks.add(Arrays.toString(keys.rollback(status, number)));
            }
            DefinitionRow definition =
                DefinitionRow.read(requireNonNull(view.get(database.definitions, key)));
            assertThat(view.get(database.gids, keys.gid(definition.gid()))).isEqualTo(key);
            assertThat(Numbers.isOf(number, definition.definition().type())).isTrue();
            return true;
          });
      assertThat(
              rows(view, database.due, (key, row) -> Keys.timeOfDue(key) + " " + DueRow.read(row)))
          .containsExactlyInAnyOrderElementsOf(due);
      assertThat(rows(view, database.rollbacks, (key, _) -> Arrays.toString(key)))
          .containsExactlyInAnyOrderElementsOf(rollbacks);
      assertThat(rows(view, database.gids, (_, row) -> Keys.numberOf(row)))
          .containsExactlyInAnyOrderElementsOf(numbers);
      assertThat(rows(view, database.definitions, (key, _) -> Keys.numberOf(key)))
          .containsExactlyInAnyOrderElementsOf(numbers);
    }
  }

  private static <T> List<T> rows(
      Database.View view, ColumnFamilyHandle family, BiFunction<byte[], byte[], T> read)
      throws RocksDBException {
    var rows = new LinkedHashSet<T>(); // later rows of a definition count once
    view.scan(
        family,
        new byte[0],
        null,
        (key, row) -> {
          rows.add(read.apply(key, row));
          return true;
        });
    return List.copyOf(rows);
  }
}
