package io.dtm4j.store.mongodb;

import io.dtm4j.model.Branch;
import io.dtm4j.model.Stored;
import java.util.List;
import org.bson.BsonDocument;
import org.bson.BsonNull;

/**
 * What has to change of a document so that it says what a record has become. Members that are not
 * known here stay.
 */
final class Differences {
  private Differences() {}

  /** Operators of an update. */
  static BsonDocument between(Documents.Found found, Stored now) {
    var set = new BsonDocument();
    var unset = new BsonDocument();
    if (!found.stored().equals(now)) {
      Documents.checkSize(now);
      BsonDocument before = Documents.stateOf(found.stored(), found.extData());
      BsonDocument after = Documents.stateOf(now, found.extData());
      after.forEach(
          (path, value) -> {
            if (!value.equals(before.get(path))) {
              set.put(path, value);
            }
          });
      before.keySet().stream()
          .filter(path -> !after.containsKey(path))
          .forEach(path -> unset.put(path, BsonNull.VALUE));
      addRows(found.stored().transaction().branches(), now.transaction().branches(), set, unset);
    }
    return new BsonDocument("$set", set).append("$unset", unset);
  }

  /** Rows never go and never move: those behind the last are new. */
  private static void addRows(
      List<Branch> before, List<Branch> now, BsonDocument set, BsonDocument unset) {
    for (int i = 0; i < now.size(); i++) {
      Branch row = now.get(i);
      if (i >= before.size()) {
        set.put(
            Documents.BRANCHES + "." + i, Documents.newRow(row, i == 0 ? null : now.get(i - 1)));
      } else if (!row.equals(before.get(i))) {
        set.put(Documents.ofRow(i, Documents.STATUS), Values.text(row.status().wireName()));
        String finished = Documents.ofRow(i, Documents.FINISH_TIME);
        if (row.finishTime() == null) {
          unset.put(finished, BsonNull.VALUE);
        } else {
          set.put(finished, Values.time(row.finishTime()));
        }
      }
    }
  }
}
