package io.dtm4j.store.rocksdb;

import io.dtm4j.model.Definition;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.TransType;
import java.util.ArrayList;
import java.util.List;
import org.rocksdb.RocksDBException;
import org.rocksdb.WriteBatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Upgrades data of format 1, whose transactions are numbered from 1 on, whatever their type: each
 * moves to a number of today ({@link Numbers}), in the same order. It moves in one write, so an
 * upgrade that was cut short goes on with the rest. What cannot be read keeps its number.
 */
final class Format1 {
  private static final Logger log = LoggerFactory.getLogger(Format1.class);
  private static final int AT_ONCE = 200;

  private final Database database;
  private final Keys keys = new Keys();
  private final RowWriter writer = new RowWriter();
  private long last;
  private long lastPlace;
  private long lag;

  Format1(Database database) throws RocksDBException {
    this.database = database;
    lastPlace = database.lastPlace();
    lag = Database.lag(database, database);
  }

  void upgrade() throws RocksDBException {
    log.info("data of an older format is upgraded");
    while (moveSome()) {
      // the next ones
    }
    try (var batch = new WriteBatch()) {
      database.putFormat(batch, 2);
      database.write(batch);
    }
    log.info("data is upgraded");
  }

  /** Moves some transactions; false when there are no more. */
  boolean moveSome() throws RocksDBException {
    List<Long> numbers = new ArrayList<>();
    try (Database.View view = database.view();
        var batch = new WriteBatch()) {
      view.scan(
          database.states,
          keys.number(last + 1),
          keys.number(Numbers.of(TransType.SAGA, 0)),
          (key, _) -> {
            numbers.add(Keys.numberOf(key));
            return numbers.size() < AT_ONCE;
          });
      for (long number : numbers) {
        last = number;
        move(view, number, batch);
      }
      database.putLag(batch, writer, lag);
      database.write(batch);
    }
    return !numbers.isEmpty();
  }

  private void move(Database.View view, long number, WriteBatch batch) throws RocksDBException {
    byte[] oldKey = keys.number(number);
    byte[] stateRow = view.get(database.states, oldKey);
    byte[] definitionRow = view.get(database.definitions, oldKey);
    if (stateRow == null || definitionRow == null) {
      log.atError().addKeyValue("number", number).log("a transaction without its rows stays");
      return;
    }
    Gid gid;
    Definition definition;
    StateRow state;
    try {
      DefinitionRow head = DefinitionRow.readHead(definitionRow);
      gid = head.gid();
      definition = head.definition();
      state = StateRow.read(stateRow);
    } catch (IllegalStateException | IllegalArgumentException | IndexOutOfBoundsException e) {
      log.atError().addKeyValue("number", number).setCause(e).log("an unreadable one stays");
      return;
    }
    lastPlace = Numbers.next(lastPlace, definition.createTime());
    lag = Math.max(lag, Numbers.lag(lastPlace, definition.createTime()));
    long newNumber = Numbers.of(definition.type(), lastPlace);
    batch.put(database.gids, keys.gid(gid), keys.number(newNumber));
    view.scan(
        database.definitions,
        oldKey,
        keys.number(number + 1),
        (key, row) -> {
          batch.put(database.definitions, Keys.renumbered(key, keys.number(newNumber)), row);
          batch.delete(database.definitions, key);
          return true;
        });
    batch.put(database.states, keys.number(newNumber), stateRow);
    batch.delete(database.states, oldKey);
    GlobalStatus status = state.state().status();
    if (Listing.isRollback(status)) {
      batch.put(database.rollbacks, keys.rollback(status, newNumber), Changes.NO_BYTES);
    }
    if (!status.isFinal()) {
      byte[] due = keys.due(state.state().schedule().nextTime(), gid);
      batch.put(database.due, due, DueRow.write(writer, state.owner().isHeld(), newNumber));
    }
  }
}
