package io.dtm4j.store.sql;

import io.dtm4j.model.Branch;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.PlainText;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the columns of DTM's own tables hold, as the database says: a short one cuts nothing, it
 * refuses. Whoever takes a request may ask before anything is stored.
 */
public final class Limits {
  /** Columns that hold whatever a transaction may have. */
  public static final Limits NONE = new Limits(Map.of());

  private final Map<String, Limit> byColumn;

  /**
   * What a column holds.
   *
   * @param most in characters or bytes
   */
  record Limit(long most, boolean inBytes) {
    boolean holds(String text) {
      return text.length() <= most / 4 || sizeOf(text) <= most;
    }

    long sizeOf(String text) {
      return inBytes ? PlainText.bytesOf(text) : text.codePointCount(0, text.length());
    }

    String words() {
      return most + (inBytes ? " bytes" : " characters");
    }
  }

  /**
   * @param byColumn by table and column, {@code trans_global.gid}; those that are not in it hold
   *     everything
   */
  Limits(Map<String, Limit> byColumn) {
    this.byColumn = Map.copyOf(byColumn);
  }

  /** Why that new transaction does not fit, in words for its client; null: it does. */
  public @Nullable String refusal(Transaction transaction) {
    Definition definition = transaction.definition();
    return first(
        tooLong("gid", "trans_global.gid", transaction.gid().value()),
        tooLong("query_prepared", "trans_global.query_prepared", definition.queryPrepared()),
        tooLong("custom_data", "trans_global.custom_data", definition.customData()),
        tooLong(
            "branch_headers and options",
            "trans_global.options",
            OptionsJson.write(definition.options())),
        refusal(transaction.branches()),
        refusalOfResult(transaction.state().result()));
  }

  /** Why these rows do not fit; null: they do. */
  public @Nullable String refusal(List<Branch> rows) {
    for (Branch row : rows) {
      String refusal =
          first(
              tooLong("branch_id", "trans_branch_op.branch_id", row.key().branchId()),
              tooLong("op", "trans_branch_op.op", row.key().op().wireName()),
              tooLong("url of a branch", "trans_branch_op.url", row.url()));
      Limit limit = byColumn.get("trans_branch_op.bin_data");
      if (refusal == null && limit != null && row.payload().bytes().length > limit.most) {
        refusal = words("payload of a branch", row.payload().bytes().length, limit);
      }
      if (refusal != null) {
        return refusal;
      }
    }
    return null;
  }

  /** Why that result of a workflow does not fit; null: it does. */
  public @Nullable String refusalOfResult(String result) {
    return tooLong("result", "trans_global.result", result);
  }

  /** Why that value of a topic or another key does not fit; null: it does. */
  public @Nullable String refusalOfValue(String category, String key, String value) {
    return first(
        tooLong("category", "kv.cat", category),
        tooLong("key", "kv.k", key),
        tooLong("all subscribers of a topic", "kv.v", value));
  }

  /** The reason as far as its column holds it. */
  String shortened(String reason) {
    Limit limit = byColumn.get("trans_global.rollback_reason");
    if (limit == null || limit.holds(reason)) {
      return reason;
    }
    String shorter = PlainText.beginning(reason, (int) Math.min(limit.most, reason.length()));
    while (!limit.holds(shorter)) {
      shorter = PlainText.beginning(shorter, shorter.length() - 1);
    }
    return shorter;
  }

  /** Throws when there is a refusal. */
  static void check(@Nullable String refusal) {
    if (refusal != null) {
      throw new UnstorableException(ErrorCode.LIMIT_EXCEEDED, refusal);
    }
  }

  @Nullable String tooLong(String what, String column, String text) {
    Limit limit = byColumn.get(column);
    return limit == null || limit.holds(text) ? null : words(what, limit.sizeOf(text), limit);
  }

  private static String words(String what, long size, Limit limit) {
    return what
        + " of "
        + size
        + (limit.inBytes ? " bytes" : " characters")
        + " (limit of the database: "
        + limit.words()
        + ")";
  }

  private static @Nullable String first(@Nullable String... refusals) {
    for (String refusal : refusals) {
      if (refusal != null) {
        return refusal;
      }
    }
    return null;
  }
}
