package io.dtm4j.coordinator;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Due;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Reply;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.Committer;
import io.dtm4j.store.Counts;
import io.dtm4j.store.EventLoop;
import io.dtm4j.store.MemoryStore;
import io.dtm4j.store.StoreUnavailableException;
import io.dtm4j.store.TransactionStore;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(ReplaceUnderscores.class)
class ReadinessTest {
  private static final Duration A_LOOK = Duration.ofMillis(1_100);

  private final VirtualTime time = new VirtualTime();
  private final VirtualProcess process = new VirtualProcess(time);
  private final Weather weather = new Weather();
  private final Store store = new Store();
  private final Lane lane = new Lane();
  private final Readiness readiness =
      new Readiness(
          store,
          lane,
          new VirtualTimers(process, weather),
          time::nanoTime,
          new VirtualLoop(process, weather));

  /** A store that can be told what is wrong with it. */
  private final class Store extends MemoryStore {
    private @Nullable String trouble;
    private boolean unreadable;

    Store() {
      super(time);
    }

    @Override
    public @Nullable String trouble() {
      return trouble;
    }

    @Override
    public synchronized List<Due> dueBefore(Instant before, @Nullable Due after, int limit) {
      if (unreadable) {
        throw new StoreUnavailableException("bad sector", null);
      }
      return super.dueBefore(before, after, limit);
    }

    @Override
    public synchronized Counts counts() {
      throw new AssertionError("on the way of all writes that takes too long");
    }
  }

  /** A lane that may stand still. */
  private final class Lane implements Committer {
    private boolean stands;
    private @Nullable Instant repeatingSince;
    private Runnable held = () -> {};

    void goOn() {
      stands = false;
      held.run();
    }

    @Override
    public <T extends @Nullable Object> void perform(
        Function<TransactionStore, T> work,
        EventLoop loop,
        Consumer<T> done,
        Consumer<Throwable> failed) {
      Runnable job =
          () -> {
            T result = work.apply(store);
            loop.execute(() -> done.accept(result));
          };
      if (stands) {
        held = job;
      } else {
        job.run();
      }
    }

    @Override
    public void commit(Batch batch, EventLoop loop, Consumer<CommitResult> done) {
      throw new UnsupportedOperationException("nothing is to be committed");
    }

    @Override
    public int backlog() {
      return 0;
    }

    @Override
    public Duration expectedWait() {
      return Duration.ZERO;
    }

    @Override
    public @Nullable Instant repeatingSince() {
      return repeatingSince;
    }
  }

  private void assertNotReady(ErrorCode code, String why) {
    Reply.Failed refusal = requireNonNull(readiness.refusal(), "it is ready");
    assertThat(refusal.code()).isEqualTo(code);
    assertThat(refusal.message()).isEqualTo(why);
  }

  @Test
  void a_server_whose_store_answers_is_ready() {
    readiness.start();
    assertThat(readiness.refusal()).isNull();

    time.run(Duration.ofMinutes(1));

    assertThat(readiness.refusal()).isNull();
  }

  @Test
  void a_store_that_takes_no_writes_is_noticed_at_once() {
    store.trouble = "disk full";
    assertNotReady(ErrorCode.STORE_UNAVAILABLE, "disk full");

    store.trouble = null;
    assertThat(readiness.refusal()).isNull();
  }

  @Test
  void a_write_whose_outcome_is_not_known_is_noticed_at_once() {
    lane.repeatingSince = Instant.parse("2026-01-01T00:00:07Z");

    assertNotReady(
        ErrorCode.STORE_UNAVAILABLE,
        "the outcome of a write is not known since 2026-01-01T00:00:07Z");
  }

  @Test
  void a_store_that_cannot_be_read_is_noticed_without_requests() {
    readiness.start();
    store.unreadable = true;
    time.run(A_LOOK);
    assertNotReady(ErrorCode.STORE_UNAVAILABLE, "bad sector");

    store.unreadable = false;
    time.run(A_LOOK);

    assertThat(readiness.refusal()).isNull();
  }

  @Test
  void a_store_that_says_nothing_is_noticed_without_requests() {
    readiness.start();
    lane.stands = true;
    time.run(Duration.ofSeconds(3));
    assertThat(readiness.refusal()).as("it may be slow").isNull();
    time.run(Duration.ofSeconds(2));
    assertNotReady(ErrorCode.STORE_UNAVAILABLE, "the store has not answered for 3 s");

    lane.goOn();
    time.run(A_LOOK);

    assertThat(readiness.refusal()).isNull();
  }

  @Test
  void a_server_that_stops_is_not_ready() {
    readiness.start();

    readiness.stop();

    assertNotReady(ErrorCode.STOPPING, "the server is stopping");
  }
}
