package io.dtm4j.server.http;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The time-outs of one event loop. A timer for each call would cost a tenth of the whole call, so
 * time is cut into ticks, each tick has a list of what ends in it, and {@link #sweep} is called now
 * and then. Nothing ends early; how late depends on the sweeps. Belongs to one thread.
 */
final class Deadlines {
  /** How often to sweep. */
  static final long TICK_MILLIS = 100;

  private static final long TICK = TimeUnit.MILLISECONDS.toNanos(TICK_MILLIS);

  /** A power of two. A deadline that many ticks away shares the list of a nearer one. */
  private static final int LISTS = 256;

  private final @Nullable Entry[] firsts = new @Nullable Entry[LISTS];
  private final Queue<Entry> over = new ArrayDeque<>();
  private final long origin;
  private long sweptTo;

  /**
   * @param now of the monotonic clock, as in all methods here
   */
  Deadlines(long now) {
    origin = now;
  }

  /** Something that has a deadline; it is in one list at most. */
  abstract static class Entry {
    private @Nullable Entry before;
    private @Nullable Entry after;
    private long tick;
    private boolean listed;

    /** Its time is over, and it is in no list any more. */
    abstract void expired();
  }

  /** Adds an entry whose time is over after {@code nanos}. */
  void add(Entry entry, long now, long nanos) {
    long end = now - origin + Math.min(nanos, Long.MAX_VALUE / 2);
    entry.tick = Math.max(end / TICK, sweptTo) + 1;
    int list = listOf(entry.tick);
    Entry first = firsts[list];
    if (first != null) {
      first.before = entry;
    }
    entry.before = null;
    entry.after = first;
    entry.listed = true;
    firsts[list] = entry;
  }

  /** Takes an entry out; nothing happens when it is in no list. */
  void remove(Entry entry) {
    if (!entry.listed) {
      return;
    }
    entry.listed = false;
    if (entry.before == null) {
      firsts[listOf(entry.tick)] = entry.after;
    } else {
      entry.before.after = entry.after;
    }
    if (entry.after != null) {
      entry.after.before = entry.before;
    }
  }

  /** Expires what is over. */
  void sweep(long now) {
    long to = (now - origin) / TICK;
    for (long tick = Math.max(sweptTo + 1, to - LISTS + 1); tick <= to; tick++) {
      for (Entry entry = firsts[listOf(tick)]; entry != null; entry = entry.after) {
        if (entry.tick <= to) {
          over.add(entry);
        }
      }
    }
    sweptTo = Math.max(sweptTo, to);
    // Only now: what expires may take out or add others.
    for (Entry entry = over.poll(); entry != null; entry = over.poll()) {
      if (entry.listed) {
        remove(entry);
        entry.expired();
      }
    }
  }

  private static int listOf(long tick) {
    return (int) tick & (LISTS - 1);
  }
}
