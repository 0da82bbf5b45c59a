package io.dtm4j.store.redis;

import static io.dtm4j.store.redis.Sagas.await;
import static io.dtm4j.store.redis.Sagas.claim;
import static io.dtm4j.store.redis.Sagas.committed;
import static io.dtm4j.store.redis.Sagas.end;
import static io.dtm4j.store.redis.Sagas.insist;
import static io.dtm4j.store.redis.Sagas.register;
import static io.dtm4j.store.redis.Sagas.save;
import static io.dtm4j.store.redis.Shared.configOf;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.dtm4j.databases.RedisServer;
import io.dtm4j.model.Batch;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.store.CommitResult.Committed;
import io.dtm4j.store.OutcomeUnknownException;
import io.dtm4j.store.StoreUnavailableException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssertAlternative;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What becomes of a store whose Redis ends, stands still, cannot be reached, or lets nobody in. */
@Tag("long")
@DisplayNameGeneration(ReplaceUnderscores.class)
class LostServerTest {
  private final RedisServer server;

  LostServerTest() throws Exception {
    server = RedisServer.durable();
  }

  @AfterEach
  void stopServer() throws Exception {
    server.stop();
  }

  @Test
  void what_was_acknowledged_is_there_after_a_kill_and_what_was_open_is_stored_once()
      throws Exception {
    int all = 900;
    try (RedisStore store = RedisStore.open(configOf(server))) {
      var acknowledged = new AtomicInteger();
      var enough = new CompletableFuture<Boolean>();
      try (var thread = Executors.newSingleThreadExecutor()) {
        Future<Boolean> writing =
            thread.submit(
                () -> {
                  for (int i = 0; i < all; i++) {
                    var group = new ArrayList<Batch>(List.of(save("g" + i, claim("c" + i))));
                    group.add(register("g" + i, "02"));
                    if (i > 0) {
                      group.add(end("g" + (i - 1), claim("c" + (i - 1))));
                    }
                    assertThat(insist(() -> store.commit(group)).getLast())
                        .isInstanceOf(Committed.class);
                    acknowledged.set(i + 1);
                    if (i % (all / 3) == all / 6) {
                      enough.complete(true);
                    }
                  }
                  return true;
                });
        enough.get(60, TimeUnit.SECONDS);
        server.kill();
        int before = acknowledged.get();
        server.start();
        for (int i = 0; i < before - 1; i++) {
          assertThat(found(store, "g" + i).transaction().status()).isEqualTo(GlobalStatus.SUCCEED);
        }
        writing.get(60, TimeUnit.SECONDS);
      }

      for (int i = 0; i < all - 1; i++) {
        Stored stored = found(store, "g" + i);
        assertThat(stored.transaction().status()).isEqualTo(GlobalStatus.SUCCEED);
        assertThat(stored.owner().revision()).isEqualTo(2);
        assertThat(stored.transaction().branches()).hasSize(3);
      }
      assertThat(store.counts().unfinished()).isEqualTo(1);
      assertThat(store.trouble()).isNull();
    }
  }

  private static Stored found(RedisStore store, String gid) throws InterruptedException {
    return insist(() -> store.find(new Gid(gid))).orElseThrow();
  }

  @Test
  void a_write_that_had_no_answer_is_not_sent_again_by_the_client() throws Exception {
    try (RedisStore store = RedisStore.open(configOf(server));
        var thread = Executors.newSingleThreadExecutor()) {
      server.signal("STOP"); // it takes what it is sent and does nothing
      Future<?> writing = thread.submit(() -> store.commit(List.of(save("g", claim("c")))));
      TimeUnit.MILLISECONDS.sleep(200);
      assertThat(writing.isDone()).isFalse();

      server.kill();

      assertThatExceptionOfType(ExecutionException.class)
          .isThrownBy(() -> writing.get(5, TimeUnit.SECONDS))
          .withCauseInstanceOf(OutcomeUnknownException.class);
      server.start();
      assertThat(insist(() -> store.find(new Gid("other")))).isEmpty(); // connected again
      committed(store, save("later", claim("d")));
      assertThat(store.find(new Gid("g"))).isEmpty();
      assertThat(store.counts().unfinished()).isEqualTo(1);
    }
  }

  @Test
  void a_write_that_lands_late_does_nothing_twice() throws Exception {
    try (RedisStore store = RedisStore.open(configOf(server));
        var thread = Executors.newSingleThreadExecutor()) {
      committed(store, save("g", claim("c")));
      List<Batch> group = List.of(register("g", "02"), end("g", claim("c")), save("h", claim("d")));
      server.signal("STOP");
      Future<?> writing = thread.submit(() -> store.commit(group));
      assertThatExceptionOfType(ExecutionException.class)
          .isThrownBy(() -> writing.get(30, TimeUnit.SECONDS))
          .withCauseInstanceOf(OutcomeUnknownException.class)
          .withMessageContaining("timed out");
      assertThat(store.trouble()).contains("timed out");

      server.signal("CONT"); // and now it does what it was sent

      insist(() -> store.commit(group));
      assertThat(found(store, "g").transaction().branches()).hasSize(3);
      assertThat(found(store, "g").owner().revision()).isEqualTo(2);
      assertThat(found(store, "h").owner()).isEqualTo(claim("d"));
      assertThat(store.trouble()).isNull();
    }
  }

  @Test
  void while_the_server_is_away_nothing_is_certain_and_trouble_says_why() throws Exception {
    try (RedisStore store = RedisStore.open(configOf(server))) {
      Batch save = save("g", claim("c"));
      server.kill();
      Instant before = store.storeTime();

      assertThatExceptionOfType(OutcomeUnknownException.class)
          .isThrownBy(() -> store.commit(List.of(save)))
          .withMessageContaining("cannot be written");
      assertThatExceptionOfType(StoreUnavailableException.class)
          .isThrownBy(() -> store.find(new Gid("g")))
          .withMessageContaining("cannot be read");
      assertThat(store.trouble()).contains(server.host(), "cannot be written since");
      assertThat(store.storeTime()).isAfterOrEqualTo(before);

      server.start();

      assertThat(insist(() -> store.commit(List.of(save)))).hasSize(1);
      assertThat(store.trouble()).isNull();
      assertThat(found(store, "g").owner().claim()).isEqualTo("c");
    }
  }

  @Test
  void scripts_that_the_server_has_forgotten_are_sent_again() throws Exception {
    try (RedisStore store = RedisStore.open(configOf(server))) {
      committed(store, save("g", claim("c")));
      server.ask(commands -> commands.scriptFlush());

      committed(store, save("h", claim("d")), end("g", claim("c")));

      assertThat(found(store, "h").owner()).isEqualTo(claim("d"));
      assertThat(store.createKeyValue("topics", "t", "[]")).isTrue();
    }
  }

  @Test
  void a_full_memory_stops_writes_and_loses_nothing() throws Exception {
    try (RedisStore store = RedisStore.open(configOf(server))) {
      committed(store, save("g", claim("c")));
      server.ask(commands -> commands.configSet("maxmemory", "1mb"));

      Batch end = end("g", claim("c"));
      assertThatExceptionOfType(OutcomeUnknownException.class)
          .isThrownBy(() -> store.commit(List.of(save("h", claim("d")), end)))
          .withMessageContaining("OOM");
      assertThat(store.trouble()).contains("OOM");
      assertThat(found(store, "g").transaction().status()).isEqualTo(GlobalStatus.SUBMITTED);

      server.ask(commands -> commands.configSet("maxmemory", "0"));
      committed(store, save("h", claim("d")), end);
      assertThat(store.trouble()).isNull();
    }
  }

  @Test
  void a_server_that_has_become_a_replica_is_left_for_whoever_is_the_master_now() throws Exception {
    try (RedisStore store = RedisStore.open(configOf(server))) {
      committed(store, save("g", claim("c")));
      server.ask(commands -> commands.replicaof("127.0.0.1", 1));
      List<Batch> group = List.of(end("g", claim("c")));
      long before = server.ask(commands -> commands.clientId());

      assertThatExceptionOfType(OutcomeUnknownException.class)
          .isThrownBy(() -> store.commit(group))
          .withMessageContaining("READONLY");
      await(
          () ->
              Optional.of(connectionsUntil(before))
                  .filter(count -> count == 0)); // for reads and for writes

      server.ask(commands -> commands.replicaofNoOne());
      insist(() -> store.commit(group));
      assertThat(found(store, "g").transaction().status()).isEqualTo(GlobalStatus.SUCCEED);
    }
  }

  /** Connections that were not made later than that one, but for the one to its master. */
  private long connectionsUntil(long id) {
    return server
        .<String>ask(commands -> commands.clientList())
        .lines()
        .filter(line -> !line.contains("flags=M"))
        .filter(line -> Long.parseLong(line.substring("id=".length(), line.indexOf(' '))) <= id)
        .count();
  }

  @Test
  void a_server_that_is_gone_without_a_word_is_left_after_a_time_out() throws Exception {
    try (var relay = new Relay(server.port());
        RedisStore store =
            RedisStore.open(
                new RedisStoreConfig(List.of(relay.host()), "", "", "", Duration.ofDays(1), 0));
        var threads = Executors.newFixedThreadPool(2)) {
      committed(store, save("g", claim("c")));
      List<Batch> group = List.of(end("g", claim("c")));

      relay.swallow(); // what is connected stays so and hears nothing more
      Future<?> writing = threads.submit(() -> store.commit(group));
      Future<?> reading = threads.submit(() -> store.find(new Gid("g")));
      assertThatExceptionOfType(ExecutionException.class)
          .isThrownBy(() -> writing.get(30, TimeUnit.SECONDS))
          .withCauseInstanceOf(OutcomeUnknownException.class);
      assertThatExceptionOfType(ExecutionException.class)
          .isThrownBy(() -> reading.get(30, TimeUnit.SECONDS))
          .withCauseInstanceOf(StoreUnavailableException.class);

      Future<?> again = threads.submit(() -> insist(() -> store.commit(group)));
      again.get(8, TimeUnit.SECONDS);
      Future<Stored> found = threads.submit(() -> found(store, "g"));
      assertThat(found.get(8, TimeUnit.SECONDS).transaction().status())
          .isEqualTo(GlobalStatus.SUCCEED);
      assertThat(store.trouble()).isNull();
    }
  }

  @Test
  void an_opening_that_fails_says_what_to_do_and_no_password() throws Exception {
    server.ask(commands -> commands.configSet("requirepass", "right-secret"));
    RedisStoreConfig right = withPassword("right-secret");

    RedisStore.open(right).close();
    opening(withPassword("wrong-secret"))
        .withMessageContaining("Check user and password")
        .withMessageNotContaining("wrong-secret");
    opening(configOf(server)).withMessageContaining("Check user and password");
    server.kill();
    opening(right)
        .withMessageContaining(server.host())
        .withMessageContaining("Is it running")
        .withMessageNotContaining("right-secret");
    assertThat(right.toString()).doesNotContain("right-secret");
  }

  private RedisStoreConfig withPassword(String password) {
    return new RedisStoreConfig(List.of(server.host()), "", password, "", Duration.ofDays(1), 0);
  }

  private static ThrowableAssertAlternative<StoreUnavailableException> opening(
      RedisStoreConfig config) {
    return assertThatExceptionOfType(StoreUnavailableException.class)
        .isThrownBy(() -> RedisStore.open(config).close());
  }

  @Test
  void finished_transactions_expire_with_their_places_in_the_lists_and_unfinished_ones_never()
      throws Exception {
    var config =
        new RedisStoreConfig(List.of(server.host()), "", "", "", Duration.ofMillis(300), 0);
    try (RedisStore store = RedisStore.open(config)) {
      committed(store, save("open", claim("a")), save("g", claim("c")), save("h", claim("d")));
      committed(store, end("g", claim("c")), end("h", claim("d")));
      assertThat(found(store, "g").transaction().status()).isEqualTo(GlobalStatus.SUCCEED);
      await(
          () ->
              store.find(new Gid("g")).or(() -> store.find(new Gid("h"))).isEmpty()
                  ? Optional.of(true)
                  : Optional.empty());
      assertThat(keys("ended")).isEqualTo(2);

      assertThat(store.endedBefore(Sagas.FUTURE, "", 10).items()).isEmpty();

      assertThat(keys("ended")).isZero();
      assertThat(keys("all")).isEqualTo(1);
      assertThat(found(store, "open").owner()).isEqualTo(claim("a"));
      committed(store, save("g", claim("e"))); // the gid may come again, and stays
      TimeUnit.MILLISECONDS.sleep(400);
      assertThat(found(store, "g").owner()).isEqualTo(claim("e"));
    }
  }

  @Test
  void a_sweep_removes_the_places_of_what_has_expired() throws Exception {
    var config = new RedisStoreConfig(List.of(server.host()), "", "", "", Duration.ofMillis(1), 0);
    try (RedisStore store = RedisStore.open(config);
        var redis = new Redis(config)) {
      for (int i = 0; i < 600; i++) {
        committed(store, save("g" + i, claim("c" + i)), save("open" + i, claim("o" + i)));
        committed(store, end("g" + i, claim("c" + i)));
      }
      TimeUnit.MILLISECONDS.sleep(20);

      new Sweep(redis, store::storeTime, Duration.ofMillis(1)).run();

      assertThat(keys("ended")).isZero();
      assertThat(keys("all")).isEqualTo(600);
      assertThat(store.counts().unfinished()).isEqualTo(600);
    }
  }

  @Test
  void what_a_sweep_cannot_understand_stays_and_stops_nothing_else() throws Exception {
    var config = new RedisStoreConfig(List.of(server.host()), "", "", "", Duration.ofMillis(1), 0);
    try (RedisStore store = RedisStore.open(config);
        var redis = new Redis(config)) {
      server.ask(commands -> commands.zadd("dtm4j:{07}:ended", 1, "")); // no gid is so
      for (int i = 0; i < 500; i++) {
        String gid = "gone" + i;
        int shard = Keys.shard(Texts.bytes(gid));
        server.ask(commands -> commands.zadd(String.format("dtm4j:{%02d}:ended", shard), 2, gid));
      }

      new Sweep(redis, store::storeTime, Duration.ofMillis(1)).run();

      assertThat(keys("ended")).isEqualTo(1);
    }
  }

  /** How many entries these index sets of all shards have. */
  private long keys(String index) throws Exception {
    return server.ask(
        commands -> {
          long sum = 0;
          for (String key : commands.keys("dtm4j:{*}:" + index)) {
            sum += commands.zcard(key);
          }
          return sum;
        });
  }
}
