package io.dtm4j.store.contract;

import static io.dtm4j.protocol.GlobalStatus.ABORTING;
import static io.dtm4j.protocol.GlobalStatus.PREPARED;
import static io.dtm4j.protocol.GlobalStatus.SUBMITTED;
import static io.dtm4j.protocol.GlobalStatus.SUCCEED;
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
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.Due;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Op;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.CommitResult.Committed;
import io.dtm4j.store.CommitResult.Lost;
import io.dtm4j.store.FaultyStore;
import io.dtm4j.store.FaultyStore.Fault;
import io.dtm4j.store.GroupCommitter;
import io.dtm4j.store.Lease;
import io.dtm4j.store.OutcomeUnknownException;
import io.dtm4j.store.TransactionStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/**
 * Writes whose outcome the lane does not know (R6): it sends the very same again, and whether the
 * first was lost, was stored, or lands later, the record is what one write makes it.
 */
interface UnknownOutcomes extends OpenStore {
  Duration LEASE = Duration.ofHours(1);

  /** A committer before the store whose first write, or writes, go wrong. */
  final class LossyLane implements AutoCloseable {
    final FaultyStore store;
    final GroupCommitter committer;
    private final AtomicInteger attempts = new AtomicInteger();

    /**
     * @param betweenAttempts runs before the second attempt
     */
    LossyLane(TransactionStore store, Fault first, Runnable betweenAttempts) {
      FaultyStore.Plan faults =
          _ -> {
            int attempt = attempts.incrementAndGet();
            if (attempt == 2) {
              betweenAttempts.run();
            }
            return attempt == 1 ? first : Fault.NONE;
          };
      this.store = new FaultyStore(store, faults);
      committer = new GroupCommitter(this.store);
    }

    CommitResult commit(Batch batch) {
      return Waiting.commit(committer, batch);
    }

    int attempts() {
      return attempts.get();
    }

    @Override
    public void close() {
      committer.close();
    }
  }

  private LossyLane lossy(Fault fault) {
    return new LossyLane(store(), fault, () -> {});
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "NONE")
  default void a_batch_of_a_pass_takes_effect_once(Fault fault) {
    Stored stored = saved(saga("g", SUBMITTED, FUTURE), claim("c1"));
    Batch batch = ofPass(stored, setStatus(ABORTING), addBranches(row("03", Op.ACTION)));

    try (LossyLane lane = lossy(fault)) {
      assertThat(lane.commit(batch)).isInstanceOf(Committed.class);
      assertThat(lane.attempts()).isEqualTo(2);
      Stored once = found("g");
      assertThat(once.transaction().status()).isEqualTo(ABORTING);
      assertThat(once.transaction().branches()).hasSize(5);
      assertThat(once.owner()).isEqualTo(stored.owner().next(Owner.Mark.LEASED));

      lane.store.land();

      assertThat(found("g")).isEqualTo(once);
      committed(ofPass(once, setStatus(ABORTING)));
    }
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "NONE")
  default void a_save_takes_effect_once(Fault fault) {
    Batch save = saveNew(saga("g", SUBMITTED, FUTURE), claim("c1"));

    try (LossyLane lane = lossy(fault)) {
      assertThat(lane.commit(save)).isInstanceOf(Committed.class);
      committed(ofPass(found("g"), setStatus(ABORTING)));
      Stored later = found("g");

      lane.store.land();

      assertThat(found("g")).isEqualTo(later);
    }
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "NONE")
  default void a_row_is_registered_once(Fault fault) {
    Stored stored = saved(empty("g", PREPARED, FUTURE), claim("c1"));
    Branch row = row("01", Op.ACTION);

    try (LossyLane lane = lossy(fault)) {
      assertThat(lane.commit(command("g", PREPARED, addBranches(row))))
          .isInstanceOf(Committed.class);
      lane.store.land();

      assertThat(found("g"))
          .isEqualTo(
              new Stored(Samples.withRows(stored.transaction(), List.of(row)), stored.owner()));
    }
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "NONE")
  default void the_rows_are_returned_whichever_attempt_left_prepared(Fault fault) {
    Stored read = saved(empty("g", PREPARED, FUTURE), claim("c1"));
    committed(command("g", PREPARED, addBranches(row("01", Op.ACTION))));

    try (LossyLane lane = lossy(fault)) {
      CommitResult aborted = lane.commit(ofPass(read, setStatus(ABORTING)));

      assertThat(aborted).isEqualTo(new Committed(found("g")));
      assertThat(found("g").transaction().branches()).hasSize(1);
    }
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "NONE")
  default void the_rows_are_returned_whichever_attempt_took_over(Fault fault) {
    saved(empty("g", PREPARED, FUTURE), claim("c1"));
    committed(command("g", PREPARED, addBranches(row("01", Op.ACTION))));

    try (LossyLane lane = lossy(fault)) {
      CommitResult submitted =
          lane.commit(takeOver("g", PREPARED, claim("c2"), setStatus(SUBMITTED)));

      assertThat(submitted).isEqualTo(new Committed(found("g")));
      lane.store.land();
      assertThat(submitted).isEqualTo(new Committed(found("g")));
      assertThat(found("g").transaction().branches()).hasSize(1);
    }
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "NONE")
  default void a_pass_that_was_superseded_meanwhile_is_lost_and_its_write_never_lands(Fault fault) {
    Stored stored = saved(saga("g", SUBMITTED, PAST), claim("c1"));
    var taken = new ArrayList<Stored>();
    Runnable claimedByAnother =
        () -> taken.addAll(store().claim(List.of(Due.of(found("g"))), LEASE, _ -> claim("c2")));

    try (var lane = new LossyLane(store(), fault, claimedByAnother)) {
      CommitResult result = lane.commit(ofPass(stored, setStatus(ABORTING)));

      assertThat(taken).hasSize(1);
      assertThat(result).isEqualTo(new Lost(taken.getFirst()));
      lane.store.land();
      assertThat(found("g")).isEqualTo(taken.getFirst());
      assertThat(found("g").transaction().status())
          .isEqualTo(fault == Fault.AFTER_EFFECT ? ABORTING : SUBMITTED);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"BEFORE_EFFECT", "LATE_EFFECT"})
  default void a_save_that_another_one_overtook_is_lost(Fault fault) {
    Runnable savedByAnother = () -> saved(empty("g", PREPARED, FUTURE), claim("c2"));

    try (var lane = new LossyLane(store(), fault, savedByAnother)) {
      CommitResult result = lane.commit(saveNew(saga("g", SUBMITTED, FUTURE), claim("c1")));

      lane.store.land();
      assertThat(found("g").owner()).isEqualTo(claim("c2"));
      assertThat(found("g").transaction().branches()).isEmpty();
      assertThat(result).isEqualTo(new Lost(found("g")));
    }
  }

  @Test
  default void a_lost_write_is_fenced_by_the_next_revision_of_its_own_claim() {
    Stored stored = saved(saga("g", SUBMITTED, FUTURE), claim("c1"));
    var faulty = new FaultyStore(store(), _ -> Fault.LATE_EFFECT);
    Batch tried = ofPass(stored, setStatus(ABORTING));
    assertThatExceptionOfType(OutcomeUnknownException.class)
        .isThrownBy(() -> faulty.commit(List.of(tried)));

    Owner unused = stored.owner().next(Owner.Mark.LEASED).next(Owner.Mark.LEASED);
    committed(ofPass(stored, unused, setStatus(SUCCEED)));
    Stored won = found("g");
    faulty.land();

    assertThat(found("g")).isEqualTo(won);
    assertThat(won.transaction().status()).isEqualTo(SUCCEED);
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "NONE")
  default void a_whole_group_takes_effect_once(Fault fault) throws Exception {
    Stored there = saved(empty("there", PREPARED, FUTURE), claim("c1"));
    var group =
        List.of(
            saveNew(saga("new", SUBMITTED, FUTURE), claim("c2")),
            command("there", PREPARED, addBranches(row("01", Op.ACTION))),
            saveNew(saga("there", SUBMITTED, FUTURE), claim("c3")),
            takeOver("there", PREPARED, claim("c4"), setStatus(SUBMITTED)),
            ofPass(there, setStatus(ABORTING)));
    var answers = new ArrayList<CompletableFuture<CommitResult>>();
    var gathered = new CountDownLatch(1);

    try (LossyLane lane = lossy(fault)) {
      var begun = new CompletableFuture<Boolean>();
      lane.committer.perform(
          _ -> {
            begun.complete(true);
            return Waiting.await(gathered);
          },
          Waiting.onTheSpot(),
          _ -> {},
          begun::completeExceptionally);
      Waiting.get(begun);
      for (Batch batch : group) {
        var answer = new CompletableFuture<CommitResult>();
        lane.committer.commit(batch, Waiting.onTheSpot(), answer::complete);
        answers.add(answer);
      }
      gathered.countDown();
      List<CommitResult> results = answers.stream().map(Waiting::get).toList();
      lane.store.land();

      assertThat(lane.attempts()).isEqualTo(2);
      assertThat(results)
          .extracting(result -> result instanceof Committed)
          .containsExactly(true, fault != Fault.AFTER_EFFECT, false, true, false);
      assertThat(found("there").transaction().branches()).containsExactly(row("01", Op.ACTION));
      assertThat(found("there").transaction().status()).isEqualTo(SUBMITTED);
      assertThat(found("there").owner()).isEqualTo(claim("c4"));
      assertThat(found("new").transaction()).isEqualTo(saga("new", SUBMITTED, FUTURE));
    }
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "NONE")
  default void a_claim_whose_outcome_was_not_known_gives_nothing_twice(Fault fault) {
    for (int i = 0; i < 10; i++) {
      saved(saga("g" + i, SUBMITTED, PAST), claim("a" + i));
    }
    var claims = new AtomicInteger();
    Function<Gid, Owner> owners = _ -> claim("b" + claims.incrementAndGet());

    try (LossyLane lane = lossy(fault)) {
      List<Stored> claimed =
          Waiting.perform(lane.committer, store -> store.claimDue(LEASE, owners, 6));
      lane.store.land();

      assertThat(claimed).hasSize(fault == Fault.AFTER_EFFECT ? 4 : 6);
      for (Stored stored : claimed) {
        assertThat(store().find(stored.transaction().gid())).hasValue(stored);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "NONE")
  default void a_claim_of_what_was_read_finds_its_own_tokens_again(Fault fault) {
    var dues = new ArrayList<Due>();
    for (int i = 0; i < 5; i++) {
      dues.add(Due.of(saved(saga("g" + i, SUBMITTED, PAST), claim("a" + i))));
    }
    committed(ofPass(found("g3"), setStatus(ABORTING)));

    try (LossyLane lane = lossy(fault)) {
      List<Stored> claimed =
          Waiting.perform(
              lane.committer, store -> store.claim(dues, LEASE, gid -> claim("b" + gid)));
      lane.store.land();

      assertThat(claimed)
          .extracting(stored -> stored.owner().claim())
          .containsExactly("bg0", "bg1", "bg2", "bg4");
      for (Stored stored : claimed) {
        assertThat(store().find(stored.transaction().gid()).map(Stored::owner))
            .hasValue(stored.owner());
      }
    }
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "NONE")
  default void renewals_and_releases_may_be_repeated(Fault fault) {
    Stored renewed = saved(saga("renewed", SUBMITTED, PAST), claim("c1"));
    Stored released = saved(saga("released", SUBMITTED, FUTURE), claim("c2"));
    var toRenew = List.of(new Lease(renewed.transaction().gid(), "c1"));
    var toRelease = List.of(new Lease(released.transaction().gid(), "c2"));

    try (LossyLane lane = lossy(fault)) {
      List<Lease> lost = Waiting.perform(lane.committer, store -> store.renew(toRenew, LEASE));
      assertThat(lost).isEmpty();
      lane.store.land();
    }
    try (LossyLane lane = lossy(fault)) {
      Waiting.perform(
          lane.committer,
          store -> {
            store.release(toRelease);
            return true;
          });
      lane.store.land();
    }

    assertThat(found("renewed").transaction().state().schedule().nextTime())
        .isAfterOrEqualTo(store().storeTime());
    assertThat(found("renewed").owner()).isEqualTo(claim("c1"));
    assertThat(found("released").owner()).isEqualTo(claim("c2").marked(Owner.Mark.RESTING));
  }

  @Test
  default void passes_go_on_exactly_through_a_bad_time() {
    var random = new SplittableRandom(42);
    FaultyStore faulty = FaultyStore.randomly(store(), random.split(), 15);
    int passes = 4;
    int batches = 40;

    try (var committer = new GroupCommitter(faulty)) {
      var results = new ArrayList<Iterator<CompletableFuture<CommitResult>>>();
      for (int pass = 0; pass < passes; pass++) {
        var answers = new ArrayList<CompletableFuture<CommitResult>>();
        Stored stored = new Stored(empty("g" + pass, SUBMITTED, FUTURE), claim("c" + pass));
        var batch = saveNew(stored.transaction(), stored.owner());
        for (int i = 0; i < batches; i++) {
          var answer = new CompletableFuture<CommitResult>();
          committer.commit(batch, Waiting.onTheSpot(), answer::complete);
          answers.add(answer);
          batch = ofPass(stored, addBranches(row("b" + i, Op.ACTION)));
          stored = new Stored(stored.transaction(), stored.owner().next(Owner.Mark.LEASED));
          if (random.nextInt(5) == 0) {
            Waiting.get(answer);
            Waiting.perform(committer, _ -> landed(faulty));
          }
        }
        results.add(answers.iterator());
      }
      for (var answers : results) {
        answers.forEachRemaining(answer -> Waiting.get(answer));
      }
      Waiting.perform(committer, _ -> landed(faulty));
    }

    for (int pass = 0; pass < passes; pass++) {
      assertThat(found("g" + pass).owner().revision()).isEqualTo(batches);
      assertThat(found("g" + pass).transaction().branches())
          .extracting(row -> row.key().branchId())
          .containsExactlyElementsOf(
              IntStream.range(0, batches - 1).mapToObj(i -> "b" + i).toList());
    }
  }

  private static boolean landed(FaultyStore faulty) {
    faulty.land();
    return true;
  }
}
