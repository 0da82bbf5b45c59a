package io.dtm4j.coordinator;

import io.dtm4j.protocol.Reply;
import io.dtm4j.store.EventLoop;
import io.dtm4j.store.Filter;
import io.dtm4j.store.KeyValue;
import io.dtm4j.store.Listed;
import io.dtm4j.store.Page;
import io.dtm4j.store.Reads;
import io.dtm4j.store.Reset;
import io.dtm4j.store.TransactionStore;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What operators look at and set right in many transactions at once (docs/spec/http-api.md 4.10,
 * 4.11, 4.14). What is shown of what was read, the view, is made where it is read, so that at most
 * as many pages are in memory as are read at a time. Of the two callbacks of each method exactly
 * one runs, once, on {@code loop}. Thread-safe; never blocks.
 */
public final class Listings {
  /** The most that is reset in one write: it holds up the writes of all others for some 15 ms. */
  static final int RESET_STEP = 500;

  private final TransactionStore store;
  private final ClientReads reads;
  private final ClientWrites writes;

  /**
   * @param store read from, through {@code reads}; written only through {@code writes}
   */
  public Listings(TransactionStore store, Reads reads, ClientWrites writes) {
    this.store = store;
    this.reads = new ClientReads(reads);
    this.writes = writes;
  }

  /** A view of a page of transactions; parameters as in {@link TransactionStore#list}. */
  public <T> void transactions(
      Filter filter,
      String cursor,
      int limit,
      Function<Page<Listed>, T> view,
      EventLoop loop,
      Consumer<T> done,
      Consumer<Reply> trouble) {
    reads.submit(() -> view.apply(store.list(filter, cursor, limit)), loop, done, trouble);
  }

  /** A view of a page of key-values; parameters as in {@link TransactionStore#listKeyValues}. */
  public <T> void keyValues(
      @Nullable String category,
      String cursor,
      int limit,
      Function<Page<KeyValue>, T> view,
      EventLoop loop,
      Consumer<T> done,
      Consumer<Reply> trouble) {
    reads.submit(
        () -> view.apply(store.listKeyValues(category, cursor, limit)), loop, done, trouble);
  }

  /** A view of key-values by name; parameters as in {@link TransactionStore#findKeyValues}. */
  public <T> void keyValues(
      @Nullable String category,
      @Nullable String key,
      Function<List<KeyValue>, T> view,
      EventLoop loop,
      Consumer<T> done,
      Consumer<Reply> trouble) {
    reads.submit(() -> view.apply(store.findKeyValues(category, key)), loop, done, trouble);
  }

  /**
   * Makes due what is due later, in several writes when it is much; parameters as in {@link
   * TransactionStore#resetDue}. Servers take it up within {@code TransCronInterval}.
   *
   * @param done told how many were reset; fewer than could be when trouble came in between
   */
  public void resetDue(
      Duration after, int limit, EventLoop loop, Consumer<Reset> done, Consumer<Reply> trouble) {
    resetDue(after, limit, 0, loop, done, trouble);
  }

  /**
   * @param before how many were reset before this step
   */
  private void resetDue(
      Duration after,
      int limit,
      int before,
      EventLoop loop,
      Consumer<Reset> done,
      Consumer<Reply> trouble) {
    int step = Math.min(RESET_STEP, limit - before);
    writes.<Reset>perform(
        writing -> writing.resetDue(after, step),
        loop,
        reset -> {
          int count = before + reset.count();
          if (reset.more() && reset.count() > 0 && count < limit) {
            resetDue(after, limit, count, loop, done, trouble);
          } else {
            done.accept(new Reset(count, reset.more()));
          }
        },
        reply -> {
          if (before == 0) {
            trouble.accept(reply);
          } else {
            done.accept(new Reset(before, true)); // it was said that nothing is stored
          }
        });
  }
}
