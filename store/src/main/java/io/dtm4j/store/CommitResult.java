package io.dtm4j.store;

import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.ErrorCode;
import org.jspecify.annotations.Nullable;

/** What became of a batch, as far as the store knows. */
public sealed interface CommitResult {
  /**
   * It is durable.
   *
   * @param stored the record as of this commit, rows included; always there when the batch left
   *     {@code prepared} or took the record over (R4a), or when it came to rest and is due at once
   *     because somebody asked to look again; may be null otherwise
   */
  record Committed(@Nullable Stored stored) implements CommitResult {}

  /**
   * The guard did not hold; nothing changed.
   *
   * @param stored the record as of this commit; null: no transaction has this gid
   */
  record Lost(@Nullable Stored stored) implements CommitResult {}

  /** A row with this key is there with other content; nothing changed. */
  record Conflict(BranchKey key) implements CommitResult {}

  /**
   * The store cannot take this batch, by a definite error of its own; nothing changed. Repeating it
   * does not help.
   *
   * @param cause the store's words, for the log
   * @param code when a client has sent what cannot be stored: what it is told, with the words; null
   *     otherwise
   */
  record Rejected(String cause, @Nullable ErrorCode code) implements CommitResult {
    public Rejected(String cause) {
      this(cause, null);
    }
  }
}
