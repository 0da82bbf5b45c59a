package io.dtm4j.store.rocksdb;

import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.TransType;
import io.dtm4j.store.Cursors;
import io.dtm4j.store.Filter;
import io.dtm4j.store.Listed;
import io.dtm4j.store.Page;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.rocksdb.RocksDBException;

/**
 * Lists transactions, the newest first. A type and a span of time are ranges of numbers ({@link
 * Numbers}), so what lies outside is not looked at. For a status it depends:
 *
 * <ul>
 *   <li>aborting and failed ones have index rows;
 *   <li>for prepared and submitted ones all that is unfinished is looked at, when that is little;
 *   <li>else, and for succeeded ones, which are the rule, states are looked through.
 * </ul>
 *
 * What a page may cost is bounded, so a page may be short when what it looks for is rare among very
 * many of the same kind. Lives for one page.
 */
final class Listing {
  /** Transactions that a page looks at; some 100 to 200 ms. */
  static final int MOST_ROWS = 100_000;

  /** Bytes of rows that a page reads; some of them may stay with its items. */
  private static final long MOST_BYTES = 8 << 20;

  /** So many unfinished transactions are read and sorted for a page. */
  private static final int FEW = 10_000;

  private final Database families;
  private final Database.View view;
  private final Filter filter;
  private final Keys keys = new Keys();
  private final List<Listed> items = new ArrayList<>();
  private long rowsLeft;
  private long bytesLeft = MOST_BYTES;

  Listing(Database families, Database.View view, Filter filter, int mostRows) {
    this.families = families;
    this.view = view;
    this.filter = filter;
    rowsLeft = mostRows;
  }

  static boolean isRollback(GlobalStatus status) {
    return status == GlobalStatus.ABORTING || status == GlobalStatus.FAILED;
  }

  /**
   * A page.
   *
   * @param cursor the place of the last transaction that the page before has looked at
   * @param index what is unfinished
   */
  Page<Listed> page(String cursor, int limit, DueIndex index) throws RocksDBException {
    long end = cursor.isEmpty() ? Numbers.END : Cursors.number(cursor);
    if (filter.createdTo() != null) {
      end = Math.min(end, Numbers.behind(filter.createdTo(), Database.lag(view, families)));
    }
    end = Math.min(end, Numbers.END);
    long from = filter.createdFrom() == null ? 0 : Numbers.firstOf(filter.createdFrom());
    if (from >= end) {
      return new Page<>(List.of(), "");
    }
    try (Candidates candidates = candidates(from, end, index)) {
      long last = end;
      while (!candidates.isAtEnd()) {
        if (items.size() == limit || rowsLeft <= 0 || bytesLeft <= 0) {
          return new Page<>(items, Long.toString(last));
        }
        long number = candidates.number();
        consider(number, candidates.state());
        rowsLeft--;
        last = Numbers.place(number);
        candidates.next();
      }
      return new Page<>(items, "");
    }
  }

  private Candidates candidates(long from, long end, DueIndex index) throws RocksDBException {
    GlobalStatus status = filter.status();
    List<TransType> types = filter.type() == null ? DefinitionRow.TYPES : List.of(filter.type());
    boolean isOpen = status == GlobalStatus.PREPARED || status == GlobalStatus.SUBMITTED;
    return isOpen && index.unfinished() <= FEW
        ? new Few(index, types, from, end)
        : new Merged(types, from, end, status);
  }

  /** What cannot be read is left out; whoever asks for it is told why. */
  private void consider(long number, byte @Nullable [] stateRow) throws RocksDBException {
    try {
      if (stateRow == null
          || (filter.status() != null && StateRow.readStatus(stateRow) != filter.status())) {
        return;
      }
      byte[] definitionRow = view.get(families.definitions, keys.number(number));
      if (definitionRow == null) {
        return;
      }
      bytesLeft -= definitionRow.length + stateRow.length;
      DefinitionRow definition = DefinitionRow.readHead(definitionRow);
      StateRow state = StateRow.read(stateRow);
      var one = new Listed(definition.gid(), definition.definition(), state.state(), state.owner());
      if (filter.matches(one)) {
        items.add(one);
      }
    } catch (IllegalStateException | IllegalArgumentException | IndexOutOfBoundsException _) {
      // left out
    }
  }

  /** Transactions that may match, the newest first. */
  private interface Candidates extends AutoCloseable {
    boolean isAtEnd();

    /** The number of the present one. */
    long number();

    /** The state of the present one; null: there is none. */
    byte @Nullable [] state() throws RocksDBException;

    void next() throws RocksDBException;

    @Override
    void close();
  }

  /** All that is unfinished. */
  private final class Few implements Candidates {
    private final List<Long> numbers;
    private int at;

    Few(DueIndex index, List<TransType> types, long from, long end) throws RocksDBException {
      numbers =
          index.numbers(view, families).stream()
              .filter(
                  number ->
                      types.stream().anyMatch(type -> Numbers.isOf(number, type))
                          && Numbers.place(number) >= from
                          && Numbers.place(number) < end)
              .sorted(Comparator.comparingLong(Numbers::place).reversed())
              .toList();
    }

    @Override
    public boolean isAtEnd() {
      return at == numbers.size();
    }

    @Override
    public long number() {
      return numbers.get(at);
    }

    @Override
    public byte @Nullable [] state() throws RocksDBException {
      return view.get(families.states, keys.number(number()));
    }

    @Override
    public void next() {
      at++;
    }

    @Override
    public void close() {}
  }

  /** Walks backward through the states, or the index rows of a status, of all types at once. */
  private final class Merged implements Candidates {
    private final boolean isIndex;
    private final List<Database.Backward> walks = new ArrayList<>();
    private final List<Long> numbers = new ArrayList<>(); // where each walk is; NONE at its end
    private int newest;

    Merged(List<TransType> types, long from, long end, @Nullable GlobalStatus status)
        throws RocksDBException {
      isIndex = status != null && isRollback(status);
      try {
        for (TransType type : types) {
          long first = Numbers.of(type, from);
          long behind = Numbers.of(type, end);
          walks.add(
              isIndex && status != null
                  ? view.backward(
                      families.rollbacks,
                      keys.rollback(status, first),
                      keys.rollback(status, behind))
                  : view.backward(families.states, keys.number(first), keys.number(behind)));
          numbers.add(numberOf(walks.getLast()));
        }
      } catch (RocksDBException e) {
        close();
        throw e;
      }
      findNewest();
    }

    private static final long NONE = -1;

    private long numberOf(Database.Backward walk) {
      if (walk.isAtEnd()) {
        return NONE;
      }
      return isIndex ? Keys.numberOfRollback(walk.key()) : Keys.numberOf(walk.key());
    }

    private void findNewest() {
      newest = 0;
      for (int i = 1; i < numbers.size(); i++) {
        if (placeOf(i) > placeOf(newest)) {
          newest = i;
        }
      }
    }

    private long placeOf(int walk) {
      long number = numbers.get(walk);
      return number == NONE ? NONE : Numbers.place(number);
    }

    @Override
    public boolean isAtEnd() {
      return numbers.get(newest) == NONE;
    }

    @Override
    public long number() {
      return numbers.get(newest);
    }

    @Override
    public byte @Nullable [] state() throws RocksDBException {
      return isIndex ? view.get(families.states, keys.number(number())) : walks.get(newest).value();
    }

    @Override
    public void next() throws RocksDBException {
      Database.Backward walk = walks.get(newest);
      walk.next();
      numbers.set(newest, numberOf(walk));
      findNewest();
    }

    @Override
    public void close() {
      walks.forEach(Database.Backward::close);
    }
  }
}
