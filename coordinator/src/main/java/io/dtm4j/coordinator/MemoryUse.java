package io.dtm4j.coordinator;

import io.dtm4j.model.Branch;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.Payload;
import java.util.List;
import java.util.Map;

/** Estimates what transactions take up in memory. */
final class MemoryUse {
  /** The objects of a branch row. */
  private static final int BYTES_PER_ROW = 200;

  /** The objects of a branch header. */
  private static final int BYTES_PER_HEADER = 100;

  private MemoryUse() {}

  /** Roughly the bytes of a transaction. */
  static long of(Transaction transaction) {
    Definition definition = transaction.definition();
    long bytes = (long) definition.customData().length() + definition.queryPrepared().length();
    for (Map.Entry<String, String> header : definition.options().branchHeaders().entrySet()) {
      bytes += BYTES_PER_HEADER + header.getKey().length() + header.getValue().length();
    }
    Payload last = Payload.EMPTY;
    List<Branch> rows = transaction.branches();
    for (int row = 0; row < rows.size(); row++) { // for each command and pass: no iterators
      Branch branch = rows.get(row);
      bytes += BYTES_PER_ROW + branch.url().length();
      if (!branch.payload().equals(last)) { // the rows of a step share theirs
        last = branch.payload();
        bytes += last.bytes().length;
      }
    }
    return bytes;
  }
}
