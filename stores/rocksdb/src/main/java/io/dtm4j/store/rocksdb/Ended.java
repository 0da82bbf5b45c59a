package io.dtm4j.store.rocksdb;

import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.TransType;
import io.dtm4j.store.Page;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.rocksdb.RocksDBException;

/**
 * Finds what ended before a time. It goes through the states type by type, each from the oldest, up
 * to those that were created after that time. Lives for one page.
 */
final class Ended {
  private final Database families;
  private final Database.View view;
  private final Instant time;
  private final Keys keys = new Keys();
  private final List<Gid> found = new ArrayList<>();
  private long last;
  private int rowsLeft = Listing.MOST_ROWS;

  Ended(Database families, Database.View view, Instant time) {
    this.families = families;
    this.view = view;
    this.time = time;
  }

  /**
   * A page.
   *
   * @param behind the number of the last transaction that the page before has looked at; 0: none
   */
  Page<Gid> page(long behind, int limit) throws RocksDBException {
    last = behind;
    long end = Math.min(Numbers.behind(time, Database.lag(view, families)), Numbers.END);
    for (TransType type : DefinitionRow.TYPES) {
      long from = Math.max(Numbers.of(type, 0), last + 1);
      long upTo = Numbers.of(type, end);
      if (from < upTo) {
        view.scan(
            families.states,
            keys.number(from),
            keys.number(upTo),
            (key, row) -> {
              look(Keys.numberOf(key), row);
              return !isFull(limit);
            });
      }
      if (isFull(limit)) {
        return new Page<>(found, Long.toString(last));
      }
    }
    return new Page<>(found, "");
  }

  private boolean isFull(int limit) {
    return found.size() == limit || rowsLeft == 0;
  }

  /** What cannot be read stays. */
  private void look(long number, byte[] row) throws RocksDBException {
    last = number;
    rowsLeft--;
    try {
      if (StateRow.readStatus(row).isFinal()) {
        Instant end = StateRow.read(row).state().endTime();
        byte[] definition = view.get(families.definitions, keys.number(number));
        if (end != null && end.isBefore(time) && definition != null) {
          found.add(DefinitionRow.readHead(definition).gid());
        }
      }
    } catch (IllegalStateException | IllegalArgumentException | IndexOutOfBoundsException _) {
      // left out
    }
  }
}
