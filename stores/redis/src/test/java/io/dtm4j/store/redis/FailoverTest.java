package io.dtm4j.store.redis;

import static io.dtm4j.store.redis.Sagas.await;
import static io.dtm4j.store.redis.Sagas.claim;
import static io.dtm4j.store.redis.Sagas.committed;
import static io.dtm4j.store.redis.Sagas.end;
import static io.dtm4j.store.redis.Sagas.insist;
import static io.dtm4j.store.redis.Sagas.save;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.dtm4j.databases.RedisCluster;
import io.dtm4j.databases.RedisServer;
import io.dtm4j.model.Batch;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.store.CommitResult.Committed;
import io.dtm4j.store.OutcomeUnknownException;
import io.dtm4j.store.StoreUnavailableException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Where another server takes over, or some are away while others are not. */
@Tag("long")
@DisplayNameGeneration(ReplaceUnderscores.class)
class FailoverTest {
  @Test
  void the_server_that_sentinels_choose_is_followed() throws Exception {
    RedisServer master = RedisServer.durable();
    var replica = new RedisServer("--replicaof", "127.0.0.1 " + master.port());
    RedisServer sentinel = RedisServer.sentinel("mine", master);
    String url = "redis-sentinel://" + sentinel.host() + "#mine";
    var config = new RedisStoreConfig(List.of(url), "", "", "", Duration.ofDays(1), 0);
    try (RedisStore store = RedisStore.open(config)) {
      committed(store, save("g", claim("a")));
      await(() -> isThere(sentinel) ? Optional.of(true) : Optional.empty());
      // From here on the replica has what was acknowledged.
      await(
          () ->
              Optional.of(master.<Long>ask(c -> c.waitForReplication(1, 100))).filter(n -> n > 0));

      master.kill();

      List<Batch> group = List.of(save("h", claim("b")), end("g", claim("a")));
      assertThat(insist(() -> store.commit(group))).allMatch(result -> result instanceof Committed);
      assertThat(replica.<List<String>>ask(commands -> commands.keys("*:t:h"))).hasSize(1);
      assertThat(insist(() -> store.find(new Gid("g"))).orElseThrow().transaction().status())
          .isEqualTo(GlobalStatus.SUCCEED);
      assertThat(store.trouble()).isNull();
    } finally {
      for (RedisServer server : List.of(master, replica, sentinel)) {
        server.stop();
      }
    }
  }

  private static boolean isThere(RedisServer sentinel) {
    String info = sentinel.ask(commands -> commands.info("sentinel"));
    return info.contains("slaves=1");
  }

  @Test
  void one_server_of_a_cluster_alone_is_refused() throws Exception {
    String host = Shared.CLUSTER.newStore().hosts().getFirst();

    assertThatExceptionOfType(StoreUnavailableException.class)
        .isThrownBy(
            () ->
                RedisStore.open(
                    new RedisStoreConfig(List.of(host), "", "", "", Duration.ofDays(1), 0)))
        .withMessageContaining("belongs to a Cluster");
  }

  @Test
  void a_replica_that_takes_over_in_a_cluster_is_followed() throws Exception {
    var cluster = new RedisCluster("--appendfsync", "always");
    RedisServer replica = cluster.addReplica();
    try (RedisStore store = RedisStore.open(Shared.configOf(cluster, "p"))) {
      RedisServer master = cluster.servers().getFirst();
      var saves = new ArrayList<Batch>();
      var ends = new ArrayList<Batch>();
      for (int i = 0; i < 100; i++) {
        saves.add(save("g" + i, claim("c" + i)));
        ends.add(end("g" + i, claim("c" + i)));
      }
      committed(store, saves.toArray(Batch[]::new));
      await(
          () ->
              Optional.of(replica.<String>ask(commands -> commands.info("replication")))
                  .filter(info -> info.contains("master_link_status:up")));
      int its = master.<List<String>>ask(commands -> commands.keys("p:*:t:g*")).size();
      assertThat(its).isPositive();
      await(
          () ->
              Optional.of(replica.<List<String>>ask(commands -> commands.keys("p:*:t:g*")).size())
                  .filter(size -> size == its));

      master.kill();

      assertThat(insist(() -> store.commit(ends))).allMatch(result -> result instanceof Committed);
      assertThat(replica.<String>ask(commands -> commands.info("replication")))
          .contains("role:master");
      for (int i = 0; i < 100; i++) {
        Gid gid = new Gid("g" + i);
        assertThat(insist(() -> store.find(gid)).orElseThrow().owner().revision()).isEqualTo(2);
      }
      assertThat(insist(store::counts).unfinished()).isZero();
      assertThat(store.trouble()).isNull();
    } finally {
      cluster.stop();
    }
  }

  @Test
  void while_a_server_of_a_cluster_is_away_the_others_go_on_and_it_comes_back() throws Exception {
    var cluster =
        new RedisCluster("--cluster-require-full-coverage", "no", "--appendfsync", "always");
    try (RedisStore store = RedisStore.open(Shared.configOf(cluster, "p"))) {
      var saves = new ArrayList<Batch>();
      for (int i = 0; i < 100; i++) {
        saves.add(save("g" + i, claim("c" + i)));
      }
      committed(store, saves.toArray(Batch[]::new));
      for (int i = 0; i < 30; i++) {
        committed(store, save("due" + i, claim("d" + i), Sagas.PAST, "{}"));
      }
      RedisServer away = cluster.servers().getFirst();
      List<String> dueThere = away.ask(commands -> commands.keys("p:*:t:due*"));
      assertThat(dueThere).isNotEmpty();
      List<String> its = away.ask(commands -> commands.keys("p:*:t:g*"));
      assertThat(its).isNotEmpty();
      String gid = its.getFirst().substring(its.getFirst().lastIndexOf(':') + 1);
      String other =
          saves.stream()
              .map(save -> save.gid().value())
              .filter(one -> its.stream().noneMatch(key -> key.endsWith(":t:" + one)))
              .findFirst()
              .orElseThrow();
      away.kill();

      Batch here = end(gid, claim("c" + gid.substring(1)));
      Batch there = end(other, claim("c" + other.substring(1)));
      assertThatExceptionOfType(OutcomeUnknownException.class)
          .isThrownBy(() -> store.commit(List.of(here, there)));
      assertThat(store.trouble()).isNotNull();
      assertThat(insist(() -> store.commit(List.of(there))))
          .allMatch(result -> result instanceof Committed);

      assertThat(insist(() -> store.dueBefore(Sagas.FUTURE, null, 1_000)))
          .hasSize(30 - dueThere.size());
      assertThat(insist(() -> store.claimDue(Duration.ofHours(1), due -> claim("e" + due), 100)))
          .hasSize(30 - dueThere.size())
          .noneMatch(
              one ->
                  dueThere.stream()
                      .anyMatch(key -> key.endsWith(":t:" + one.transaction().gid().value())));

      away.start();

      assertThat(insist(() -> store.commit(List.of(here, there))))
          .allMatch(result -> result instanceof Committed);
      for (String one : List.of(gid, other)) {
        assertThat(insist(() -> store.find(new Gid(one))).orElseThrow().owner().revision())
            .isEqualTo(2);
      }
      assertThat(insist(store::counts).unfinished()).isEqualTo(128);
      assertThat(insist(() -> store.claimDue(Duration.ofHours(1), due -> claim("f" + due), 100)))
          .hasSize(dueThere.size());
    } finally {
      cluster.stop();
    }
  }
}
