package io.dtm4j.store;

import static java.util.Objects.requireNonNull;
import static java.util.Objects.requireNonNullElse;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Extra;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Owner.Mark;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

@DisplayNameGeneration(ReplaceUnderscores.class)
class HeldUpdateTest {
  private static final Instant NOW = Instant.parse("2026-03-04T05:06:07.089Z");
  private static final Duration INTERVAL = Duration.ofSeconds(10);
  private static final Gid GID = new Gid("g");
  private static final Owner HELD = new Owner(Mark.LEASED, "here", "c", 7);
  private static final Owner GOES_ON = HELD.next(Mark.LEASED);
  private static final Owner RESTS = HELD.next(Mark.RESTING);
  private static final Guard.HeldBy SUBMITTED = new Guard.HeldBy(GlobalStatus.SUBMITTED, HELD);
  private static final Guard.HeldBy PREPARED = new Guard.HeldBy(GlobalStatus.PREPARED, HELD);
  private static final BranchKey KEY = new BranchKey("01", Op.ACTION);

  private static final List<GlobalStatus> STATUSES = List.of(GlobalStatus.values());

  private static final Write ANSWER = answer(0, 1);
  private static final Write SUCCEED = status(GlobalStatus.SUCCEED, null, null, 2);
  private static final Write ABORTING = status(GlobalStatus.ABORTING, "refused", null, 2);

  private static Instant at(int seconds) {
    return NOW.plusSeconds(seconds);
  }

  private static Write.SetBranch answer(int row, int seconds) {
    return new Write.SetBranch(row, KEY, BranchStatus.SUCCEED, at(seconds));
  }

  private static Write.SetStatus status(
      GlobalStatus status, @Nullable String reason, @Nullable String result, int seconds) {
    return new Write.SetStatus(status, reason, result, at(seconds));
  }

  private static Write.Lease lease(int until, int seconds) {
    return new Write.Lease(at(until), at(seconds));
  }

  private static Batch batch(Guard guard, @Nullable Owner owner, Write... writes) {
    return new Batch(GID, guard, owner, List.of(writes));
  }

  private static HeldUpdate update(Owner owner, Write... writes) {
    return requireNonNull(HeldUpdate.of(batch(SUBMITTED, owner, writes)));
  }

  /** A record that its pass holds, with three rows. */
  private static Stored held() {
    var definition = new Definition(TransType.SAGA, "http", "", "", Options.DEFAULTS, NOW);
    var state =
        new State(
            GlobalStatus.SUBMITTED,
            "a reason",
            "a result",
            NOW,
            null,
            new Schedule(INTERVAL, at(30)),
            Extra.NONE);
    Branch row = Branch.open(KEY, "http://host/", Payload.of("{}"), NOW);
    return new Stored(new Transaction(GID, definition, state, List.of(row, row, row)), HELD);
  }

  @Test
  void the_last_answer_and_the_end_are_one_update() {
    HeldUpdate update = update(RESTS, answer(1, 1), answer(0, 2), SUCCEED);

    assertThat(update)
        .isEqualTo(
            new HeldUpdate(
                GID,
                SUBMITTED,
                RESTS,
                List.of(answer(1, 1), answer(0, 2)),
                GlobalStatus.SUCCEED,
                at(2),
                at(2),
                null,
                null,
                null,
                null));
  }

  @Test
  void while_it_is_held_the_later_time_counts_and_the_last_interval() {
    var schedule = new Write.SetSchedule(new Schedule(Duration.ofSeconds(20), at(40)), at(1));

    HeldUpdate update = update(GOES_ON, lease(60, 0), schedule, lease(50, 2));

    assertThat(update.nextTime()).isEqualTo(at(60));
    assertThat(update.interval()).isEqualTo(Duration.ofSeconds(20));
    assertThat(update.updateTime()).isEqualTo(at(2));
    assertThat(update.status()).isEqualTo(GlobalStatus.SUBMITTED);
    assertThat(update.endTime()).isNull();
  }

  @Test
  void a_batch_that_only_renews_its_token_leaves_all_else() {
    HeldUpdate update = update(GOES_ON);

    assertThat(update.answers()).isEmpty();
    assertThat(update.updateTime()).isNull();
    assertThat(update.nextTime()).isNull();
  }

  /** A status that gives no reason leaves the one before it. */
  @Test
  void a_reason_stays_until_another_is_given() {
    HeldUpdate update =
        update(RESTS, ABORTING, status(GlobalStatus.FAILED, null, "a result of it", 3));

    assertThat(update.reason()).isEqualTo("refused");
    assertThat(update.result()).isEqualTo("a result of it");
    assertThat(update.endTime()).isEqualTo(at(3));
  }

  /** A batch for which the record has to be known. */
  record Refused(String why, Batch batch) {
    @Override
    public String toString() {
      return why;
    }
  }

  static final List<Refused> REFUSED =
      List.of(
          new Refused("any holder", batch(Guard.Known.INSTANCE, GOES_ON, ANSWER)),
          new Refused("a command", batch(new Guard.LeasedTo("c"), null, Write.LookAgain.INSTANCE)),
          new Refused("the token stays", batch(SUBMITTED, null, ANSWER)),
          new Refused("held by who rests", batch(guard(RESTS), GOES_ON, ANSWER)),
          new Refused(
              "held by who must look again",
              batch(guard(HELD.marked(Mark.LOOK_AGAIN)), GOES_ON, ANSWER)),
          new Refused(
              "ended already",
              batch(new Guard.HeldBy(GlobalStatus.FAILED, HELD), RESTS, lease(60, 1))),
          new Refused(
              "another claim", batch(SUBMITTED, new Owner(Mark.LEASED, "here", "d", 8), ANSWER)),
          new Refused(
              "another server", batch(SUBMITTED, new Owner(Mark.LEASED, "there", "c", 8), ANSWER)),
          new Refused("who must look again", batch(SUBMITTED, HELD.next(Mark.LOOK_AGAIN), ANSWER)),
          new Refused("two answers of a row", batch(SUBMITTED, GOES_ON, ANSWER, answer(0, 2))),
          new Refused("who leaves prepared gets the rows", batch(PREPARED, GOES_ON, ABORTING)),
          new Refused("who rests may be due at once", batch(SUBMITTED, RESTS, lease(60, 1))),
          new Refused("an end that is held", batch(SUBMITTED, GOES_ON, SUCCEED)),
          new Refused("new", batch(SUBMITTED, GOES_ON, new Write.SaveNew(held().transaction()))),
          new Refused("rows", batch(SUBMITTED, GOES_ON, new Write.AddBranches(List.of()))),
          new Refused("forward", batch(SUBMITTED, GOES_ON, new Write.BringForward(NOW))),
          new Refused("postponed", batch(SUBMITTED, GOES_ON, new Write.Postpone(NOW))),
          new Refused("extra", batch(SUBMITTED, GOES_ON, new Write.SetExtra(Extra.NONE))),
          new Refused("delay", batch(SUBMITTED, GOES_ON, new Write.Delay(NOW))),
          new Refused("options", batch(SUBMITTED, GOES_ON, new Write.SetOptions(Options.DEFAULTS))),
          new Refused("look again", batch(SUBMITTED, GOES_ON, Write.LookAgain.INSTANCE)),
          new Refused("one of several", batch(SUBMITTED, GOES_ON, ANSWER, new Write.Delay(NOW))));

  private static Guard.HeldBy guard(Owner owner) {
    return new Guard.HeldBy(GlobalStatus.SUBMITTED, owner);
  }

  @ParameterizedTest
  @FieldSource("REFUSED")
  void what_needs_the_record_is_no_such_update(Refused refused) {
    assertThat(HeldUpdate.of(refused.batch())).isNull();
  }

  @Test
  void who_stays_prepared_needs_no_rows() {
    assertThat(HeldUpdate.of(batch(PREPARED, GOES_ON, lease(60, 1)))).isNotNull();
  }

  /** The meaning of a batch is what {@link Batch#applyTo} does. */
  @Test
  void it_says_what_the_batch_does_to_the_record_that_is_held() {
    var random = new Random(20260304);
    int updates = 0;
    for (int i = 0; i < 5_000; i++) {
      Batch batch = any(random);
      HeldUpdate update = HeldUpdate.of(batch);
      if (update != null) {
        updates++;
        assertThat(new Batch.Applied.Changed(applied(update, held())))
            .as(batch.toString())
            .isEqualTo(batch.applyTo(held()));
      }
    }
    assertThat(updates).isGreaterThan(1_000);
  }

  private static Batch any(Random random) {
    var writes = new ArrayList<Write>();
    for (int left = random.nextInt(5); left > 0; left--) {
      int seconds = random.nextInt(10);
      Instant next = at(random.nextInt(60));
      writes.add(
          switch (random.nextInt(4)) {
            case 0 -> answer(random.nextInt(3), seconds);
            case 1 ->
                status(
                    STATUSES.get(random.nextInt(STATUSES.size())),
                    random.nextBoolean() ? "reason " + seconds : null,
                    random.nextBoolean() ? "result " + seconds : null,
                    seconds);
            case 2 ->
                new Write.SetSchedule(
                    new Schedule(Duration.ofSeconds(1 + random.nextInt(60)), next), at(seconds));
            default -> new Write.Lease(next, at(seconds));
          });
    }
    return new Batch(GID, SUBMITTED, random.nextBoolean() ? GOES_ON : RESTS, writes);
  }

  /** As a store does, by the words of {@link HeldUpdate}. */
  private static Stored applied(HeldUpdate update, Stored stored) {
    Transaction was = stored.transaction();
    State old = was.state();
    Instant stays = old.schedule().nextTime();
    Instant next = requireNonNullElse(update.nextTime(), stays);
    var rows = new ArrayList<>(was.branches());
    update
        .answers()
        .forEach(one -> rows.set(one.row(), rows.get(one.row()).settled(one.status(), one.at())));
    var state =
        new State(
            update.status(),
            requireNonNullElse(update.reason(), old.reason()),
            requireNonNullElse(update.result(), old.result()),
            requireNonNullElse(update.updateTime(), old.updateTime()),
            update.endTime(),
            new Schedule(
                requireNonNullElse(update.interval(), old.schedule().interval()),
                update.owner().isHeld() && next.isBefore(stays) ? stays : next),
            old.extra());
    return new Stored(new Transaction(was.gid(), was.definition(), state, rows), update.owner());
  }
}
