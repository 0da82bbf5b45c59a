package io.dtm4j.store;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Extra;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import io.dtm4j.store.CommitResult.Lost;
import io.dtm4j.store.CommitResult.Rejected;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(ReplaceUnderscores.class)
class GroupCommitterTest {
  private static final long SECOND = 1_000_000_000;
  private static final Instant NOW = Instant.parse("2026-03-04T05:06:07Z");

  private final ScriptedStore store = new ScriptedStore(NOW);
  private final TestLoop loop = new TestLoop();
  private final List<Duration> pauses = Collections.synchronizedList(new ArrayList<>());
  private final List<String> observed = Collections.synchronizedList(new ArrayList<>());
  private final CommitObserver observer =
      new CommitObserver() {
        @Override
        public void committed(int batches, long nanos) {
          observed.add(nanos < 0 ? "negative time" : "committed " + batches);
        }

        @Override
        public void repeated() {
          observed.add("repeated");
        }
      };
  private final AtomicLong nanos = new AtomicLong(1);
  private final Lane lane = new Lane("test-lane", store, observer, pauses::add, nanos::get);

  @AfterEach
  void end() {
    store.during(() -> {});
    store.open();
    lane.finish();
    assertThat(lane.awaitEnd(Duration.ofSeconds(10))).isTrue();
  }

  @Test
  void a_lone_batch_goes_at_once_and_is_answered_on_its_loop() throws Exception {
    var answer = new CompletableFuture<CommitResult>();

    lane.commit(batch("g", 1), loop, answer::complete);

    loop.runNext();
    assertThat(answer.getNow(null)).isEqualTo(new Lost(null));
    assertThat(store.groups()).containsExactly(List.of("g1"));
    assertThat(lane.backlog()).isZero();
  }

  @Test
  void what_is_handed_over_is_expected_to_wait_as_long_as_what_was_first() throws Exception {
    store.shut();
    commit("first", 1, new ArrayList<>());
    store.awaitCommit();
    nanos.addAndGet(SECOND);
    commit("second", 1, new ArrayList<>());
    nanos.addAndGet(SECOND);

    Duration wait = lane.expectedWait();

    assertThat(wait).isEqualTo(Duration.ofSeconds(2));
    store.open();
    loop.runNext();
    loop.runNext();
    lane.finish();
    assertThat(lane.awaitEnd(Duration.ofSeconds(10))).isTrue();
    assertThat(lane.expectedWait()).isZero();
  }

  /** From now on a commit takes a second, and the next one waits at the gate. */
  private void slowDown() {
    store.during(
        () -> {
          nanos.addAndGet(SECOND);
          store.shut();
        });
  }

  @Test
  void what_is_handed_over_is_expected_to_wait_for_all_before_it_at_the_pace_of_a_large_group()
      throws Exception {
    slowDown();
    store.shut();
    commit("first", 1, new ArrayList<>());
    store.awaitCommit();
    for (int i = 0; i < 5 * LaneWork.MAX_BATCHES; i++) {
      commit("g", i, new ArrayList<>());
    }
    store.open();
    store.awaitCommit();
    store.open();
    store.awaitCommit();

    int before = 4 * LaneWork.MAX_BATCHES;
    assertThat(lane.backlog()).isEqualTo(before);
    assertThat(lane.expectedWait())
        .isEqualTo(Duration.ofNanos(before * (SECOND / LaneWork.MAX_BATCHES)));
  }

  @Test
  void the_pace_of_a_group_that_is_full_of_few_large_batches_counts_too() throws Exception {
    slowDown();
    store.shut();
    commit("first", 1, new ArrayList<>());
    store.awaitCommit();
    for (int i = 0; i < 20; i++) {
      lane.commit(withPayload((int) LaneWork.MAX_BYTES / 3), loop, _ -> {});
    }
    store.open();
    store.awaitCommit();
    store.open();
    store.awaitCommit();

    assertThat(lane.backlog()).isEqualTo(18);
    assertThat(lane.expectedWait()).isEqualTo(Duration.ofSeconds(9));
  }

  @Test
  void the_pace_is_remembered_while_nothing_is_to_be_done() throws Exception {
    takeASecondForEachOfALargeGroup();

    store.shut();
    commit("g", 1, new ArrayList<>());
    store.awaitCommit();
    commit("g", 2, new ArrayList<>());

    assertThat(lane.expectedWait()).isEqualTo(Duration.ofSeconds(2));
  }

  @Test
  void a_small_group_that_is_faster_tells_that_the_store_is() throws Exception {
    takeASecondForEachOfALargeGroup();
    var answers = new ArrayList<String>();
    commit("fast", 1, answers);
    loop.runUntil(() -> answers.size() == 1);

    store.shut();
    commit("g", 1, new ArrayList<>());
    store.awaitCommit();

    assertThat(lane.expectedWait()).isZero();
  }

  /** Then the lane has nothing to do. */
  private void takeASecondForEachOfALargeGroup() throws Exception {
    var answers = new ArrayList<String>();
    store.shut();
    commit("first", 1, answers);
    store.awaitCommit();
    for (int i = 0; i < 64; i++) {
      commit("g", i, answers);
    }
    store.during(() -> nanos.addAndGet(64 * SECOND));
    store.open();
    loop.runUntil(() -> answers.size() == 65);
    store.during(() -> {});
  }

  @Test
  void the_time_of_a_small_group_is_not_taken_for_the_pace() throws Exception {
    slowDown();
    store.shut();
    commit("first", 1, new ArrayList<>());
    store.awaitCommit();
    for (int i = 0; i < 10; i++) {
      commit("g", i, new ArrayList<>());
    }
    store.open();
    store.awaitCommit();

    assertThat(lane.backlog()).isEqualTo(10);
    assertThat(lane.expectedWait()).isEqualTo(Duration.ofSeconds(1)); // what they have waited
  }

  @Test
  void what_gathers_while_a_commit_runs_goes_as_one_group_in_its_order() throws Exception {
    var answers = new ArrayList<String>();
    store.shut();
    commit("first", 1, answers);
    store.awaitCommit();

    for (int i = 0; i < 5; i++) {
      commit("g" + i % 2, i, answers);
    }
    assertThat(lane.backlog()).isEqualTo(6);
    store.open();

    loop.runNext();
    assertThat(answers).containsExactly("first1");
    loop.runNext();
    assertThat(answers).containsExactly("first1", "g00", "g11", "g02", "g13", "g04");
    assertThat(store.groups())
        .containsExactly(List.of("first1"), List.of("g00", "g11", "g02", "g13", "g04"));
  }

  @Test
  void each_group_is_observed_before_it_is_answered_and_each_repetition() throws Exception {
    var answers = new ArrayList<String>();
    store.shut();
    commit("first", 1, answers);
    store.awaitCommit();
    store.failNext(
        null,
        new OutcomeUnknownException("no answer", null),
        new OutcomeUnknownException("no answer", null));
    commit("g", 1, answers);
    commit("h", 1, answers);
    store.open();

    loop.runUntil(() -> answers.size() == 3);

    assertThat(observed).containsExactly("committed 1", "repeated", "repeated", "committed 2");
  }

  @Test
  void results_come_back_with_one_task_per_loop_and_group() throws Exception {
    var other = new TestLoop();
    var answers = new ArrayList<String>();
    store.shut();
    commit("first", 1, answers);
    store.awaitCommit();
    for (int i = 0; i < 10; i++) {
      String name = "g" + i;
      lane.commit(batch(name, i), i % 2 == 0 ? loop : other, _ -> answers.add(name));
    }
    store.open();

    loop.runNext();
    loop.runNext();
    other.runNext();

    assertThat(answers).hasSize(11);
    assertThat(loop.tasks()).isEqualTo(2);
    assertThat(other.tasks()).isEqualTo(1);
  }

  @Test
  void a_group_has_a_limited_number_of_batches() throws Exception {
    var answers = new ArrayList<String>();
    store.shut();
    commit("first", 1, answers);
    store.awaitCommit();
    for (int i = 0; i < LaneWork.MAX_BATCHES + 1; i++) {
      commit("g", i, answers);
    }
    store.open();

    loop.runUntil(() -> answers.size() == LaneWork.MAX_BATCHES + 2);

    assertThat(store.groups()).extracting(List::size).containsExactly(1, LaneWork.MAX_BATCHES, 1);
  }

  @Test
  void a_group_has_a_limited_size_but_a_larger_batch_goes_alone() throws Exception {
    var answers = new ArrayList<String>();
    store.shut();
    commit("first", 1, answers);
    store.awaitCommit();
    int third = (int) LaneWork.MAX_BYTES / 3;
    for (int size : new int[] {third, third, third, 10, (int) LaneWork.MAX_BYTES + 1, 10}) {
      lane.commit(withPayload(size), loop, _ -> answers.add("big"));
    }
    store.open();

    loop.runUntil(() -> answers.size() == 7);

    assertThat(store.groups()).extracting(List::size).containsExactly(1, 2, 2, 1, 1);
  }

  @Test
  void all_texts_of_a_batch_count_with_their_bytes() throws Exception {
    String third = "é".repeat((int) LaneWork.MAX_BYTES / 6);
    for (Batch batch :
        List.of(
            created(third, "", Map.of(), ""),
            created("", third, Map.of(), ""),
            created("", "", Map.of("h", third), ""),
            created("", "", Map.of(third, ""), ""),
            created("", "", Map.of(), third))) {
      var answers = new ArrayList<String>();
      store.shut();
      commit("first", 1, answers);
      store.awaitCommit();
      for (int i = 0; i < 4; i++) {
        lane.commit(batch, loop, _ -> answers.add("large"));
      }
      store.open();
      loop.runUntil(() -> answers.size() == 5);
    }

    assertThat(store.groups())
        .extracting(List::size)
        .containsExactly(1, 2, 2, 1, 2, 2, 1, 2, 2, 1, 2, 2, 1, 2, 2);
  }

  @Test
  void a_group_without_a_definite_outcome_is_sent_again_and_nothing_goes_ahead_of_it()
      throws Exception {
    var answers = new ArrayList<String>();
    store.shut();
    store.failNext(
        unknown(),
        new StoreUnavailableException("away", null),
        new IllegalStateException("defect"),
        new StackOverflowError());
    commit("first", 1, answers);
    store.awaitCommit();
    commit("second", 1, answers);
    assertThat(lane.repeatingSince()).isNull();
    store.open();

    loop.runUntil(() -> answers.size() == 2);

    assertThat(store.groups())
        .containsExactly(
            List.of("first1"),
            List.of("first1"),
            List.of("first1"),
            List.of("first1"),
            List.of("first1"),
            List.of("second1"));
    assertThat(answers).containsExactly("first1", "second1");
    assertThat(lane.repeatingSince()).isNull();
  }

  @Test
  void the_pauses_between_attempts_grow_to_a_second() throws Exception {
    var answers = new ArrayList<String>();
    store.failNext(IntStream.range(0, 8).mapToObj(_ -> unknown()).toArray(Throwable[]::new));

    commit("g", 1, answers);

    loop.runUntil(() -> answers.size() == 1);
    assertThat(pauses)
        .extracting(Duration::toMillis)
        .containsExactly(50L, 100L, 200L, 400L, 800L, 1_000L, 1_000L, 1_000L);
  }

  @Test
  void it_can_be_seen_since_when_a_group_is_repeated() throws Exception {
    var paused = new CompletableFuture<Duration>();
    var goOn = new CountDownLatch(1);
    store.failNext(unknown());
    var slow =
        new Lane(
            "slow-lane",
            store,
            CommitObserver.NONE,
            time -> {
              paused.complete(time);
              await(goOn);
            },
            System::nanoTime);
    var answers = new ArrayList<String>();
    slow.commit(batch("g", 1), loop, _ -> answers.add("g1"));

    paused.get(10, SECONDS);
    assertThat(slow.repeatingSince()).isEqualTo(NOW);
    goOn.countDown();

    loop.runUntil(() -> answers.size() == 1);
    assertThat(slow.repeatingSince()).isNull();
    slow.finish();
    assertThat(slow.awaitEnd(Duration.ofSeconds(10))).isTrue();
  }

  @Test
  void a_broken_batch_fails_alone_with_what_stands_behind_it_for_its_gid() throws Exception {
    var answers = new ConcurrentHashMap<String, CommitResult>();
    store.shut();
    store.breakOn("bad7");
    lane.commit(batch("first", 1), loop, result -> answers.put("first1", result));
    store.awaitCommit();
    for (int i = 0; i < 10; i++) {
      for (String gid : new String[] {"good", "bad"}) {
        String name = gid + i;
        lane.commit(batch(gid, i), loop, result -> answers.put(name, result));
      }
    }
    store.open();

    loop.runUntil(() -> answers.size() == 21);

    var rejected = new Rejected("cannot store bad7");
    assertThat(answers)
        .allSatisfy(
            (name, result) ->
                assertThat(result)
                    .isEqualTo(
                        List.of("bad7", "bad8", "bad9").contains(name)
                            ? rejected
                            : new Lost(null)));
    List<String> stored = store.stored();
    assertThat(stored).hasSize(18).doesNotHaveDuplicates();
    assertThat(stored.stream().filter(name -> name.startsWith("bad")))
        .containsExactly("bad0", "bad1", "bad2", "bad3", "bad4", "bad5", "bad6");
    assertThat(stored.stream().filter(name -> name.startsWith("good"))).isSorted();
  }

  @Test
  void a_broken_batch_fails_those_of_its_gid_that_came_while_it_was_tried() throws Exception {
    var answers = new ConcurrentHashMap<String, CommitResult>();
    store.shut();
    store.breakOn("bad1");
    lane.commit(batch("bad", 1), loop, result -> answers.put("bad1", result));
    store.awaitCommit();
    lane.commit(batch("good", 2), loop, result -> answers.put("good2", result));
    lane.commit(batch("bad", 2), loop, result -> answers.put("bad2", result));
    store.open();

    loop.runUntil(() -> answers.size() == 3);
    lane.commit(batch("bad", 3), loop, result -> answers.put("bad3", result));
    loop.runUntil(() -> answers.size() == 4);

    assertThat(answers.get("bad1")).isEqualTo(new Rejected("cannot store bad1"));
    assertThat(answers.get("bad2")).isEqualTo(new Rejected("cannot store bad1"));
    assertThat(answers.get("good2")).isEqualTo(new Lost(null));
    assertThat(answers.get("bad3")).as("handed over later").isEqualTo(new Lost(null));
    store.shut();
    lane.commit(batch("good", 4), loop, result -> answers.put("good4", result));
    store.awaitCommit();
    lane.commit(batch("bad", 4), loop, result -> answers.put("bad4", result));
    store.open();
    loop.runUntil(() -> answers.size() == 6);
    assertThat(answers.get("bad4")).as("behind another group").isEqualTo(new Lost(null));
  }

  @Test
  void an_unknown_outcome_while_a_group_is_halved_is_repeated_as_well() throws Exception {
    var answers = new ConcurrentHashMap<String, CommitResult>();
    store.shut();
    store.breakOn("bad1");
    lane.commit(batch("first", 1), loop, result -> answers.put("first1", result));
    store.awaitCommit();
    for (String gid : new String[] {"a", "bad", "b", "c"}) {
      lane.commit(batch(gid, 1), loop, result -> answers.put(gid + 1, result));
    }
    store.failNext(null, null, unknown(), unknown(), null, unknown());
    store.open();

    loop.runUntil(() -> answers.size() == 5);

    assertThat(answers.get("bad1")).isInstanceOf(Rejected.class);
    assertThat(store.stored()).containsExactly("first1", "a1", "b1", "c1");
  }

  @Test
  void other_work_runs_in_turn_with_the_batches() throws Exception {
    var answers = new ArrayList<String>();
    store.shut();
    commit("first", 1, answers);
    store.awaitCommit();
    commit("before", 1, answers);
    lane.perform(_ -> store.work(), loop, answers::add, GroupCommitterTest::unexpected);
    commit("after", 1, answers);
    commit("after", 2, answers);
    store.open();

    loop.runUntil(() -> answers.size() == 5);

    assertThat(answers).containsExactly("first1", "before1", "work done", "after1", "after2");
    assertThat(store.groups())
        .containsExactly(
            List.of("first1"), List.of("before1"), List.of("work"), List.of("after1", "after2"));
  }

  @Test
  void other_work_is_repeated_while_its_outcome_is_not_known() throws Exception {
    var attempts = new AtomicInteger();
    var done = new CompletableFuture<String>();

    lane.perform(
        _ -> {
          return switch (attempts.incrementAndGet()) {
            case 1 -> throw unknown();
            case 2 -> throw new StoreUnavailableException("away", null);
            default -> "third";
          };
        },
        loop,
        done::complete,
        GroupCommitterTest::unexpected);

    loop.runNext();
    assertThat(done.getNow("")).isEqualTo("third");
    assertThat(pauses).hasSize(2);
  }

  @Test
  void other_work_that_fails_tells_so_and_does_not_stop_the_lane() throws Exception {
    var failures = new ArrayList<Throwable>();
    var answers = new ArrayList<String>();
    var defect = new IllegalArgumentException("defect");

    lane.<String>perform(
        _ -> {
          throw defect;
        },
        loop,
        answers::add,
        failures::add);
    loop.runNext();
    commit("g", 1, answers);
    loop.runNext();

    assertThat(failures).containsExactly(defect);
    assertThat(answers).containsExactly("g1");
    assertThat(pauses).isEmpty();
  }

  @Test
  void a_callback_that_throws_stops_neither_the_others_nor_the_lane() throws Exception {
    var answers = new ArrayList<String>();
    store.shut();
    commit("first", 1, answers);
    store.awaitCommit();
    lane.commit(
        batch("g", 1),
        loop,
        _ -> {
          throw new IllegalStateException("on purpose");
        });
    lane.commit(
        batch("g", 1),
        loop,
        _ -> {
          throw new StackOverflowError("on purpose");
        });
    commit("g", 2, answers);
    store.open();
    loop.runUntil(() -> answers.size() == 2);

    commit("g", 3, answers);
    loop.runNext();

    assertThat(answers).containsExactly("first1", "g2", "g3");
  }

  @Test
  void a_loop_that_has_ended_does_not_stop_the_lane() throws Exception {
    var answers = new ArrayList<String>();
    var ended =
        new TestLoop() {
          @Override
          public void execute(Runnable task) {
            throw new RejectedExecutionException("ended");
          }
        };
    lane.commit(batch("g", 1), ended, _ -> answers.add("g1"));

    commit("g", 2, answers);
    loop.runNext();

    assertThat(answers).containsExactly("g2");
  }

  @Test
  void closing_commits_what_was_handed_over_and_refuses_what_comes_later() throws Exception {
    var committer = new GroupCommitter(store, 3, Duration.ofSeconds(10));
    var answers = new ConcurrentHashMap<String, CommitResult>();
    store.shut();
    for (int i = 0; i < 100; i++) {
      String gid = "g" + i;
      committer.commit(batch(gid, 1), loop, result -> answers.put(gid, result));
    }
    store.open();

    committer.close();

    assertThat(store.stored()).hasSize(100);
    assertThat(committer.backlog()).isZero();
    loop.runUntil(() -> answers.size() == 100);
    committer.commit(batch("late", 1), loop, result -> answers.put("late", result));
    var failure = new CompletableFuture<Throwable>();
    committer.perform(_ -> store.work(), loop, _ -> {}, failure::complete);
    loop.runUntil(() -> answers.containsKey("late") && failure.isDone());
    assertThat(answers.get("late")).isInstanceOf(Rejected.class);
    assertThat(failure.get()).isInstanceOf(StoreUnavailableException.class);
    assertThat(store.stored()).hasSize(100);
  }

  @Test
  void closing_takes_a_bounded_time_while_the_store_is_away() throws Exception {
    var committer = new GroupCommitter(store, 1, Duration.ofMillis(100));
    var answers = new ConcurrentHashMap<String, CommitResult>();
    store.shut();
    committer.commit(batch("sent", 1), loop, result -> answers.put("sent", result));
    store.awaitCommit();
    committer.commit(batch("waiting", 1), loop, result -> answers.put("waiting", result));
    store.failAlways();

    committer.close();
    store.open();

    loop.runUntil(() -> answers.containsKey("waiting"));
    assertThat(answers).containsOnlyKeys("waiting");
    assertThat(answers.get("waiting")).isInstanceOf(Rejected.class);
    assertThat(store.stored()).isEmpty();
  }

  @Test
  void batches_of_one_gid_stay_on_one_lane_and_lanes_have_names() throws Exception {
    var answers = new ArrayList<String>();
    try (var committer = new GroupCommitter(store, 2, Duration.ofSeconds(10))) {
      for (int i = 0; i < 200; i++) {
        committer.commit(batch("g" + i % 20, i / 20), loop, _ -> answers.add(""));
      }
      loop.runUntil(() -> answers.size() == 200);
    }

    assertThat(store.threadsByGid())
        .hasSize(20)
        .allSatisfy((_, names) -> assertThat(names).hasSize(1));
    assertThat(store.threadsByGid().values().stream().flatMap(Set::stream).distinct())
        .containsExactlyInAnyOrder("commit-lane-1", "commit-lane-2");
  }

  @Test
  void nothing_is_lost_or_doubled_when_many_threads_hand_over() throws Exception {
    int threads = 4;
    int each = 5_000;
    var answers = new ConcurrentHashMap<String, AtomicInteger>();
    var started = new ArrayList<Thread>();
    for (int t = 0; t < threads; t++) {
      String gid = "g" + t;
      int window = 1 << t; // a small one lets the lane fall asleep again and again
      started.add(Thread.ofPlatform().start(() -> handOver(gid, each, window, answers)));
    }
    for (Thread thread : started) {
      thread.join();
    }

    assertThat(answers).hasSize(each * threads).allSatisfy((_, n) -> assertThat(n).hasValue(1));
    assertThat(lane.backlog()).isZero();
    for (int t = 0; t < threads; t++) {
      String gid = "g" + t;
      assertThat(store.stored().stream().filter(name -> name.startsWith(gid)))
          .containsExactlyElementsOf(IntStream.range(0, each).mapToObj(i -> gid + i).toList());
    }
  }

  @Test
  void a_lane_that_is_about_to_fall_asleep_is_woken_all_the_same() {
    var direct = new DirectLoop();
    var answered = new AtomicInteger();
    long end = System.nanoTime() + SECONDS.toNanos(2);
    long stuck = end + SECONDS.toNanos(10);

    // A next batch comes at the very moment when the lane has nothing more to do.
    for (int i = 1; i <= 200_000 && System.nanoTime() < end; i++) {
      lane.commit(batch("g", i), direct, _ -> answered.incrementAndGet());
      while (answered.get() < i) {
        Thread.onSpinWait();
        if (System.nanoTime() > stuck) {
          fail("batch " + i + " was never committed");
        }
      }
    }

    assertThat(lane.backlog()).isZero();
  }

  private void handOver(String gid, int count, int window, Map<String, AtomicInteger> answers) {
    var direct = new DirectLoop();
    var open = new Semaphore(window);
    for (int i = 0; i < count; i++) {
      String name = gid + i;
      open.acquireUninterruptibly();
      lane.commit(
          batch(gid, i),
          direct,
          _ -> {
            answers.computeIfAbsent(name, _ -> new AtomicInteger()).incrementAndGet();
            open.release();
          });
    }
    open.acquireUninterruptibly(window);
  }

  private void commit(String gid, int number, List<String> answers) {
    lane.commit(batch(gid, number), loop, _ -> answers.add(gid + number));
  }

  /** A batch that tells itself by its revision; no such transaction exists, so it is lost. */
  private static Batch batch(String gid, int number) {
    var owner = new Owner(Owner.Mark.LEASED, "s", "c", number);
    return new Batch(
        new Gid(gid), new Guard.InStatus(GlobalStatus.PREPARED, null, NOW), owner, List.of());
  }

  private static Batch created(
      String query, String data, Map<String, String> headers, String result) {
    var options = new Options(false, 0, 0, 0, headers, false, 0);
    var definition = new Definition(TransType.WORKFLOW, "http", query, data, options, NOW);
    var state =
        new State(
            GlobalStatus.PREPARED,
            "",
            result,
            NOW,
            null,
            new Schedule(Duration.ofSeconds(10), NOW),
            Extra.NONE);
    var gid = new Gid("large");
    return new Batch(
        gid,
        Guard.Absent.INSTANCE,
        new Owner(Owner.Mark.LEASED, "s", "c", 1),
        List.of(new Write.SaveNew(new Transaction(gid, definition, state, List.of()))));
  }

  private static Batch withPayload(int size) {
    var payload = Payload.of(new byte[size]);
    var key = new BranchKey("01", Op.ACTION);
    var compensate = new BranchKey("01", Op.COMPENSATE);
    var rows =
        List.of(Branch.open(compensate, "", payload, NOW), Branch.open(key, "", payload, NOW));
    return new Batch(
        new Gid("big"),
        new Guard.InStatus(GlobalStatus.PREPARED, null, NOW),
        null,
        List.of(new Write.AddBranches(rows)));
  }

  private static OutcomeUnknownException unknown() {
    return quiet(new OutcomeUnknownException("on purpose", null));
  }

  /** Without a stack trace, which would fill the logs. */
  private static <E extends Throwable> E quiet(E exception) {
    exception.setStackTrace(new StackTraceElement[0]);
    return exception;
  }

  private static void unexpected(Throwable e) {
    throw new AssertionError("unexpected", e);
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(10, SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static final class DirectLoop implements EventLoop {
    @Override
    public void execute(Runnable task) {
      task.run();
    }

    @Override
    public boolean isCurrent() {
      return true;
    }
  }
}
