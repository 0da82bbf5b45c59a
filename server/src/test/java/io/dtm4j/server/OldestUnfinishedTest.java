package io.dtm4j.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.store.MemoryStore;
import io.dtm4j.store.StoreUnavailableException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(ReplaceUnderscores.class)
class OldestUnfinishedTest {
  private static final Instant NOW = Instant.parse("2026-03-04T05:06:07Z");

  private final Store store = new Store();
  private long nanos = Long.MAX_VALUE; // the monotonic clock may overflow at any moment
  private final OldestUnfinished oldest = new OldestUnfinished(store, () -> nanos);

  /** A store that takes its time. */
  private final class Store extends MemoryStore {
    private @Nullable Instant created;
    private Duration takes = Duration.ZERO;
    private boolean isAway;
    private int searches;

    Store() {
      super(InstantSource.fixed(NOW));
    }

    @Override
    public synchronized @Nullable Instant oldestUnfinished() {
      if (isAway) {
        throw new StoreUnavailableException("away", null);
      }
      searches++;
      nanos += takes.toNanos();
      return created;
    }
  }

  @Test
  void it_is_as_old_as_it_is_since_its_creation() {
    store.created = NOW.minusMillis(61_500);

    assertThat(oldest.seconds()).isEqualTo(61.5);
  }

  @Test
  void nothing_is_not_old() {
    assertThat(oldest.seconds()).isZero();
  }

  @Test
  void a_store_that_cannot_be_read_is_asked_again() {
    store.isAway = true;
    assertThat(oldest.seconds()).isNaN();

    store.isAway = false;

    assertThat(oldest.seconds()).isZero();
  }

  @Test
  void what_takes_long_is_done_in_a_hundredth_of_the_time() {
    store.takes = Duration.ofSeconds(1);
    for (int second = 0; second < 1_000; second++) {
      oldest.seconds();
      nanos += Duration.ofSeconds(1).toNanos();
    }

    assertThat(store.searches).as("seconds of 1,011").isEqualTo(11);
  }
}
