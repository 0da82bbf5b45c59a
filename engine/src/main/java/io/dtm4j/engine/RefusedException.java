package io.dtm4j.engine;

import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Reply;

/** A request that cannot be what it asks for. */
public final class RefusedException extends Exception {
  private static final long serialVersionUID = 1L;
  private final transient Reply reply;
  private final boolean byTopics;

  RefusedException(ErrorCode code, String message) {
    this(code, message, false);
  }

  RefusedException(ErrorCode code, String message, boolean byTopics) {
    super(message, null, false, false);
    reply = new Reply.Failed(code, message);
    this.byTopics = byTopics;
  }

  /** What the client is told. */
  public Reply reply() {
    return reply;
  }

  /**
   * Whether it is refused because of the topics as they are now. A message that is stored already
   * has its rows, so then this is no reason to refuse it.
   */
  public boolean isByTopics() {
    return byTopics;
  }
}
