package io.dtm4j.coordinator;

import static io.dtm4j.coordinator.Requests.message;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.engine.Commands;
import io.dtm4j.engine.Creation;
import io.dtm4j.engine.RefusedException;
import io.dtm4j.engine.Settings;
import io.dtm4j.engine.Topics;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Reply;
import io.dtm4j.store.MemoryStore;
import io.dtm4j.store.Page;
import io.dtm4j.store.Reset;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Resets of many transactions: docs/spec/http-api.md 4.11. */
@DisplayNameGeneration(ReplaceUnderscores.class)
@Tag("counts-writes") // a repeated reset counts only what the attempts before have not changed
class ListingsTest extends InVirtualTime {
  private static final int STORED = 1_200;

  /** Limits of the writes that were sent. */
  private final List<Integer> writes = new ArrayList<>();

  /** After so many of them the store is in trouble. */
  private int writesUntilTrouble = Integer.MAX_VALUE;

  private final List<Reset> done = new ArrayList<>();
  private final List<Reply> trouble = new ArrayList<>();
  private final VirtualProcess process = new VirtualProcess(time);
  private final VirtualLoop loop = new VirtualLoop(process, weather);
  private final MemoryStore store = new CountingStore();

  private final class CountingStore extends MemoryStore {
    CountingStore() {
      super(time);
    }

    @Override
    public synchronized Reset resetDue(Duration after, int limit) {
      writes.add(limit);
      return super.resetDue(after, limit);
    }

    @Override
    public @Nullable String trouble() {
      return writes.size() < writesUntilTrouble ? null : "disk full";
    }
  }

  @Test
  void many_are_reset_in_several_writes_so_that_others_get_between() throws Exception {
    prepareSome();

    reset(Page.MAX_LIMIT);

    assertThat(done).containsExactly(new Reset(STORED, false));
    assertThat(writes).containsExactly(500, 500, 500);
    assertThat(store.dueBefore(time.instant(), null, 2 * STORED)).hasSize(STORED);
  }

  @Test
  void no_more_are_reset_than_were_asked_for() throws Exception {
    prepareSome();

    reset(700);

    assertThat(done).containsExactly(new Reset(700, true));
    assertThat(writes).containsExactly(500, 200);
  }

  @Test
  void what_was_reset_before_the_trouble_is_said() throws Exception {
    prepareSome();
    writesUntilTrouble = 1;

    reset(Page.MAX_LIMIT);
    reset(Page.MAX_LIMIT);

    assertThat(done).containsExactly(new Reset(500, true));
    assertThat(trouble)
        .singleElement()
        .isInstanceOfSatisfying(
            Reply.Failed.class,
            failed -> assertThat(failed.code()).isEqualTo(ErrorCode.STORE_UNAVAILABLE));
  }

  private void prepareSome() throws RefusedException {
    var commands = new Commands(Settings.DEFAULTS);
    var claims = new Claims("a");
    for (int i = 0; i < STORED; i++) {
      Instant now = time.instant();
      Transaction proposed = Creation.of(message("g" + i, 1).request(), Topics.NONE, now);
      Commands.Verdict verdict =
          commands.create(proposed, GlobalStatus.PREPARED, claims.next(), now);
      store.commit(List.of(((Commands.Verdict.Commit) verdict).batch()));
    }
  }

  private void reset(int limit) {
    var committer = new VirtualCommitter(time, process, weather, store, null, _ -> {});
    var timers = new VirtualTimers(process, weather);
    var reads = new VirtualReads(process, weather);
    var listings = new Listings(store, reads, new ClientWrites(store, committer, timers));
    loop.execute(() -> listings.resetDue(seconds(10), limit, loop, done::add, trouble::add));
    run(seconds(5));
  }
}
