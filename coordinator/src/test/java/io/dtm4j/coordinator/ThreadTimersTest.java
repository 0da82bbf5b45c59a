package io.dtm4j.coordinator;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(ReplaceUnderscores.class)
class ThreadTimersTest {
  private final ThreadTimers timers = new ThreadTimers();

  @AfterEach
  void close() {
    timers.close();
  }

  @Test
  void a_timer_never_fires_early() throws Exception {
    var fired = new CompletableFuture<Long>();
    long began = System.nanoTime();

    timers.after(Duration.ofMillis(20), () -> fired.complete(System.nanoTime()));

    assertThat(fired.get(10, TimeUnit.SECONDS) - began).isGreaterThanOrEqualTo(20_000_000L);
  }

  @Test
  void a_time_in_the_past_fires_at_once() throws Exception {
    var fired = new CountDownLatch(1);

    timers.after(Duration.ofSeconds(-1), fired::countDown);

    assertThat(fired.await(10, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void a_timer_that_was_called_off_does_not_fire() throws Exception {
    List<String> fired = new CopyOnWriteArrayList<>();
    var last = new CountDownLatch(1);

    Timers.Timer off = timers.after(Duration.ofMillis(5), () -> fired.add("called off"));
    off.cancel();
    timers.after(
        Duration.ofMillis(10),
        () -> {
          fired.add("other");
          last.countDown();
        });

    assertThat(last.await(10, TimeUnit.SECONDS)).isTrue();
    assertThat(fired).containsExactly("other");
    off.cancel(); // late: nothing happens
  }

  /** A read that was on its way at the end of a server still wants its next round. */
  @Test
  void a_timer_that_is_set_after_the_end_never_fires() {
    List<String> fired = new CopyOnWriteArrayList<>();
    timers.close();

    Timers.Timer late = timers.after(Duration.ZERO, () -> fired.add("late"));

    late.cancel();
    assertThat(fired).isEmpty();
  }
}
