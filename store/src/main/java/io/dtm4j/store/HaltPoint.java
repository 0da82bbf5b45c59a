package io.dtm4j.store;

import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Points on the way of a transaction where a test can let the process end as suddenly as by kill
 * -9. Only tests arm one: {@code -Ddtm4j.test.halt=NAME:N} ends the process when the point of that
 * name is passed for the N-th time. Without that property a passing compares two constants, of
 * which nothing is left once it is compiled. Thread-safe.
 */
public enum HaltPoint {
  /** A group is complete, and nothing of it written. */
  BEFORE_COMMIT,
  /** A group is durable, and nobody has been told. */
  AFTER_COMMIT_BEFORE_RESULT,
  /** What a call depends on is durable and known, and the call has not left. */
  AFTER_COMMIT_BEFORE_CALL,
  /** A call has come to its end, and the answer is not written. */
  AFTER_CALL_BEFORE_ANSWER_STORED,
  /** The same of a call that ran ahead, when its server does not know yet that it may. */
  AFTER_CALL_AHEAD_BEFORE_COMMIT,
  /** A pass has ended with a durable final status, and no client has been told. */
  AFTER_LAST_COMMIT_BEFORE_REPLY,
  /** What a client asked for is durable, and no pass has begun and the client has not been told. */
  AFTER_COMMAND_BEFORE_REPLY,
  /** Recovery has claimed a transaction, and its pass has not begun. */
  DURING_CLAIM,
  /** A stop has ended all passes, and not given back what they held. */
  BEFORE_RELEASE_AT_STOP;

  /** The exit code of a process that halts, that of one killed with -9. */
  private static final int KILLED = 137;

  private static final @Nullable HaltPoint ARMED;
  private static final int AT;
  private static final AtomicInteger PASSINGS = new AtomicInteger();

  static {
    String armed = System.getProperty("dtm4j.test.halt");
    ARMED = armed == null ? null : named(armed.substring(0, armed.indexOf(':')));
    AT = armed == null ? 0 : Integer.parseInt(armed.substring(armed.indexOf(':') + 1));
  }

  private static HaltPoint named(String name) {
    return valueOf(name.toUpperCase(Locale.ROOT).replace('-', '_'));
  }

  /** Ends the process if this is the time for it. */
  public void pass() {
    if (this == ARMED && PASSINGS.incrementAndGet() == AT) {
      Runtime.getRuntime().halt(KILLED);
    }
  }
}
