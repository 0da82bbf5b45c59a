package io.dtm4j.coordinator;

import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Reply;
import io.dtm4j.store.BadCursorException;
import io.dtm4j.store.EventLoop;
import io.dtm4j.store.Reads;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads on behalf of clients, who are told what is wrong. Thread-safe; never blocks. */
final class ClientReads {
  private static final Logger log = LoggerFactory.getLogger(ClientReads.class);

  private final Reads reads;

  ClientReads(Reads reads) {
    this.reads = reads;
  }

  /** Carries out a read. Exactly one of the two callbacks runs, once, on {@code loop}. */
  <T extends @Nullable Object> void submit(
      Supplier<T> read, EventLoop loop, Consumer<T> done, Consumer<Reply> trouble) {
    reads.submit(read, loop, done, e -> trouble.accept(replyTo(e)));
  }

  private static Reply replyTo(Throwable e) {
    if (e instanceof BadCursorException) {
      return new Reply.Failed(ErrorCode.BAD_REQUEST, String.valueOf(e.getMessage()));
    }
    log.atWarn().addKeyValue("cause", String.valueOf(e)).log("store read failed");
    return new Reply.Failed(
        ErrorCode.STORE_UNAVAILABLE, "the store cannot be read at the moment, try again later");
  }
}
