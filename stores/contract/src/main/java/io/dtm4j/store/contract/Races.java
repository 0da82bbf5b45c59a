package io.dtm4j.store.contract;

import static io.dtm4j.protocol.GlobalStatus.ABORTING;
import static io.dtm4j.protocol.GlobalStatus.PREPARED;
import static io.dtm4j.protocol.GlobalStatus.SUBMITTED;
import static io.dtm4j.store.contract.Samples.FUTURE;
import static io.dtm4j.store.contract.Samples.PAST;
import static io.dtm4j.store.contract.Samples.addBranches;
import static io.dtm4j.store.contract.Samples.claim;
import static io.dtm4j.store.contract.Samples.command;
import static io.dtm4j.store.contract.Samples.empty;
import static io.dtm4j.store.contract.Samples.ofPass;
import static io.dtm4j.store.contract.Samples.row;
import static io.dtm4j.store.contract.Samples.saga;
import static io.dtm4j.store.contract.Samples.saveNew;
import static io.dtm4j.store.contract.Samples.setStatus;
import static io.dtm4j.store.contract.Samples.takeOver;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.Due;
import io.dtm4j.model.Extra;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.CommitResult.Committed;
import io.dtm4j.store.CommitResult.Conflict;
import io.dtm4j.store.CommitResult.Lost;
import io.dtm4j.store.GroupCommitter;
import io.dtm4j.store.KeyValue;
import io.dtm4j.store.TransactionStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Two at the same time (R4, R4a). */
interface Races extends OpenStore {
  int ROUNDS = 1_000;
  Duration LEASE = Duration.ofHours(1);

  /** How two threads write: both at the same time, or through the lane of a committer. */
  final class Writers implements AutoCloseable {
    private final TransactionStore store;
    private final @Nullable GroupCommitter lane;

    Writers(TransactionStore store, boolean shared) {
      this.store = store;
      lane = shared ? null : new GroupCommitter(store);
    }

    CommitResult commit(Batch batch) {
      return lane == null ? store.commit(List.of(batch)).getFirst() : Waiting.commit(lane, batch);
    }

    <T> T perform(Function<TransactionStore, T> work) {
      return lane == null ? work.apply(store) : Waiting.perform(lane, work);
    }

    @Override
    public void close() {
      if (lane != null) {
        lane.close();
      }
    }
  }

  private Writers writers() {
    return new Writers(store(), takesWritesOfSeveralThreads());
  }

  @Test
  default void rows_registered_while_a_transaction_leaves_prepared_are_returned_or_refused() {
    var left = new AtomicReferenceArray<CommitResult>(ROUNDS);
    var registered = new AtomicReferenceArray<List<CommitResult>>(ROUNDS);
    List<Branch> rows = List.of(row("01", Op.ACTION), row("02", Op.ACTION), row("03", Op.ACTION));
    try (Writers writers = writers()) {
      var read = new ArrayList<Stored>();
      for (int i = 0; i < ROUNDS; i++) {
        var stored = new Stored(empty("g" + i, PREPARED, FUTURE), claim("a" + i));
        read.add(stored);
      }
      store().commit(read.stream().map(s -> saveNew(s.transaction(), s.owner())).toList());

      Waiting.race(
          ROUNDS,
          i ->
              left.set(
                  i,
                  writers.commit(
                      i % 2 == 0
                          ? takeOver("g" + i, PREPARED, claim("b" + i), setStatus(SUBMITTED))
                          : ofPass(read.get(i), setStatus(ABORTING)))),
          i ->
              registered.set(
                  i,
                  rows.stream()
                      .map(row -> writers.commit(command("g" + i, PREPARED, addBranches(row))))
                      .toList()),
          i -> {
            Stored returned = requireNonNull(((Committed) left.get(i)).stored());
            assertThat(returned).isEqualTo(found("g" + i));
            long taken = registered.get(i).stream().filter(r -> r instanceof Committed).count();
            assertThat(returned.transaction().branches()).isEqualTo(rows.subList(0, (int) taken));
            assertThat(registered.get(i).subList((int) taken, rows.size()))
                .allMatch(result -> result.equals(new Lost(returned)));
          });
    }
  }

  @Test
  default void of_two_take_overs_one_wins() {
    var results = new AtomicReferenceArray<CommitResult>(2 * ROUNDS);
    try (Writers writers = writers()) {
      store().commit(many(i -> saveNew(empty("g" + i, PREPARED, FUTURE), claim("a" + i))));

      Waiting.race(
          ROUNDS,
          i -> results.set(2 * i, writers.commit(change(i, claim("b" + i), SUBMITTED))),
          i -> results.set(2 * i + 1, writers.commit(change(i, claim("c" + i), ABORTING))),
          i -> {
            CommitResult submit = results.get(2 * i);
            CommitResult abort = results.get(2 * i + 1);
            CommitResult lost = submit instanceof Committed ? abort : submit;
            CommitResult won = submit instanceof Committed ? submit : abort;
            assertThat(won).isEqualTo(new Committed(found("g" + i)));
            assertThat(lost).isEqualTo(new Lost(found("g" + i)));
          });
    }
  }

  @Test
  default void of_a_pass_and_a_claim_one_wins() {
    var written = new AtomicReferenceArray<CommitResult>(ROUNDS);
    var claimed = new AtomicReferenceArray<List<Stored>>(ROUNDS);
    List<Stored> read =
        IntStream.range(0, ROUNDS)
            .mapToObj(i -> new Stored(saga("g" + i, SUBMITTED, PAST), claim("a" + i)))
            .toList();
    try (Writers writers = writers()) {
      store().commit(read.stream().map(s -> saveNew(s.transaction(), s.owner())).toList());

      Waiting.race(
          ROUNDS,
          i -> written.set(i, writers.commit(ofPass(read.get(i), setStatus(ABORTING)))),
          i -> {
            var dues = List.of(Due.of(read.get(i)));
            claimed.set(i, writers.perform(s -> s.claim(dues, LEASE, _ -> claim("b" + i))));
          },
          i -> {
            boolean passWon = written.get(i) instanceof Committed;
            assertThat(claimed.get(i)).hasSize(passWon ? 0 : 1);
            assertThat(found("g" + i).transaction().status())
                .isEqualTo(passWon ? ABORTING : SUBMITTED);
            assertThat(found("g" + i).owner().claim()).isEqualTo((passWon ? "a" : "b") + i);
          });
    }
  }

  @Test
  default void of_two_that_save_one_gid_one_wins() {
    var results = new AtomicReferenceArray<CommitResult>(2 * ROUNDS);
    try (Writers writers = writers()) {
      Waiting.race(
          ROUNDS,
          i ->
              results.set(
                  2 * i, writers.commit(saveNew(saga("g" + i, SUBMITTED, PAST), claim("a" + i)))),
          i ->
              results.set(
                  2 * i + 1,
                  writers.commit(saveNew(empty("g" + i, PREPARED, PAST), claim("b" + i)))),
          i -> {
            boolean first = results.get(2 * i) instanceof Committed;
            assertThat(results.get(first ? 2 * i + 1 : 2 * i)).isEqualTo(new Lost(found("g" + i)));
            assertThat(found("g" + i).owner().claim()).isEqualTo((first ? "a" : "b") + i);
            assertThat(found("g" + i).transaction().branches()).hasSize(first ? 4 : 0);
          });
    }
  }

  @Test
  default void of_two_rows_with_one_key_and_other_content_one_is_registered() {
    var results = new AtomicReferenceArray<CommitResult>(2 * ROUNDS);
    Branch one = row("01", Op.ACTION, "one");
    Branch other = row("01", Op.ACTION, "other");
    try (Writers writers = writers()) {
      store().commit(many(i -> saveNew(empty("g" + i, PREPARED, FUTURE), claim("a" + i))));

      Waiting.race(
          ROUNDS,
          i -> results.set(2 * i, writers.commit(command("g" + i, PREPARED, addBranches(one)))),
          i ->
              results.set(
                  2 * i + 1, writers.commit(command("g" + i, PREPARED, addBranches(other)))),
          i -> {
            boolean first = results.get(2 * i) instanceof Committed;
            assertThat(results.get(first ? 2 * i + 1 : 2 * i)).isEqualTo(new Conflict(one.key()));
            assertThat(found("g" + i).transaction().branches())
                .containsExactly(first ? one : other);
          });
    }
  }

  @Test
  default void what_is_due_goes_to_one_of_two_that_claim() {
    var claimed = Collections.synchronizedList(new ArrayList<String>());
    var claims = new AtomicInteger();
    try (Writers writers = writers()) {
      store().commit(many(i -> saveNew(saga("g" + i, SUBMITTED, PAST), claim("a" + i))));

      Waiting.race(
          1,
          _ -> claimAll(writers, claims, claimed),
          _ -> claimAll(writers, claims, claimed),
          _ -> assertThat(claimed).hasSize(ROUNDS).doesNotHaveDuplicates());
    }
    assertThat(store().claimDue(LEASE, _ -> claim("late"), 10)).isEmpty();
  }

  private static void claimAll(Writers writers, AtomicInteger claims, List<String> claimed) {
    List<Stored> some;
    do {
      some =
          writers.perform(
              store -> store.claimDue(LEASE, _ -> claim("b" + claims.incrementAndGet()), 7));
      some.forEach(stored -> claimed.add(stored.transaction().gid().value()));
    } while (!some.isEmpty());
  }

  @Test
  default void no_update_of_a_value_is_lost() {
    int each = 300;
    store().createKeyValue("c", "counter", "0");
    try (Writers writers = writers()) {
      Waiting.race(each, _ -> count(writers), _ -> count(writers), _ -> {});
    }

    KeyValue counter = store().findKeyValue("c", "counter").orElseThrow();
    assertThat(counter.value()).isEqualTo(Integer.toString(2 * each));
    assertThat(counter.version()).isEqualTo(1 + 2L * each);
  }

  private static void count(Writers writers) {
    boolean done;
    do {
      done =
          writers.perform(
              store -> {
                KeyValue old = store.findKeyValue("c", "counter").orElseThrow();
                String next = Integer.toString(Integer.parseInt(old.value()) + 1);
                return store.updateKeyValue("c", "counter", next, old.version());
              });
    } while (!done);
  }

  @Test
  default void a_read_shows_what_was_answered_before_and_all_of_one_moment() {
    var answered = new AtomicInteger();
    var last = new AtomicInteger();
    Stored first = saved(empty("g", SUBMITTED, FUTURE), claim("c1"));
    try (Writers writers = writers()) {
      Waiting.race(
          1,
          _ -> {
            Stored stored = first;
            for (int i = 1; i <= ROUNDS; i++) {
              Batch batch =
                  ofPass(
                      stored,
                      addBranches(row("b" + i, Op.ACTION)),
                      new Write.SetExtra(Extra.NONE.withRetryCount(i)));
              assertThat(writers.commit(batch)).isInstanceOf(Committed.class);
              answered.set(i);
              stored = new Stored(stored.transaction(), stored.owner().next(Owner.Mark.LEASED));
            }
          },
          _ -> {
            while (last.get() < ROUNDS) {
              int atLeast = answered.get();
              Stored read = found("g");
              int number = (int) read.transaction().state().extra().retryCount();
              assertThat(number).isGreaterThanOrEqualTo(atLeast);
              assertThat(read.transaction().branches()).hasSize(number);
              assertThat(read.owner().revision()).isEqualTo(number + 1L);
              last.set(number);
            }
          },
          _ -> assertThat(last).hasValue(ROUNDS));
    }
  }

  private static Batch change(int i, Owner owner, GlobalStatus status) {
    return takeOver("g" + i, PREPARED, owner, setStatus(status));
  }

  private static List<Batch> many(IntFunction<Batch> batch) {
    return IntStream.range(0, ROUNDS).mapToObj(batch).toList();
  }
}
