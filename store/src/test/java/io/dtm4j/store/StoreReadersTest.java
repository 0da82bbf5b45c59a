package io.dtm4j.store;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(ReplaceUnderscores.class)
class StoreReadersTest {
  private final TestLoop loop = new TestLoop();
  private final List<String> done = new ArrayList<>();
  private final List<Throwable> failed = new ArrayList<>();

  @Test
  void a_read_runs_on_a_thread_of_its_own_and_tells_on_the_loop() throws Exception {
    try (var readers = new StoreReaders(2, 10)) {
      readers.submit(() -> Thread.currentThread().getName(), loop, done::add, failed::add);
      loop.runNext();
    }

    assertThat(done).singleElement().asString().startsWith("store-reader-");
    assertThat(failed).isEmpty();
  }

  @Test
  void a_read_that_throws_tells_its_cause() throws Exception {
    var cause = new StoreUnavailableException("away", null);
    try (var readers = new StoreReaders(1, 10)) {
      readers.<String>submit(
          () -> {
            throw cause;
          },
          loop,
          done::add,
          failed::add);
      loop.runNext();
      readers.submit(() -> "next", loop, done::add, failed::add);
      loop.runNext();
    }

    assertThat(failed).containsExactly(cause);
    assertThat(done).containsExactly("next");
  }

  @Test
  void one_read_too_many_is_refused_at_once() throws Exception {
    var goOn = new CountDownLatch(1);
    try (var readers = new StoreReaders(1, 2)) {
      readers.submit(() -> await(goOn), loop, done::add, failed::add);
      readers.submit(() -> "second", loop, done::add, failed::add);
      readers.submit(() -> "third", loop, done::add, failed::add);
      readers.submit(() -> "fourth", loop, done::add, failed::add);
      loop.runNext();

      assertThat(failed).singleElement().isInstanceOf(StoreUnavailableException.class);
      assertThat(done).isEmpty();
      goOn.countDown();
      loop.runUntil(() -> done.size() == 3);
    }

    assertThat(done).containsExactly("first", "second", "third");
    assertThat(failed).hasSize(1);
  }

  @Test
  void closing_ends_what_runs_and_refuses_what_waits() throws Exception {
    var running = new CompletableFuture<Boolean>();
    var goOn = new CountDownLatch(1);
    var readers = new StoreReaders(1, 10);
    readers.submit(
        () -> {
          running.complete(true);
          return await(goOn);
        },
        loop,
        done::add,
        failed::add);
    assertThat(running.get(10, SECONDS)).isTrue();
    readers.submit(() -> "second", loop, done::add, failed::add);

    var closing = Thread.ofPlatform().start(readers::close);
    loop.runNext();
    goOn.countDown();
    closing.join();
    loop.runNext();
    readers.submit(() -> "late", loop, done::add, failed::add);
    loop.runNext();

    assertThat(done).containsExactly("first");
    assertThat(failed).hasSize(2).allMatch(e -> e instanceof StoreUnavailableException);
  }

  private static String await(CountDownLatch latch) {
    try {
      assertThat(latch.await(10, SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    return "first";
  }
}
