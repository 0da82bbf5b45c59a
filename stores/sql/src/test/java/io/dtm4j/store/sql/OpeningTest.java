package io.dtm4j.store.sql;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.dtm4j.store.StoreUnavailableException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** What an operator is told of a database that cannot be opened, or migrated, as it is. */
@Tag("long")
@DisplayNameGeneration(ReplaceUnderscores.class)
class OpeningTest {
  static final List<SharedServer> SERVERS =
      List.of(SharedServer.MARIADB, SharedServer.MYSQL, SharedServer.POSTGRES);

  private static final ZoneId ZONE = ZoneId.of("Asia/Shanghai");

  /** Flyway tries for nine seconds to make its table. */
  private static final Duration AT_ONCE = Duration.ofSeconds(8);

  private static void refused(ThrowingCallable work, String... words) {
    assertThatExceptionOfType(StoreUnavailableException.class)
        .isThrownBy(work)
        .satisfies(
            e -> assertThat(e.getMessage()).contains(words).doesNotContain("\n", "is it running"));
  }

  private static String database(SqlStoreConfig config) {
    return config.address().substring(config.address().lastIndexOf('/') + 1);
  }

  /** As a user who may not make tables. */
  private static SqlStoreConfig withoutRights(SqlStoreConfig config) throws Exception {
    String user = "bare_" + database(config);
    if (config.url().contains("postgres")) {
      OnSharedServer.execute(
          config,
          "create role %s login password 'bare'".formatted(user),
          "revoke create on schema public from public");
    } else {
      OnSharedServer.execute(
          config,
          "create user '%s'@'127.0.0.1' identified by 'bare'".formatted(user),
          "grant select, insert, update, delete on %s.* to '%s'@'127.0.0.1'"
              .formatted(database(config), user));
    }
    return new SqlStoreConfig(config.url(), user, "bare", 2);
  }

  @ParameterizedTest
  @FieldSource("SERVERS")
  void a_user_who_may_make_no_tables_is_told_so_at_once_and_in_one_line(SharedServer server)
      throws Exception {
    SqlStoreConfig config = withoutRights(server.newDatabase());
    long began = System.nanoTime();

    refused(
        () -> SqlStore.open(config),
        "denies user " + config.user() + " a right: grant the rights to create, read and write",
        "denied");
    assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(AT_ONCE);
  }

  @ParameterizedTest
  @FieldSource("SERVERS")
  void tables_of_a_DTM_are_adopted_at_once_without_that_right(SharedServer server)
      throws Exception {
    SqlStoreConfig config = server.newAdopted(null, ZONE);
    SqlStoreConfig bare = withoutRights(config);
    if (config.url().contains("postgres")) {
      OnSharedServer.execute(
          config, "grant select on trans_global, trans_branch_op, kv to " + bare.user());
    }
    long began = System.nanoTime();

    SqlStore.open(bare).close();

    assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(AT_ONCE);
  }

  @ParameterizedTest
  @FieldSource("SERVERS")
  void an_empty_database_is_nothing_to_migrate(SharedServer server) throws Exception {
    SqlStoreConfig config = server.newDatabase();
    String[] words = {"has no tables yet", "a server makes them, in the wide form, when it starts"};

    refused(() -> SqlMigration.plan(config), words);
    refused(() -> SqlMigration.run(config), words);
    refused(() -> SqlMigration.endSharing(config), words);
  }

  @ParameterizedTest
  @FieldSource("SERVERS")
  void tables_that_no_server_has_adopted_are_not_migrated_yet(SharedServer server)
      throws Exception {
    SqlStoreConfig config = server.newAdopted(null, ZONE);

    refused(() -> SqlMigration.plan(config), "no server of dtm4j has adopted yet: start one");
  }

  @ParameterizedTest
  @FieldSource("SERVERS")
  void a_zone_that_is_not_known_is_told_with_what_to_do(SharedServer server) throws Exception {
    SqlStoreConfig config = server.newAdopted(false, ZONE);
    SqlStore.open(config).close();
    for (String broken : List.of("not shown", "not shared, zone Mars/Olympus", "shared, zone ")) {
      String words = "tables of DTM, " + broken;
      OnSharedServer.execute(
          config, "update dtm4j_schema_history set description = '" + words + "'");

      String[] told = {"'" + words + "'", "update dtm4j_schema_history set description = 'tables"};
      refused(() -> SqlStore.open(config), told);
      refused(() -> SqlMigration.plan(config), told);
      refused(() -> SqlStore.reset(config), told);
    }
    OnSharedServer.execute(
        config,
        "update dtm4j_schema_history set description = 'tables of DTM, not shared, zone"
            + " Asia/Shanghai' where type = 'BASELINE'");
    SqlStore.open(config).close();
  }

  @ParameterizedTest
  @FieldSource("SERVERS")
  void what_servers_keep_is_read_from_tables_of_any_form(SharedServer server) throws Exception {
    SqlStoreConfig narrow = server.newAdopted(false, ZONE);
    SqlStoreConfig own = server.newDatabase();
    for (SqlStoreConfig config : List.of(narrow, own)) {
      try (SqlStore store = SqlStore.open(config)) {
        store.createKeyValue("c", "k", "v");
        store.createKeyValue("other", "k", "w");
      }
      isReadAndNew(config);
    }
    SqlMigration.run(narrow);
    isReadAndNew(narrow);
  }

  private static void isReadAndNew(SqlStoreConfig config) {
    SqlMigration.KeyValuesAt read = SqlMigration.keyValues(config, "c");

    assertThat(read.values()).hasSize(1).allMatch(one -> one.value().equals("v"));
    Instant written = read.values().getFirst().updateTime();
    assertThat(Duration.between(written, read.now()).abs()).isLessThan(Duration.ofMinutes(1));
  }
}
