package io.dtm4j.store.mongodb;

import static io.dtm4j.store.mongodb.Sagas.FUTURE;
import static io.dtm4j.store.mongodb.Sagas.claim;
import static io.dtm4j.store.mongodb.Sagas.end;
import static io.dtm4j.store.mongodb.Sagas.saga;
import static io.dtm4j.store.mongodb.Sagas.saveNew;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.CommitResult.Committed;
import io.dtm4j.store.OutcomeUnknownException;
import io.dtm4j.store.StoreUnavailableException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What becomes of a store whose server ends or cannot be reached. */
@Tag("long")
@DisplayNameGeneration(ReplaceUnderscores.class)
class LostServerTest {
  private static final String SECRET = "test-secret";

  private final MemoryServer server = new MemoryServer();
  private final MongoStoreConfig config = server.newDatabase();

  @AfterEach
  void stop() {
    server.close();
  }

  /** Sends it until its outcome is definite, as a lane does. */
  private static List<CommitResult> insist(MongoStore store, List<Batch> group) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (true) {
      try {
        return store.commit(group);
      } catch (OutcomeUnknownException e) {
        assertThat(System.nanoTime()).isLessThan(end);
        TimeUnit.MILLISECONDS.sleep(50);
      }
    }
  }

  /** A read may meet a connection that has not noticed yet; it may be repeated. */
  private static Stored found(MongoStore store, String gid) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (true) {
      try {
        return store.find(new Gid(gid)).orElseThrow();
      } catch (StoreUnavailableException e) {
        assertThat(System.nanoTime()).isLessThan(end);
        TimeUnit.MILLISECONDS.sleep(50);
      }
    }
  }

  @Test
  void what_was_acknowledged_is_there_and_what_was_open_is_stored_once() throws Exception {
    int all = 2_000;
    try (MongoStore store = MongoStore.open(config);
        var thread = Executors.newSingleThreadExecutor()) {
      var acknowledged = new AtomicInteger();
      var enough = new CompletableFuture<Boolean>();
      var writing =
          thread.submit(
              () -> {
                for (int i = 0; i < all; i++) {
                  var group = new ArrayList<Batch>();
                  group.add(saveNew(saga("g" + i, FUTURE), claim("c" + i)));
                  if (i > 0) {
                    group.add(end("g" + (i - 1), claim("c" + (i - 1))));
                  }
                  assertThat(insist(store, group)).allMatch(r -> r instanceof Committed);
                  acknowledged.set(i + 1);
                  if (i == all / 4) {
                    enough.complete(true);
                  }
                }
                return true;
              });
      enough.get(60, TimeUnit.SECONDS);
      server.stop();
      int before = acknowledged.get();
      assertThat(before).isLessThan(all);
      server.start();
      for (int i = 0; i < before - 1; i++) {
        assertThat(found(store, "g" + i).transaction().status()).isEqualTo(GlobalStatus.SUCCEED);
      }
      writing.get(60, TimeUnit.SECONDS);

      for (int i = 0; i < all - 1; i++) {
        Stored stored = found(store, "g" + i);
        assertThat(stored.transaction().status()).isEqualTo(GlobalStatus.SUCCEED);
        assertThat(stored.owner().revision()).isEqualTo(2);
        assertThat(stored.transaction().branches()).hasSize(2);
      }
      assertThat(store.counts().unfinished()).isEqualTo(1);
      assertThat(store.trouble()).isNull();
    }
  }

  @Test
  void while_the_server_is_away_nothing_is_certain_and_trouble_says_why() throws Exception {
    try (MongoStore store = MongoStore.open(config)) {
      Batch save = saveNew(saga("g", FUTURE), claim("c"));
      server.stop();
      Instant before = store.storeTime();

      assertThatExceptionOfType(OutcomeUnknownException.class)
          .isThrownBy(() -> store.commit(List.of(save)))
          .withMessageContaining("cannot be written");
      assertThatExceptionOfType(StoreUnavailableException.class)
          .isThrownBy(() -> store.find(new Gid("g")))
          .withMessageContaining("cannot be read");
      assertThat(store.trouble()).contains(config.address(), "cannot be written since");
      assertThat(store.storeTime()).isAfter(before);

      server.start();

      assertThat(insist(store, List.of(save))).hasSize(1).allMatch(r -> r instanceof Committed);
      assertThat(store.trouble()).isNull();
      assertThat(found(store, "g").owner().claim()).isEqualTo("c");
    }
  }

  @Test
  void an_opening_that_fails_says_why_and_no_password() {
    server.stop();
    var away =
        new MongoStoreConfig(
            config.url().replace("mongodb://", "mongodb://someone:" + SECRET + "@"), "dtm");

    assertThatExceptionOfType(StoreUnavailableException.class)
        .isThrownBy(() -> MongoStore.open(away))
        .withMessageContaining(away.address())
        .withMessageContaining("is it running")
        .withMessageNotContaining(SECRET)
        .satisfies(e -> assertThat(String.valueOf(e.getCause())).doesNotContain(SECRET));
    assertThatExceptionOfType(StoreUnavailableException.class)
        .isThrownBy(() -> MongoStore.reset(away))
        .withMessageNotContaining(SECRET);
    for (String url :
        List.of(
            "mongodb://someone:" + SECRET + "/%@host:1/",
            "mongodb://someone:" + SECRET + "@host:x/",
            "http://someone:" + SECRET + "@host/",
            SECRET + "@host")) {
      var broken = new MongoStoreConfig(url, "dtm");
      assertThat(broken.toString()).doesNotContain(SECRET);
      assertThatExceptionOfType(StoreUnavailableException.class)
          .isThrownBy(() -> MongoStore.open(broken))
          .withMessageContaining("expected: mongodb://")
          .withMessageNotContaining(SECRET)
          .withNoCause();
    }
  }

  @Test
  void the_address_is_the_hosts_and_the_database() {
    assertThat(new MongoStoreConfig("mongodb://u:p@a:1,b:2/?replicaSet=r", "dtm").address())
        .isEqualTo("a:1,b:2/dtm");
    assertThat(new MongoStoreConfig("mongodb+srv://u:p@cluster.example", "dtm").toString())
        .isEqualTo("cluster.example/dtm");
    assertThat(new MongoStoreConfig("mongodb://host/other", "dtm").address()).isEqualTo("host/dtm");
    for (String name : List.of("", "a b", "a/b")) {
      assertThatExceptionOfType(IllegalArgumentException.class)
          .isThrownBy(() -> new MongoStoreConfig("mongodb://host", name));
    }
  }
}
