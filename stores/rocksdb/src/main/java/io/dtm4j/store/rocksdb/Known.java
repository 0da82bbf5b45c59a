package io.dtm4j.store.rocksdb;

import io.dtm4j.model.Branch;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.rocksdb.RocksDBException;

/**
 * A transaction that was read or written.
 *
 * @param number see {@link Keys}
 * @param weight roughly its bytes in memory
 */
record Known(long number, Stored stored, int weight) {
  /**
   * Reads a transaction: its state, and what the state speaks of. Definitions are in the database
   * at the latest with the state that knows of them. But a submit may write one anew, with all rows
   * in it, and the transaction may be deleted and created again: unless nobody writes meanwhile,
   * the source must be of one moment.
   *
   * @return null when no transaction has this gid
   * @throws BrokenRowException when its rows make no sense
   */
  static @Nullable Known read(RowSource source, Database families, Keys keys, Gid gid)
      throws RocksDBException {
    try {
      byte[] numberRow = source.get(families.gids, keys.gid(gid));
      if (numberRow == null) {
        return null;
      }
      long number = Keys.numberOf(numberRow);
      byte[] key = keys.number(number);
      byte[] stateRow = present(source.get(families.states, key));
      byte[] definitionRow = present(source.get(families.definitions, key));
      StateRow state = StateRow.read(stateRow);
      DefinitionRow definition = DefinitionRow.read(definitionRow);
      int weight = definitionRow.length;
      List<Branch> branches = definition.branches();
      if (branches.size() < state.progress().size()) {
        branches = new ArrayList<>(branches);
        while (branches.size() < state.progress().size()) {
          byte[] row =
              present(source.get(families.definitions, keys.laterRows(number, branches.size())));
          branches.addAll(DefinitionRow.readLater(row, definition.definition()));
          weight += row.length;
        }
      }
      return new Known(number, state.with(gid, definition.definition(), branches), weight);
    } catch (RuntimeException e) {
      throw broken(gid, e);
    } catch (RocksDBException e) {
      if (BrokenRowException.isCause(e)) {
        throw broken(gid, e);
      }
      throw e;
    }
  }

  private static BrokenRowException broken(Gid gid, Exception cause) {
    return new BrokenRowException("rows of transaction " + gid + " cannot be read", cause);
  }

  private static byte[] present(byte @Nullable [] row) {
    if (row == null) {
      throw new IllegalStateException("rows are missing");
    }
    return row;
  }
}
