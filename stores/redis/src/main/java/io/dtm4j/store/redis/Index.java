package io.dtm4j.store.redis;

import io.dtm4j.protocol.GlobalStatus;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** The sorted sets of gids that each shard has, in the order in which the scripts take them. */
enum Index {
  /** What is unfinished, by its next time in milliseconds. */
  DUE("due"),
  /** What is unfinished, in the order in which it was stored. */
  OPEN("open"),
  /** Everything, in the order in which it was stored. */
  ALL("all"),
  /** What is finished, by its end in milliseconds. */
  ENDED("ended"),
  /** What has failed, in the order in which it was stored. */
  FAILED("failed");

  private final String keyName;

  Index(String keyName) {
    this.keyName = keyName;
  }

  String keyName() {
    return keyName;
  }

  /** The score of a record, or null when it does not belong here. */
  @Nullable Long score(Head head) {
    boolean isFinal = head.status().isFinal();
    return switch (this) {
      case DUE -> isFinal ? null : millis(head.nextTime());
      case OPEN -> isFinal ? null : (Long) head.number();
      case ALL -> head.number();
      case ENDED -> head.endTime() == null ? null : (Long) millis(head.endTime());
      case FAILED -> head.status() == GlobalStatus.FAILED ? (Long) head.number() : null;
    };
  }

  /** That time in milliseconds; of times far out of reach the farthest that a score can be. */
  static long millis(Instant time) {
    long farthest = 1L << 53;
    return Math.clamp(time.getEpochSecond(), -farthest / 1_000 + 1, farthest / 1_000 - 1) * 1_000
        + time.getNano() / 1_000_000;
  }
}
