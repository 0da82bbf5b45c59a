package io.dtm4j.store.redis;

import io.dtm4j.model.Stored;

/** What was seen of a transaction at some moment. */
sealed interface Seen {
  /** The bytes of its head, which stand for that moment. */
  Bytes bytes();

  Head head();

  /** Only the head. */
  record Glance(Bytes bytes, Head head) implements Seen {
    static Glance of(byte[] bytes) {
      return new Glance(new Bytes(bytes), Head.read(bytes));
    }
  }

  /** All of it. */
  record Whole(Bytes bytes, Head head, Stored stored) implements Seen {}
}
