package io.dtm4j.store.sql;

import java.time.ZoneId;
import java.time.ZoneOffset;

/**
 * How the tables hold what is stored.
 *
 * <ul>
 *   <li>The wide form is what dtm4j makes: milliseconds, column {@code ord}, a payload that is null
 *       is that of the row before it.
 *   <li>The narrow form is DTM's own: whole seconds, rows in the order of their ids, a payload in
 *       each, short columns.
 * </ul>
 *
 * @param zone whose wall clock columns without a zone hold
 * @param limits what the columns hold
 */
record Form(boolean isNarrow, ZoneId zone, Limits limits) {
  static final Form WIDE = new Form(false, ZoneOffset.UTC, Limits.NONE);

  Times times() {
    return isNarrow ? Times.SECONDS : Times.MILLIS;
  }
}
