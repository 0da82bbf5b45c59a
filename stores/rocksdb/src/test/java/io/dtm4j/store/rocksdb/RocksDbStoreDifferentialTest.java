package io.dtm4j.store.rocksdb;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.store.TransactionStore;
import io.dtm4j.store.contract.StoreDifferential;
import java.nio.file.Path;
import java.util.ArrayList;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.RocksDBException;

class RocksDbStoreDifferentialTest extends StoreDifferential {
  @TempDir Path directory;

  @Override
  protected TransactionStore emptyStore() {
    return RocksDbStore.open(new RocksDbConfig(directory, true));
  }

  @Override
  protected TransactionStore reopen(TransactionStore store) throws RocksDBException {
    store.close();
    assertIndexHasWhatIsUnfinished();
    return RocksDbStore.open(new RocksDbConfig(directory, true));
  }

  /** All of it and nothing else, under its present time and mark. */
  private void assertIndexHasWhatIsUnfinished() throws RocksDBException {
    var expected = new ArrayList<String>();
    var found = new ArrayList<String>();
    var keys = new Keys();
    try (var database = new Database(directory.resolve("rocksdb"), true);
        var view = database.view()) {
      view.scan(
          database.states,
          new byte[0],
          null,
          (key, row) -> {
            StateRow state = StateRow.read(row);
            if (!state.state().status().isFinal()) {
              var due = new DueRow(state.owner().isHeld(), Keys.numberOf(key));
              expected.add(state.state().schedule().nextTime() + " " + due);
            }
            return true;
          });
      view.scan(
          database.due,
          new byte[0],
          null,
          (key, row) -> {
            DueRow due = DueRow.read(row);
            found.add(Keys.timeOfDue(key) + " " + due);
            byte[] definition = view.get(database.definitions, keys.number(due.number()));
            assertThat(DefinitionRow.read(requireNonNull(definition)).gid())
                .isEqualTo(Keys.gidOfDue(key));
            return true;
          });
    }
    assertThat(found).containsExactlyInAnyOrderElementsOf(expected);
  }
}
