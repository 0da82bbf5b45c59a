package io.dtm4j.store.sql;

import static io.dtm4j.store.sql.Sagas.FUTURE;
import static io.dtm4j.store.sql.Sagas.claim;
import static io.dtm4j.store.sql.Sagas.end;
import static io.dtm4j.store.sql.Sagas.saga;
import static io.dtm4j.store.sql.Sagas.saveNew;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.dtm4j.databases.DatabaseServer;
import io.dtm4j.model.Batch;
import io.dtm4j.model.Stored;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.store.CommitResult;
import io.dtm4j.store.CommitResult.Committed;
import io.dtm4j.store.OutcomeUnknownException;
import io.dtm4j.store.StoreUnavailableException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssertAlternative;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What becomes of a store whose database server ends, cannot be reached, or lets nobody in. */
@Tag("long")
@DisplayNameGeneration(ReplaceUnderscores.class)
abstract class LostServerTest {
  private final SharedServer kind;
  private DatabaseServer server;

  LostServerTest(SharedServer kind) {
    this.kind = kind;
  }

  @BeforeEach
  void startServer() throws Exception {
    server = kind.newServer();
    server.execute("create database dtm");
  }

  @AfterEach
  void stopServer() throws Exception {
    server.stop();
  }

  /** Suddenly, unless such a server loses what it has acknowledged then. */
  void bringDown(DatabaseServer running) throws Exception {
    running.kill();
  }

  /** Sends it until its outcome is definite, as a lane does. */
  private static List<CommitResult> insist(SqlStore store, List<Batch> group) throws Exception {
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
  private static Stored found(SqlStore store, String gid) throws Exception {
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
  void what_was_acknowledged_is_there_after_a_kill_and_what_was_open_is_stored_once()
      throws Exception {
    try (SqlStore store = SqlStore.open(SharedServer.config(server, "dtm"))) {
      var acknowledged = new AtomicInteger();
      var enough = new CompletableFuture<Boolean>();
      int all = 600;
      try (var thread = Executors.newSingleThreadExecutor()) {
        var writing =
            thread.submit(
                () -> {
                  for (int i = 0; i < all; i++) {
                    Batch save = saveNew(saga("g" + i, FUTURE), claim("c" + i));
                    var group = new ArrayList<Batch>(List.of(save));
                    if (i > 0) {
                      group.add(end("g" + (i - 1), claim("c" + (i - 1))));
                    }
                    assertThat(insist(store, group)).allMatch(r -> r instanceof Committed);
                    acknowledged.set(i + 1);
                    if (i == all / 3) {
                      enough.complete(true);
                    }
                  }
                  return true;
                });
        enough.get(60, TimeUnit.SECONDS);
        bringDown(server);
        int before = acknowledged.get();
        server.start();
        for (int i = 0; i < before - 1; i++) {
          Stored stored = found(store, "g" + i);
          assertThat(stored.transaction().status()).isEqualTo(GlobalStatus.SUCCEED);
        }
        writing.get(60, TimeUnit.SECONDS);
      }

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
    SqlStoreConfig config = SharedServer.config(server, "dtm");
    try (SqlStore store = SqlStore.open(config)) {
      Batch save = saveNew(saga("g", FUTURE), claim("c"));
      bringDown(server);
      Instant before = store.storeTime();

      assertThatExceptionOfType(OutcomeUnknownException.class)
          .isThrownBy(() -> store.commit(List.of(save)))
          .withMessageContaining("cannot be written")
          .withMessageNotContaining(config.password());
      assertThatExceptionOfType(StoreUnavailableException.class)
          .isThrownBy(() -> store.find(new Gid("g")))
          .withMessageContaining("cannot be read")
          .withMessageNotContaining(config.password());
      assertThat(store.trouble()).contains(config.address(), "cannot be written since");
      assertThat(store.storeTime()).isAfter(before);

      server.start();

      assertThat(insist(store, List.of(save))).hasSize(1).allMatch(r -> r instanceof Committed);
      assertThat(store.trouble()).isNull();
      assertThat(found(store, "g").owner().claim()).isEqualTo("c");
    }
  }

  @Test
  void an_opening_that_fails_says_what_to_do() throws Exception {
    SqlStoreConfig right = SharedServer.config(server, "dtm");
    opening(new SqlStoreConfig(right.url(), right.user(), "wrong-secret", 2))
        .withMessageContaining("check user and password")
        .withMessageContaining(right.user())
        .withMessageNotContaining("wrong-secret");
    opening(SharedServer.config(server, "nothing"))
        .withMessageContaining("does not exist: create it")
        .withMessageNotContaining(right.password());
    bringDown(server);
    opening(right)
        .withMessageContaining(right.address())
        .withMessageContaining("is it running")
        .withMessageNotContaining(right.password());
  }

  private static ThrowableAssertAlternative<StoreUnavailableException> opening(
      SqlStoreConfig config) {
    return assertThatExceptionOfType(StoreUnavailableException.class)
        .isThrownBy(() -> SqlStore.open(config).close());
  }

  @Test
  void tables_of_others_are_not_touched() throws Exception {
    SqlStoreConfig config = SharedServer.config(server, "dtm");
    try (Connection connection =
            DriverManager.getConnection(config.url(), config.user(), config.password());
        Statement statement = connection.createStatement()) {
      statement.execute("create table something (a int)");
      SqlStore.open(config).close(); // other names do not matter
      SqlStore.open(config).close();
      statement.execute("drop table dtm4j_schema_history");
      statement.execute("drop table trans_branch_op");
      statement.execute("drop table trans_global");
      statement.execute("drop table kv");
      statement.execute("create table kv (mine int)");
      statement.execute("insert into kv values (7)");

      opening(config).withMessageContaining("kv").withMessageContaining("a database of its own");

      try (var rows = statement.executeQuery("select mine from kv")) {
        assertThat(rows.next()).isTrue();
        assertThat(rows.getInt(1)).isEqualTo(7);
      }
      try (var rows =
          connection.getMetaData().getTables(null, null, "dtm4j_schema_history", null)) {
        assertThat(rows.next()).isFalse();
      }
    }
  }

  @Test
  void a_row_that_somebody_holds_for_long_is_waited_for() throws Exception {
    SqlStoreConfig config = SharedServer.config(server, "dtm");
    try (SqlStore store = SqlStore.open(config);
        Connection other =
            DriverManager.getConnection(config.url(), config.user(), config.password());
        Statement statement = other.createStatement()) {
      store.commit(List.of(saveNew(saga("g", FUTURE), claim("c"))));
      other.setAutoCommit(false);
      statement.execute("update trans_global set rollback_reason = 'busy' where gid = 'g'");

      try (var thread = Executors.newSingleThreadExecutor()) {
        var writing = thread.submit(() -> insist(store, List.of(end("g", claim("c")))));
        TimeUnit.MILLISECONDS.sleep(2_500); // longer than the wait for a lock
        assertThat(writing.isDone()).isFalse();
        other.commit();
        assertThat(writing.get(60, TimeUnit.SECONDS)).allMatch(r -> r instanceof Committed);
      }
      Stored stored = store.find(new Gid("g")).orElseThrow();
      assertThat(stored.transaction().status()).isEqualTo(GlobalStatus.SUCCEED);
      assertThat(stored.transaction().state().reason()).isEqualTo("busy");
    }
  }
}
