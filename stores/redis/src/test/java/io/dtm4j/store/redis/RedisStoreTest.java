package io.dtm4j.store.redis;

import static io.dtm4j.store.redis.Sagas.FUTURE;
import static io.dtm4j.store.redis.Sagas.PAST;
import static io.dtm4j.store.redis.Sagas.await;
import static io.dtm4j.store.redis.Sagas.claim;
import static io.dtm4j.store.redis.Sagas.committed;
import static io.dtm4j.store.redis.Sagas.end;
import static io.dtm4j.store.redis.Sagas.next;
import static io.dtm4j.store.redis.Sagas.register;
import static io.dtm4j.store.redis.Sagas.save;
import static io.dtm4j.store.redis.Shared.configOf;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.dtm4j.databases.RedisServer;
import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.Due;
import io.dtm4j.model.Extra;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.CommitResult.Committed;
import io.dtm4j.store.CommitResult.Lost;
import io.dtm4j.store.Filter;
import io.dtm4j.store.Lease;
import io.dtm4j.store.Listed;
import io.dtm4j.store.Page;
import io.dtm4j.store.StoreRejectedException;
import io.dtm4j.store.StoreUnavailableException;
import io.lettuce.core.AclSetuserArgs;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisReadOnlyException;
import io.lettuce.core.ScriptOutputType;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is this store's own: two servers on it, what it remembers, and its keys. */
@Tag("long")
@TestInstance(Lifecycle.PER_CLASS)
@DisplayNameGeneration(ReplaceUnderscores.class)
class RedisStoreTest {
  private static final Duration LEASE = Duration.ofHours(1);

  private final RedisServer server;

  RedisStoreTest() throws Exception {
    server = new RedisServer();
  }

  @BeforeEach
  void empty() throws Exception {
    server.ask(commands -> commands.flushall());
  }

  @AfterAll
  void stopServer() throws Exception {
    server.stop();
  }

  @BeforeAll
  void isAlone() {
    assertThat(server.<Long>ask(commands -> commands.dbsize())).isZero();
  }

  private RedisStoreConfig config(String prefix) {
    return new RedisStoreConfig(List.of(server.host()), "", "", prefix, Duration.ofDays(1), 0);
  }

  @Test
  void what_another_server_has_changed_is_seen_before_anything_is_decided() {
    try (RedisStore one = RedisStore.open(configOf(server));
        RedisStore other = RedisStore.open(configOf(server))) {
      committed(one, save("g", claim("a")), save("h", claim("b")));
      committed(other, register("g", "02"));
      Owner claim = claim("a");

      // Remembered is a record of two rows, and the pass of it goes on.
      committed(one, next("g", claim, settled(2, "02")));
      assertThat(found(other, "g").transaction().branches().get(2).isDone()).isTrue();

      Stored read = found(other, "h");
      assertThat(other.claim(List.of(Due.of(read)), LEASE, _ -> claim("c"))).hasSize(1);
      CommitResult late = one.commit(List.of(end("h", claim("b")))).getFirst();
      assertThat(late).isEqualTo(new Lost(found(other, "h")));
      assertThat(one.renew(List.of(new Lease(new Gid("h"), "b")), LEASE)).hasSize(1);
      assertThat(one.renew(List.of(new Lease(new Gid("h"), "c")), LEASE)).isEmpty();
    }
  }

  @Test
  void what_was_remembered_is_compared_even_when_nothing_is_to_change() {
    var gid = new Gid("g");
    try (RedisStore one = RedisStore.open(configOf(server));
        RedisStore other = RedisStore.open(configOf(server))) {
      committed(one, save("g", claim("a")), save("h", claim("b")));
      List<Due> read = List.of(Due.of(found(other, "g")));
      assertThat(other.claim(read, LEASE, _ -> claim("c"))).hasSize(1);
      Stored taken = found(other, "g");

      assertThat(one.renew(List.of(new Lease(gid, "c")), LEASE)).isEmpty();

      committed(other, end("h", claim("b")));
      var known = new Batch(new Gid("h"), Guard.Known.INSTANCE, null, List.of());
      assertThat(one.commit(List.of(known))).containsExactly(new Committed(found(other, "h")));
      assertThat(one.delete(List.of(new Gid("h")), FUTURE)).isEqualTo(1);
      assertThat(one.commit(List.of(known))).containsExactly(new Lost(null));
      assertThat(found(other, "g").owner()).isEqualTo(taken.owner());
    }
  }

  @Test
  void a_change_that_leaves_token_and_sizes_alike_is_noticed_all_the_same() {
    try (RedisStore one = RedisStore.open(configOf(server));
        RedisStore other = RedisStore.open(configOf(server))) {
      committed(one, save("g", claim("a")));
      committed(one, reason("one"));
      committed(other, reason("two"));

      committed(one, next("g", claim("a"), new Write.SetExtra(Extra.NONE.withParkings(1))));

      assertThat(found(other, "g").transaction().state().reason()).isEqualTo("two");
      assertThat(found(other, "g").transaction().state().extra().parkings()).isEqualTo(1);
    }
  }

  private static Batch reason(String reason) {
    var write = new Write.SetStatus(GlobalStatus.SUBMITTED, reason, null, PAST);
    return new Batch(new Gid("g"), Guard.Known.INSTANCE, null, List.of(write));
  }

  private static Write settled(int row, String branchId) {
    Branch branch = Sagas.row(branchId, io.dtm4j.protocol.Op.ACTION, "{}");
    return new Write.SetBranch(row, branch.key(), BranchStatus.SUCCEED, PAST);
  }

  private static Stored found(RedisStore store, String gid) {
    return store.find(new Gid(gid)).orElseThrow();
  }

  @Test
  void a_batch_that_fits_only_what_another_server_has_left_rejects_nothing() {
    try (RedisStore one = RedisStore.open(configOf(server));
        RedisStore other = RedisStore.open(configOf(server))) {
      committed(one, save("g", claim("a")));
      committed(other, register("g", "02"));

      // On what is remembered it would not fit.
      committed(one, save("h", claim("b")), next("g", claim("a"), settled(2, "02")));

      Batch broken = next("h", claim("b"), settled(7, "07"));
      assertThatExceptionOfType(StoreRejectedException.class)
          .isThrownBy(() -> one.commit(List.of(save("i", claim("c")), broken)));
      assertThat(one.find(new Gid("i"))).isEmpty();
    }
  }

  @Test
  void a_save_of_what_is_there_hides_no_batch_that_does_not_fit() {
    try (RedisStore one = RedisStore.open(configOf(server));
        RedisStore other = RedisStore.open(configOf(server))) {
      committed(one, save("g", claim("a")));
      Batch broken = next("g", claim("a"), settled(7, "07"));

      assertThatExceptionOfType(StoreRejectedException.class)
          .isThrownBy(
              () -> other.commit(List.of(save("h", claim("b")), save("g", claim("c")), broken)));

      assertThat(one.find(new Gid("h"))).isEmpty();
    }
  }

  @Test
  void what_stops_fitting_while_others_are_written_is_rejected_alone() {
    try (RedisStore one = RedisStore.open(configOf(server));
        RedisStore other = RedisStore.open(configOf(server))) {
      committed(one, save("g", claim("a")), register("g", "02"));
      committed(other, end("g", claim("a")));
      assertThat(other.delete(List.of(new Gid("g")), FUTURE)).isEqualTo(1);
      committed(other, save("g", claim("a"))); // as remembered, but without that row

      List<CommitResult> results =
          one.commit(List.of(save("h", claim("b")), next("g", claim("a"), settled(2, "02"))));

      assertThat(results.getFirst()).isInstanceOf(Committed.class);
      assertThat(results.getLast()).isInstanceOf(CommitResult.Rejected.class);
      assertThat(found(other, "h").owner()).isEqualTo(claim("b"));
      assertThat(found(other, "g").owner()).isEqualTo(claim("a"));
    }
  }

  @Test
  void two_servers_write_the_same_transactions_and_each_write_counts_once() throws Exception {
    int gids = 20;
    int each = 40;
    try (RedisStore one = RedisStore.open(configOf(server));
        RedisStore other = RedisStore.open(configOf(server))) {
      for (int i = 0; i < gids; i++) {
        committed(one, save("g" + i, claim("a" + i)));
      }
      inParallel(
          one,
          other,
          (store, name) -> {
            for (int step = 0; step < each; step++) {
              var group = new ArrayList<Batch>();
              for (int i = 0; i < gids; i++) {
                group.add(register("g" + i, name + step));
              }
              committed(store, group.toArray(Batch[]::new));
            }
          });

      for (int i = 0; i < gids; i++) {
        Stored stored = found(one, "g" + i);
        assertThat(stored.transaction().branches()).hasSize(2 + 2 * each);
        assertThat(stored.owner()).isEqualTo(claim("a" + i));
      }
    }
  }

  @Test
  void what_is_due_goes_to_one_server_only() throws Exception {
    int all = 500;
    try (RedisStore one = RedisStore.open(configOf(server));
        RedisStore other = RedisStore.open(configOf(server))) {
      var group = new ArrayList<Batch>();
      for (int i = 0; i < all; i++) {
        group.add(save("g" + i, claim("a" + i), PAST, "{}"));
      }
      committed(one, group.toArray(Batch[]::new));
      var claimed = Collections.synchronizedList(new ArrayList<String>());
      var claims = new AtomicInteger();
      inParallel(
          one,
          other,
          (store, _) -> {
            List<Stored> some;
            do {
              some = store.claimDue(LEASE, _ -> claim("b" + claims.incrementAndGet()), 9);
              some.forEach(stored -> claimed.add(stored.transaction().gid().value()));
            } while (!some.isEmpty());
          });

      assertThat(claimed).hasSize(all).doesNotHaveDuplicates();
      assertThat(one.claimDue(LEASE, _ -> claim("late"), 10)).isEmpty();
    }
  }

  /** What each of two servers does at the same time. */
  private interface Part {
    void run(RedisStore store, String name);
  }

  private static void inParallel(RedisStore one, RedisStore other, Part part) throws Exception {
    try (var threads = Executors.newFixedThreadPool(2)) {
      Future<?> first = threads.submit(() -> part.run(one, "x"));
      Future<?> second = threads.submit(() -> part.run(other, "y"));
      first.get(60, TimeUnit.SECONDS);
      second.get(60, TimeUnit.SECONDS);
    }
  }

  @Test
  void large_transactions_are_claimed_a_few_at_a_time() {
    try (RedisStore store = RedisStore.open(configOf(server))) {
      String payload = "x".repeat(3 << 20);
      for (int i = 0; i < 5; i++) {
        committed(store, save("g" + i, claim("a" + i), PAST, payload));
      }
      var claimed = new HashSet<Gid>();
      for (int round = 0; round < 5; round++) {
        List<Stored> some = store.claimDue(LEASE, gid -> claim("b" + gid), 10);
        assertThat(some).hasSizeLessThan(5);
        some.forEach(stored -> assertThat(claimed.add(stored.transaction().gid())).isTrue());
      }
      assertThat(claimed).hasSize(5);
    }
  }

  @Test
  void all_keys_have_the_prefix_and_those_of_a_transaction_one_shard() {
    try (RedisStore store = RedisStore.open(configOf(server))) {
      committed(store, save("g", claim("a")), save("{x}", claim("b")));
      store.createKeyValue("topics", "t", "[]");
    }

    List<String> keys = server.ask(commands -> commands.keys("*"));
    assertThat(keys).allMatch(key -> key.matches("dtm4j:(meta|\\{kv}:\\w+|\\{\\d\\d}:\\w+(:.*)?)"));
    assertThat(server.<String>ask(commands -> commands.hget("dtm4j:meta", "shards")))
        .isEqualTo("64");
  }

  @Test
  void a_reset_deletes_what_is_its_own_and_nothing_else() {
    server.ask(commands -> commands.set("other", "1"));
    server.ask(commands -> commands.set("s[1]:more", "of a longer prefix"));
    server.ask(commands -> commands.set("s1:more", "of another one"));
    try (RedisStore store = RedisStore.open(config("s[1]"))) {
      committed(store, save("g", claim("a")));
    }
    List<String> neighbours = List.of("s[1]2", "s[1]:test", "s[1]:meta");
    for (String neighbour : neighbours) {
      try (RedisStore store = RedisStore.open(config(neighbour))) {
        committed(store, save("g", claim("a")));
      }
    }

    RedisStore.reset(config("s[1]"));

    assertThat(server.<List<String>>ask(commands -> commands.keys("s\\[1\\]:*")))
        .isNotEmpty()
        .allMatch(key -> key.matches("s\\[1]:(more|(test|meta):(meta|\\{.*))"));
    assertThat(server.<Long>ask(commands -> commands.exists("other", "s1:more", "s[1]:more")))
        .isEqualTo(3);
    for (String neighbour : neighbours) {
      try (RedisStore store = RedisStore.open(config(neighbour))) {
        assertThat(store.find(new Gid("g"))).isPresent();
      }
    }
  }

  @Test
  void a_store_of_a_newer_version_is_refused() {
    RedisStore.open(configOf(server)).close();
    server.ask(commands -> commands.hset("dtm4j:meta", "format", "2"));

    opening(config("")).withMessageContaining("format 2 (expected: 1)");

    server.ask(commands -> commands.hset("dtm4j:meta", Map.of("format", "1", "shards", "128")));
    opening(config("")).withMessageContaining("number of shards 128 (expected: 64)");
  }

  @Test
  void unfinished_work_of_a_dtm_stops_the_opening() {
    server.ask(commands -> commands.zadd("{a}_u", 1, "g"));
    server.ask(commands -> commands.zadd("mine_u", 1, "g"));

    opening(config("")).withMessageContaining("./dtm4j import --redis");
    opening(config("{a}")).withMessageContaining("{a}_*");
    opening(config("mine")).withMessageContaining("mine_*");
    RedisStore.open(config("others")).close();

    server.ask(commands -> commands.del("{a}_u"));
    RedisStore.open(config("")).close();
  }

  private static org.assertj.core.api.ThrowableAssertAlternative<StoreUnavailableException> opening(
      RedisStoreConfig config) {
    return assertThatExceptionOfType(StoreUnavailableException.class)
        .isThrownBy(() -> RedisStore.open(config).close());
  }

  @Test
  void a_configuration_that_makes_no_sense_is_refused() {
    assertThat(config("").ownPrefix()).isEqualTo("dtm4j");
    assertThat(config("{a}").ownPrefix()).isEqualTo("dtm4j");
    assertThat(config("x").ownPrefix()).isEqualTo("x");
    assertThatIllegalArgumentException().isThrownBy(() -> config("{b}"));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new RedisStoreConfig(List.of(), "", "", "", Duration.ZERO, 0));
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                new RedisStoreConfig(
                    List.of("redis-sentinel://a#m", "b:1"), "", "", "", Duration.ZERO, 0));
    var config =
        new RedisStoreConfig(
            List.of("rediss://user:secret@host:1/0?x=y"), "", "", "", Duration.ZERO, 0);
    assertThat(config.toString()).contains("rediss://host:1").doesNotContain("secret");
    assertThat(withHost("redis://user:sec?ret@host:1/0?x=y").address())
        .isEqualTo("redis://host:1/0");
    assertThat(withHost("user:sec@?@ret@host:1").address()).isEqualTo("host:1");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                new RedisStoreConfig(
                    List.of("redis://:secret@a", ""), "", "", "", Duration.ZERO, 0))
        .withMessageNotContaining("secret");
  }

  private static RedisStoreConfig withHost(String host) {
    return new RedisStoreConfig(List.of(host), "", "", "", Duration.ZERO, 0);
  }

  @Test
  void an_address_that_cannot_be_read_is_refused_and_not_repeated() {
    opening(withHost("redis://:50%off@host:6379"))
        .withMessageContaining("%-escapes")
        .withMessageNotContaining("off")
        .withNoCause();
  }

  @Test
  void what_runs_no_script_on_several_shards_is_refused_at_the_opening() {
    // As a proxy would: this user may have the keys of one shard in a script.
    server.ask(
        commands ->
            commands.aclSetuser(
                "proxied",
                AclSetuserArgs.Builder.on()
                    .addPassword("pw")
                    .keyPattern("p:meta")
                    .keyPattern("p:{00}:*")
                    .keyPattern("p_u")
                    .allCommands()));

    opening(new RedisStoreConfig(List.of(server.host()), "proxied", "pw", "p", Duration.ZERO, 0))
        .withMessageContaining("no script on the keys of several shards")
        .withMessageContaining("proxy");

    RedisStore.open(config("p")).close();
  }

  @Test
  void a_replica_is_recognised_however_the_server_says_it() {
    assertThat(
            List.of(
                new RedisReadOnlyException("READONLY You can't write against a read only replica."),
                new RedisCommandExecutionException(
                    "ERR Error running script (call to f_2b): @user_script:19: -READONLY You"
                        + " can't write against a read only slave.")))
        .allMatch(Redis::isReadOnly);
    assertThat(Redis.isReadOnly(new RedisCommandExecutionException("ERR unknown command")))
        .isFalse();
  }

  @Test
  void an_opening_knows_what_may_be_lost() {
    assertThat(Opening.findings(Map.of("appendonly", "yes", "appendfsync", "always"))).isEmpty();
    assertThat(Opening.findings(Map.of("appendonly", "yes", "appendfsync", "everysec")))
        .singleElement()
        .matches(finding -> !finding.isBad() && finding.text().contains("appendfsync"));
    assertThat(Opening.findings(Map.of("appendonly", "no")))
        .singleElement()
        .matches(finding -> finding.isBad() && finding.text().contains("appendonly"));
    var evicting =
        Map.of(
            "appendonly",
            "yes",
            "appendfsync",
            "always",
            "maxmemory",
            "100",
            "maxmemory-policy",
            "allkeys-lru");
    assertThat(Opening.findings(evicting))
        .singleElement()
        .matches(finding -> finding.isBad() && finding.text().contains("noeviction"));
  }

  @Test
  void members_that_a_newer_version_wrote_stay() {
    try (RedisStore store = RedisStore.open(configOf(server))) {
      committed(store, save("g", claim("a")));
      Extra extra = Extra.NONE.withUnknown(Map.of("newer", "{\"a\":[1.50]}"));
      committed(store, next("g", claim("a"), new Write.SetExtra(extra)));
    }
    try (RedisStore store = RedisStore.open(configOf(server))) {
      committed(store, register("g", "02"));
      assertThat(found(store, "g").transaction().state().extra().unknown()).containsKey("newer");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"s", "d", "b0"})
  void a_transaction_whose_body_cannot_be_read_stops_no_other(String field) {
    try (RedisStore store = RedisStore.open(configOf(server))) {
      Instant earlier = PAST.minusSeconds(1);
      String large = "x".repeat(9 << 20); // alone it is too much for the rest of a claim
      committed(store, save("bad", claim("a"), earlier, large));
      committed(store, save("good", claim("b"), PAST, "{}"));
    }
    String key = server.<List<String>>ask(commands -> commands.keys("*:t:bad")).getFirst();
    server.ask(commands -> commands.hset(key, field, "nonsense"));
    try (RedisStore store = RedisStore.open(configOf(server))) {
      List<Due> dues = store.dueBefore(FUTURE, null, 10);
      assertThat(dues).hasSize(2); // its head says when it is due
      assertThat(store.claimDue(LEASE, gid -> claim("c" + gid), 1))
          .extracting(stored -> stored.transaction().gid().value())
          .containsExactly("good");
      assertThat(store.claimDue(LEASE, gid -> claim("d" + gid), 10)).isEmpty();
      store.release(List.of(new Lease(new Gid("good"), "cgood")));
      assertThat(store.claim(store.dueBefore(FUTURE, null, 10), LEASE, gid -> claim("e" + gid)))
          .extracting(stored -> stored.transaction().gid().value())
          .containsExactly("good");
      assertThat(store.counts().unfinished()).isEqualTo(2); // nothing is thrown away
      assertThatExceptionOfType(StoreUnavailableException.class)
          .isThrownBy(() -> store.find(new Gid("bad")))
          .withMessageContaining("bad");
      assertThatExceptionOfType(StoreRejectedException.class)
          .isThrownBy(() -> store.commit(List.of(register("bad", "02"))))
          .withMessageContaining("bad");
    }
  }

  @Test
  void nothing_is_claimed_while_the_time_of_redis_is_not_known() throws Exception {
    var lasts = new AtomicBoolean();
    var nanos = new AtomicLong();
    LongSupplier nanoTime =
        () -> nanos.addAndGet(lasts.get() ? TimeUnit.SECONDS.toNanos(31) : 1_000);
    try (RedisStore store = RedisStore.open(configOf(server), nanoTime)) {
      committed(store, save("g", claim("a"), PAST, "{}"));
      List<Due> dues = store.dueBefore(FUTURE, null, 1);

      lasts.set(true); // each answer takes longer than it counts
      assertThat(store.claimDue(LEASE, _ -> claim("b"), 10)).isEmpty();
      assertThat(store.claim(dues, LEASE, _ -> claim("c"))).isEmpty();

      lasts.set(false);
      nanos.addAndGet(TimeUnit.SECONDS.toNanos(10));
      assertThat(
              await(
                  () ->
                      Optional.of(store.claimDue(LEASE, _ -> claim("d"), 10))
                          .filter(claimed -> !claimed.isEmpty())))
          .hasSize(1);
    }
  }

  @Test
  void a_transaction_that_cannot_be_read_stops_no_other() {
    try (RedisStore store = RedisStore.open(configOf(server))) {
      committed(store, save("bad", claim("a"), PAST, "{}"), save("good", claim("b"), PAST, "{}"));
      String key = server.<List<String>>ask(commands -> commands.keys("*:t:bad")).getFirst();
      server.ask(commands -> commands.hset(key, "h", "nonsense"));

      assertThat(store.claimDue(LEASE, gid -> claim("c" + gid), 10))
          .extracting(stored -> stored.transaction().gid().value())
          .containsExactly("good");
      assertThat(store.dueBefore(FUTURE, null, 10)).hasSize(1);
      assertThat(store.list(Filter.ALL, "", 10).items()).hasSize(1);
      assertThat(store.oldestUnfinished()).isEqualTo(PAST);
      assertThat(store.counts().unfinished()).isEqualTo(2); // nothing is thrown away
      assertThatExceptionOfType(StoreUnavailableException.class)
          .isThrownBy(() -> store.find(new Gid("bad")))
          .withMessageContaining("bad");
    }
  }

  @Test
  void something_else_at_the_key_of_a_transaction_stops_no_other() {
    try (RedisStore store = RedisStore.open(configOf(server))) {
      committed(store, save("bad", claim("a"), PAST, "{}"), save("good", claim("b"), PAST, "{}"));
      String key = server.<List<String>>ask(commands -> commands.keys("*:t:bad")).getFirst();
      server.ask(commands -> commands.del(key));
      server.ask(commands -> commands.rpush(key, "nonsense"));

      assertThat(store.claimDue(LEASE, gid -> claim("c" + gid), 10))
          .extracting(stored -> stored.transaction().gid().value())
          .containsExactly("good");
      assertThat(store.renew(List.of(new Lease(new Gid("good"), "cgood")), LEASE)).isEmpty();
      assertThat(store.renew(List.of(new Lease(new Gid("bad"), "a")), LEASE)).hasSize(1);
      assertThat(store.dueBefore(FUTURE, null, 10)).hasSize(1);
      assertThat(store.list(Filter.ALL, "", 10).items()).hasSize(1);
      assertThat(store.counts().unfinished()).isEqualTo(2);
      assertThat(store.oldestUnfinished()).isEqualTo(PAST);
      assertThatExceptionOfType(StoreUnavailableException.class)
          .isThrownBy(() -> store.find(new Gid("bad")))
          .withMessageContaining("bad");
      for (Batch batch : List.of(register("bad", "02"), save("bad", claim("d")))) {
        assertThatExceptionOfType(StoreRejectedException.class)
            .isThrownBy(() -> store.commit(List.of(save("new", claim("e")), batch)))
            .withMessageContaining("bad");
      }
      committed(store, save("new", claim("e")), register("good", "02"));
      assertThat(server.<List<String>>ask(commands -> commands.lrange(key, 0, -1)))
          .containsExactly("nonsense");
    }
  }

  /** A gid, and the number of its shard in the name of a key. */
  private record InShard(String gid, String shard) {
    static InShard of(String gid) {
      return new InShard(gid, String.format("{%02d}", Keys.shard(Texts.bytes(gid))));
    }

    String key(Index index) {
      return "dtm4j:" + shard + ":" + index.keyName();
    }
  }

  /** Gids that lie in other shards than that one. */
  private static List<String> elsewhere(InShard one, int count) {
    return IntStream.iterate(0, i -> i + 1)
        .mapToObj(i -> "g" + i)
        .filter(gid -> !InShard.of(gid).shard.equals(one.shard))
        .limit(count)
        .toList();
  }

  @ParameterizedTest
  @EnumSource(
      value = Index.class,
      names = {"DUE", "OPEN", "ENDED"})
  void something_else_at_an_index_set_rejects_only_what_needs_it(Index index) throws Exception {
    var bad = InShard.of("bad");
    List<String> good = elsewhere(bad, 20);
    try (RedisStore store = RedisStore.open(configOf(server))) {
      committed(store, save("bad", claim("a")));
      committed(store, good.stream().map(gid -> save(gid, claim("c" + gid))).toArray(Batch[]::new));
      if (server.<Long>ask(commands -> commands.exists(bad.key(index))) == 1) {
        server.ask(commands -> commands.rename(bad.key(index), "saved"));
      }
      server.ask(commands -> commands.set(bad.key(index), "nonsense"));

      var group = new ArrayList<Batch>();
      good.subList(0, 10).forEach(gid -> group.add(end(gid, claim("c" + gid))));
      group.add(end("bad", claim("a")));
      good.subList(10, 20).forEach(gid -> group.add(end(gid, claim("c" + gid))));
      assertThatExceptionOfType(StoreRejectedException.class)
          .isThrownBy(() -> store.commit(group))
          .withMessageContaining("WRONGTYPE");

      // The part that was written before is found so by the repeat, as a lane does it.
      Batch rejected = group.remove(10);
      committed(store, group.toArray(Batch[]::new));
      for (String gid : good) {
        Stored ended = found(store, gid);
        assertThat(ended.transaction().state().status()).isEqualTo(GlobalStatus.SUCCEED);
        assertThat(ended.owner().revision()).isEqualTo(2);
      }
      assertThatExceptionOfType(StoreRejectedException.class)
          .isThrownBy(() -> store.commit(List.of(rejected)));
      assertThat(store.trouble()).isNull();

      server.ask(commands -> commands.del(bad.key(index)));
      if (server.<Long>ask(commands -> commands.exists("saved")) == 1) {
        server.ask(commands -> commands.rename("saved", bad.key(index)));
      }
      assertThat(store.dueBefore(FUTURE.plusSeconds(1), null, 10)).hasSize(1); // as it was
      committed(store, rejected);
      assertThat(store.counts().unfinished()).isZero();
    }
  }

  @Test
  void something_else_at_what_is_due_of_a_shard_stops_the_claims_of_no_other() {
    var bad = InShard.of("bad");
    List<String> good = elsewhere(bad, 20);
    try (RedisStore store = RedisStore.open(configOf(server))) {
      committed(store, save("bad", claim("a"), PAST, "{}"));
      for (String gid : good) {
        committed(store, save(gid, claim("c" + gid), PAST, "{}"));
      }
      server.ask(commands -> commands.del(bad.key(Index.DUE)));
      server.ask(commands -> commands.set(bad.key(Index.DUE), "nonsense"));

      assertThat(store.dueBefore(FUTURE, null, 100)).hasSize(20);
      assertThat(store.claimDue(LEASE, gid -> claim("d" + gid), 100)).hasSize(20);
      var leases = new ArrayList<Lease>();
      good.forEach(gid -> leases.add(new Lease(new Gid(gid), "d" + gid)));
      leases.add(10, new Lease(new Gid("bad"), "a"));
      assertThat(store.renew(leases, LEASE.multipliedBy(2)))
          .containsExactly(new Lease(new Gid("bad"), "a"));
      store.release(leases);
      assertThat(store.claimDue(LEASE, gid -> claim("e" + gid), 100)).hasSize(20);
    }
  }

  @Test
  void something_else_at_the_values_rejects_no_transaction() {
    try (RedisStore store = RedisStore.open(configOf(server))) {
      server.ask(commands -> commands.set("dtm4j:{kv}:values", "nonsense"));

      assertThatExceptionOfType(StoreRejectedException.class)
          .isThrownBy(() -> store.createKeyValue("topics", "t", "[]"));
      committed(store, save("g", claim("a")));
      assertThat(store.trouble()).isNull();
    }
  }

  @Test
  void a_member_of_an_index_set_that_is_no_gid_stops_no_other() {
    try (RedisStore store = RedisStore.open(configOf(server))) {
      committed(store, save("g", claim("a"), PAST, "{}"), save("e", claim("b"), PAST, "{}"));
      committed(store, end("e", claim("b")));
      for (Index index : Index.values()) {
        for (String member : List.of("z".repeat(200), "")) {
          server.ask(commands -> commands.zadd("dtm4j:{00}:" + index.keyName(), 1, member));
        }
        for (String member : List.of("\\255\\001", "\\233")) {
          server.ask(
              commands ->
                  commands.eval(
                      "return redis.call('zadd', KEYS[1], 1, '" + member + "')",
                      ScriptOutputType.INTEGER,
                      "dtm4j:{00}:" + index.keyName()));
        }
      }

      assertThat(store.dueBefore(FUTURE, null, 10)).hasSize(1);
      assertThat(store.claimDue(LEASE, gid -> claim("c" + gid), 10)).hasSize(1);
      assertThat(store.list(Filter.ALL, "", 10).items()).hasSize(2);
      assertThat(store.endedBefore(FUTURE, "", 10).items()).containsExactly(new Gid("e"));
      assertThat(store.oldestUnfinished()).isEqualTo(PAST);
    }
  }

  @Test
  void lists_of_one_status_find_what_is_rare() {
    try (RedisStore store = RedisStore.open(configOf(server))) {
      committed(store, save("first", claim("a")), save("second", claim("b")));
      committed(
          store,
          next("first", claim("a"), new Write.SetStatus(GlobalStatus.FAILED, "", null, PAST)));
      for (int i = 0; i < 30; i++) {
        var group = new ArrayList<Batch>();
        for (int j = 0; j < 100; j++) {
          group.add(save("g" + i + "-" + j, claim("c" + i + "-" + j)));
        }
        committed(store, group.toArray(Batch[]::new));
        group.replaceAll(
            batch -> end(batch.gid().value(), claim("c" + batch.gid().value().substring(1))));
        committed(store, group.toArray(Batch[]::new));
      }

      assertThat(store.list(new Filter(GlobalStatus.FAILED, null, null, null), "", 10).items())
          .hasSize(1);
      assertThat(store.list(new Filter(GlobalStatus.SUBMITTED, null, null, null), "", 10).items())
          .hasSize(1);
      Page<Listed> page = store.list(Filter.ALL, "", 10_000);
      assertThat(page.items()).hasSize(1_000);
      assertThat(store.list(Filter.ALL, page.next(), 10_000).items())
          .hasSize(1_000)
          .doesNotContainAnyElementsOf(page.items());
      assertThat(store.oldestUnfinished()).isEqualTo(PAST);
    }
  }

  @Test
  void what_is_stored_later_is_listed_first_even_when_the_clock_was_set_back() {
    try (RedisStore store = RedisStore.open(configOf(server))) {
      committed(store, save("g", claim("a")));
    }
    String key = server.<List<String>>ask(commands -> commands.keys("*:all")).getFirst();
    server.ask(commands -> commands.zadd(key, 8e15, "g"));
    try (RedisStore store = RedisStore.open(configOf(server))) {
      committed(store, save("h", claim("b")));
      assertThat(store.list(Filter.ALL, "", 10).items())
          .extracting(one -> one.gid().value())
          .containsExactly("h", "g");
    }
  }

  @Test
  void very_many_that_are_due_or_have_ended_at_the_same_moment_are_read_page_by_page() {
    int all = 3_000;
    try (RedisStore store = RedisStore.open(configOf(server))) {
      var saves = new ArrayList<Batch>();
      var ends = new ArrayList<Batch>();
      for (int i = 0; i < all; i++) {
        saves.add(save("g" + i, claim("c" + i), PAST, "{}"));
        ends.add(end("g" + i, claim("c" + i)));
      }
      committed(store, saves.toArray(Batch[]::new));

      var due = new HashSet<Gid>();
      Due last = null;
      for (List<Due> page = store.dueBefore(FUTURE, null, 137);
          !page.isEmpty();
          page = store.dueBefore(FUTURE, last, 137)) {
        page.forEach(one -> assertThat(due.add(one.gid())).isTrue());
        last = page.getLast();
      }
      assertThat(due).hasSize(all);

      committed(store, ends.toArray(Batch[]::new));
      var ended = new HashSet<Gid>();
      Page<Gid> page = store.endedBefore(FUTURE, "", 137);
      while (true) {
        page.items().forEach(one -> assertThat(ended.add(one)).isTrue());
        if (page.next().isEmpty()) {
          break;
        }
        page = store.endedBefore(FUTURE, page.next(), 137);
      }
      assertThat(ended).hasSize(all);
      assertThat(store.delete(List.copyOf(ended), FUTURE)).isEqualTo(all);
      assertThat(server.<List<String>>ask(commands -> commands.keys("*")))
          .containsExactly("dtm4j:meta");
    }
  }

  @Test
  void the_clock_is_that_of_redis() {
    try (RedisStore store = RedisStore.open(configOf(server))) {
      long redis = Long.parseLong(server.<List<String>>ask(commands -> commands.time()).getFirst());
      assertThat(store.storeTime())
          .isBetween(Instant.ofEpochSecond(redis - 1), Instant.ofEpochSecond(redis + 2));
    }
  }

  @Test
  void texts_that_are_no_unicode_come_back_exactly() {
    for (String text : List.of("", "ü数🙂", "\uD800", "a\uDC00b", "\uDC00\uD800", "\uFFFF\u0000")) {
      assertThat(Texts.text(Texts.bytes(text))).isEqualTo(text);
    }
    try (RedisStore store = RedisStore.open(configOf(server))) {
      committed(
          store, save("\uD800", claim("a")), save("\uDC00", claim("b")), save("?", claim("c")));
      assertThat(found(store, "\uD800").owner()).isEqualTo(claim("a"));
      assertThat(found(store, "\uDC00").owner()).isEqualTo(claim("b"));
      assertThat(store.dueBefore(Instant.MAX, null, 10)).hasSize(3);
    }
  }

  @Test
  void the_same_group_again_is_committed_and_changes_nothing() {
    try (RedisStore store = RedisStore.open(configOf(server));
        RedisStore other = RedisStore.open(configOf(server))) {
      List<Batch> group = List.of(save("g", claim("a")), register("g", "02"), end("g", claim("a")));
      committed(store, group.toArray(Batch[]::new));
      Stored first = found(store, "g");

      assertThat(other.commit(List.of(group.getLast())).getFirst()).isInstanceOf(Committed.class);

      assertThat(found(store, "g")).isEqualTo(first);
    }
  }
}
