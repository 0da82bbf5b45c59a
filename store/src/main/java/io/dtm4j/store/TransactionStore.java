package io.dtm4j.store;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Due;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Where transactions are kept. Small, batch-first, blocking; it knows nothing of modes. What a
 * batch means is said once, by {@link Batch#applyTo}.
 *
 * <p>Calls that write ({@link #commit}, {@link #claim}, {@link #claimDue}, {@link #renew}, {@link
 * #release}, {@link #resetDue}, {@link #delete}, the key-values) come from the threads of the
 * lanes, each one call after another. A store made for one lane, as an embedded one, sees one
 * writing thread; a shared one must take writes of several lanes and servers at the same time.
 * Calls that read come from any thread at any time. All calls may block and none may run on an
 * event loop. What a commit has answered every later read shows.
 *
 * <p>Errors: {@link OutcomeUnknownException} when a write may or may not have happened: the same
 * group is sent again until the outcome is definite (R6); {@link StoreRejectedException} when
 * certainly nothing of the group happened. Reads throw {@link StoreUnavailableException} and may be
 * repeated.
 */
public interface TransactionStore extends AutoCloseable {
  /**
   * Applies the batches as if one after another in list order; several batches of one gid are
   * legal. Durable on return. It throws {@link StoreRejectedException} when a batch does not fit
   * its record (a row that is not there; {@link Batch#applyTo} throws), and then nothing of the
   * whole group is stored.
   *
   * @return the result of each batch, in the order of the list
   */
  List<CommitResult> commit(List<Batch> group);

  /** The transaction with its rows, all of one moment; empty when no transaction has this gid. */
  Optional<Stored> find(Gid gid);

  /**
   * Takes what is due now, the most overdue first; each to one caller only. Due is what is
   * unfinished and whose next time is not after {@link #storeTime}, which is asked once per call. A
   * claim gives a new token, moves the next time to now + lease and the update time to now, marks a
   * saga dirty that it takes from a holder ({@link io.dtm4j.model.Extra#dirty}), and changes
   * nothing else.
   *
   * @param lease how long the new claims last
   * @param owners gives the token for a gid, leased, of a claim that nobody had
   * @param limit at most so many; large ones may be fewer although more are due, but not none
   */
  List<Stored> claimDue(Duration lease, Function<Gid, Owner> owners, int limit);

  /**
   * Unfinished transactions whose next time is before that, the earliest first; claims nothing.
   *
   * @param after only those behind this one in the order of (next time, gid), where the order of
   *     gids is the store's own; null: from the first
   */
  List<Due> dueBefore(Instant time, @Nullable Due after, int limit);

  /**
   * Takes those that are still as they were read: unfinished, same claim, revision and next time;
   * due or not. What a claim changes: {@link #claimDue}. A record that has the very token of this
   * call counts as taken by it: a repeat that gives each gid the same token again finds what it
   * took before (R6).
   *
   * @param owners as in {@link #claimDue}
   * @return those taken, in the order asked for; the others are left out, and of large ones those
   *     that would be too much at a time
   */
  List<Stored> claim(List<Due> dues, Duration lease, Function<Gid, Owner> owners);

  /**
   * Moves the ends of leases to now + lease, never back; nothing else changes, revisions least of
   * all.
   *
   * @return those that have another claim now, are finished, at rest, or gone
   */
  List<Lease> renew(List<Lease> leases, Duration lease);

  /**
   * Gives leases back: what is unfinished, still has that claim and is leased comes to rest, due
   * now. Nothing else changes, revisions least of all.
   */
  void release(List<Lease> leases);

  /**
   * Unfinished transactions that are due later than now + {@code after} are brought forward, the
   * earliest first: what rests is due now, what is leased gets the mark "look again", once. Nothing
   * else changes, revisions least of all. A repeat (R6) counts only what the attempts before have
   * not changed. A large limit holds up other writes for long. Of large ones it may bring forward
   * fewer, but not none, and say that there are more.
   *
   * @param after not negative
   * @param limit at most so many, as {@link Page#checkLimit} allows
   */
  Reset resetDue(Duration after, int limit);

  /**
   * Transactions that match, the newest first: in the reverse of the order in which they were
   * stored, of one group in the reverse of its list. Never more than some 100 ms of work: a page
   * may be short.
   *
   * @param cursor {@link Page#next} of the page before; "": from the newest
   * @param limit at most so many, as {@link Page#checkLimit} allows
   * @throws BadCursorException when no page has given that cursor
   */
  Page<Listed> list(Filter filter, String cursor, int limit);

  /** How much is unfinished. Cheap. */
  Counts counts();

  /**
   * When the unfinished transaction was created that was stored first, to the millisecond; a store
   * may name a later time when a younger one had been stored before. Looks at all that is
   * unfinished: half a second for a million. Null: nothing is.
   */
  @Nullable Instant oldestUnfinished();

  /**
   * Finished transactions that ended before that time, in the store's own order. Never more than
   * some 100 ms of work: a page may be short.
   *
   * @param cursor {@link Page#next} of the page before; "": from the first
   * @param limit at most so many, as {@link Page#checkLimit} allows
   * @throws BadCursorException when no page has given that cursor
   */
  Page<Gid> endedBefore(Instant time, String cursor, int limit);

  /**
   * Deletes those of these transactions that ended before that time, with all that belongs to them;
   * others stay, an unfinished one always.
   *
   * @return how many were deleted; a repeat (R6) does not count what the attempts before have
   *     deleted
   */
  int delete(List<Gid> gids, Instant endedBefore);

  /** The value under that key, or empty. */
  Optional<KeyValue> findKeyValue(String category, String key);

  /**
   * All values of that category and that key, in the order of {@link #listKeyValues}.
   *
   * @param category null: any
   * @param key null: any
   */
  List<KeyValue> findKeyValues(@Nullable String category, @Nullable String key);

  /**
   * Values category by category, in the order of their keys; the order of categories is the store's
   * own.
   *
   * @param category only this one; null: all
   * @param cursor {@link Page#next} of the page before; "": from the first
   * @param limit at most so many, as {@link Page#checkLimit} allows
   * @throws BadCursorException when no page has given that cursor
   */
  Page<KeyValue> listKeyValues(@Nullable String category, String cursor, int limit);

  /** Creates a value with version 1; false when the key is taken. */
  boolean createKeyValue(String category, String key, String value);

  /**
   * Replaces a value that still has this version, which grows by one; false when it has another one
   * or is gone.
   */
  boolean updateKeyValue(String category, String key, String value, long version);

  /** Removes a value; false when there was none. */
  boolean deleteKeyValue(String category, String key);

  /**
   * The store's time, in whole milliseconds; due times, leases and timeouts go by it. Never blocks,
   * any thread.
   */
  Instant storeTime();

  /**
   * What keeps the store from taking writes at the moment, in words for an operator; null when all
   * is well. Never blocks, any thread.
   */
  @Nullable String trouble();

  /** Releases files, threads and connections. No other call may be running or follow. */
  @Override
  void close();
}
