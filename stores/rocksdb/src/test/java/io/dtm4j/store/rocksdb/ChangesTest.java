package io.dtm4j.store.rocksdb;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import java.nio.file.Path;
import java.time.Instant;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.RocksDBException;

@DisplayNameGeneration(ReplaceUnderscores.class)
class ChangesTest {
  private static final Gid GID = new Gid("g");
  private static final Instant NOON = Instant.parse("2026-01-02T12:00:00Z");

  private final DueIndex index = new DueIndex();
  private final Changes changes = new Changes(new Recent(1 << 20), index);

  @TempDir Path directory;

  @Test
  void what_is_deleted_and_put_again_in_one_group_is_another_transaction() throws Exception {
    try (changes;
        var database = new Database(directory, true, true)) {
      changes.begin(database);
      index.begin(database);
      for (int step = 0; step < 3; step++) {
        put(database, Sagas.batch("g", step, NOON));
        write(database);
      }
      Stored ended = read(database);
      Batch again = Sagas.batch("g", 0, NOON.plusSeconds(60));

      assertThat(changes.find(database, GID)).isEqualTo(ended);
      changes.delete(database, GID);
      assertThat(changes.find(database, GID)).isNull();
      put(database, again);
      write(database);

      assertThat(read(database)).isEqualTo(((Batch.Applied.Changed) again.applyTo(null)).stored());
      assertThat(index.unfinished()).isEqualTo(1);
    }
  }

  private void put(Database database, Batch batch) throws RocksDBException {
    Batch.Applied applied = batch.applyTo(changes.find(database, GID));
    changes.put(GID, ((Batch.Applied.Changed) applied).stored());
  }

  private void write(Database database) throws RocksDBException {
    changes.prepare(database, NOON);
    changes.write(database);
    changes.clear();
  }

  private static Stored read(Database database) throws RocksDBException {
    return requireNonNull(Known.read(database, database, new Keys(), GID)).stored();
  }
}
