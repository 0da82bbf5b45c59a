package io.dtm4j.store.sql;

import io.dtm4j.model.Branch;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Extra;
import io.dtm4j.model.State;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.PlainText;
import io.dtm4j.store.ExtraJson;
import org.jspecify.annotations.Nullable;

/** How many bytes rows have, roughly; on their way the driver may double them. */
final class Weights {
  private static final int ROW = 100;

  private Weights() {}

  /** A record with all its rows. */
  static long of(Transaction transaction) {
    long bytes = ofGlobal(transaction);
    Branch before = null;
    for (Branch row : transaction.branches()) {
      bytes += ofBranch(row, before != null && before.payload().equals(row.payload()));
      before = row;
    }
    return bytes;
  }

  /** Its row in trans_global. */
  static int ofGlobal(Transaction transaction) {
    Definition definition = transaction.definition();
    State state = transaction.state();
    return ROW
        + bytesOf(definition.queryPrepared())
        + bytesOf(definition.customData())
        + (definition.options().branchHeaders().isEmpty()
            ? ROW
            : bytesOf(OptionsJson.write(definition.options())))
        + (state.extra().equals(Extra.NONE) ? 0 : bytesOf(ExtraJson.write("", state.extra())))
        + bytesOf(state.result())
        + bytesOf(state.reason());
  }

  /**
   * A row in trans_branch_op.
   *
   * @param sharesPayload whether it has none of its own
   */
  static int ofBranch(Branch row, boolean sharesPayload) {
    return ROW + bytesOf(row.url()) + (sharesPayload ? 0 : row.payload().bytes().length);
  }

  private static int bytesOf(@Nullable String text) {
    return text == null ? 0 : (int) PlainText.bytesOf(text);
  }
}
