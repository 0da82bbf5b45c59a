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
import io.dtm4j.store.CommitResult.Committed;
import io.dtm4j.store.OutcomeUnknownException;
import io.dtm4j.store.StoreUnavailableException;
import io.lettuce.core.KillArgs;
import io.lettuce.core.RedisException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What counts as stored when replicas must have it. */
@Tag("long")
@DisplayNameGeneration(ReplaceUnderscores.class)
class ReplicationTest {
  private final RedisServer master;
  private final RedisServer replica;

  ReplicationTest() throws Exception {
    master = new RedisServer("--repl-diskless-sync-delay", "0");
    replica = new RedisServer("--replicaof", "127.0.0.1 " + master.port());
    awaitReplica(master);
  }

  @AfterEach
  void stopServers() throws Exception {
    master.stop();
    replica.stop();
  }

  private RedisStore open(int replicas) {
    return RedisStore.open(config(List.of(master.host()), replicas));
  }

  private static RedisStoreConfig config(List<String> hosts, int replicas) {
    return new RedisStoreConfig(hosts, "", "", "p", Duration.ofDays(1), replicas);
  }

  private static void awaitReplica(RedisServer master) throws InterruptedException {
    await(
        () -> Optional.of(master.<Long>ask(c -> c.waitForReplication(1, 100))).filter(n -> n > 0));
  }

  @Test
  void a_group_counts_as_stored_when_the_replica_has_it() throws Exception {
    try (RedisStore store = open(1)) {
      committed(store, save("g", claim("a")));
      assertThat(replica.<List<String>>ask(c -> c.keys("p:*:t:g"))).hasSize(1);
      List<Batch> group = List.of(end("g", claim("a")), save("h", claim("b")));
      replica.signal("STOP");

      assertUnknown(store, group);
      assertThat(store.trouble()).contains("only 0 of the 1 replicas");
      assertUnknown(store, group);
      try (RedisStore restarted = open(1)) {
        assertUnknown(restarted, group); // it finds all of it written, over a new connection
      }

      replica.signal("CONT");
      assertThat(insist(() -> store.commit(group))).allMatch(result -> result instanceof Committed);
      assertThat(store.trouble()).isNull();
      assertThat(store.find(new Gid("g")).orElseThrow().owner().revision()).isEqualTo(2);
      assertThat(replica.<List<String>>ask(c -> c.keys("p:*:t:h"))).hasSize(1);
    }
  }

  private static void assertUnknown(RedisStore store, List<Batch> group) {
    assertThatExceptionOfType(OutcomeUnknownException.class)
        .isThrownBy(() -> store.commit(group))
        .withMessageContaining("only 0 of the 1 replicas");
  }

  @Test
  void a_key_value_is_not_found_either_before_the_replica_has_it() throws Exception {
    try (RedisStore store = open(1)) {
      replica.signal("STOP");

      assertThatExceptionOfType(OutcomeUnknownException.class)
          .isThrownBy(() -> store.createKeyValue("topics", "t", "[]"));
      assertThatExceptionOfType(StoreUnavailableException.class)
          .isThrownBy(() -> store.findKeyValue("topics", "t"))
          .withMessageContaining("only 0 of the 1 replicas");

      replica.signal("CONT");
      assertThat(insist(() -> store.findKeyValue("topics", "t"))).isPresent();
    }
  }

  @Test
  void without_the_setting_nobody_waits_for_replicas() throws Exception {
    try (RedisStore store = open(0)) {
      replica.signal("STOP");

      committed(store, save("g", claim("a")));

      assertThat(store.trouble()).isNull();
    }
  }

  @Test
  void a_connection_that_was_lost_before_the_wait_proves_nothing() throws Exception {
    try (RedisStore store = open(1)) {
      committed(store, save("g", claim("a")));

      assertThatExceptionOfType(OutcomeUnknownException.class)
          .isThrownBy(
              () ->
                  store.<Boolean>inSession(
                      session ->
                          session.replicated(
                              () -> List.of(session.keys().meta()),
                              () -> reconnected(master, session))))
          .withMessageContaining("was lost");
    }
  }

  /** As when another server has taken over: with the connection it is on, the replica is. */
  private static boolean reconnected(RedisServer master, Session session) {
    master.ask(commands -> commands.clientKill(KillArgs.Builder.typeNormal()));
    try {
      return await(
          () -> {
            try {
              return Optional.of(session.get(session.commands().exists(session.keys().meta())) > 0);
            } catch (RedisException _) {
              return Optional.empty();
            }
          });
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void in_a_cluster_those_servers_are_waited_for_that_were_written() throws Exception {
    var cluster = new RedisCluster("--repl-diskless-sync-delay", "0");
    RedisServer first = cluster.servers().getFirst();
    RedisServer second = cluster.addReplica(); // the other servers have none
    try (RedisStore store = RedisStore.open(config(cluster.hosts(), 1))) {
      awaitReplica(first);
      List<Batch> saves =
          IntStream.range(0, 20).mapToObj(i -> save("g" + i, claim("c" + i))).toList();
      assertUnknown(store, saves); // written they are
      List<String> its = first.ask(commands -> commands.keys("p:*:t:g*"));
      List<Batch> there = saves.stream().filter(save -> isOf(its, save)).toList();
      List<Batch> elsewhere = saves.stream().filter(save -> !isOf(its, save)).toList();
      assertThat(there).isNotEmpty();
      assertThat(elsewhere).isNotEmpty();

      committed(store, there.toArray(Batch[]::new));
      assertUnknown(store, elsewhere);
      String gid = there.getFirst().gid().value();
      List<Batch> end = List.of(end(gid, claim("c" + gid.substring(1))));
      second.signal("STOP");
      assertUnknown(store, end);

      second.signal("CONT");
      assertThat(insist(() -> store.commit(end))).allMatch(result -> result instanceof Committed);
    } finally {
      cluster.stop();
    }
  }

  private static boolean isOf(List<String> keys, Batch save) {
    return keys.stream().anyMatch(key -> key.endsWith(":t:" + save.gid().value()));
  }
}
