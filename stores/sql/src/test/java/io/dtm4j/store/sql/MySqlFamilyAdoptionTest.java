package io.dtm4j.store.sql;

import static io.dtm4j.store.sql.Sagas.PAST;
import static io.dtm4j.store.sql.Sagas.claim;
import static io.dtm4j.store.sql.Sagas.end;
import static io.dtm4j.store.sql.Sagas.saga;
import static io.dtm4j.store.sql.Sagas.saveNew;
import static io.dtm4j.store.sql.Sagas.step;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.tuple;

import io.dtm4j.model.Branch;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.Payload;
import io.dtm4j.store.CommitResult.Committed;
import io.dtm4j.store.KeyValue;
import io.dtm4j.store.StoreUnavailableException;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

abstract class MySqlFamilyAdoptionTest extends AdoptionTest {
  MySqlFamilyAdoptionTest(SharedServer server) {
    super(server);
  }

  @Override
  String written(LocalDateTime wall) {
    return "'" + wall + "'";
  }

  @Override
  SqlStoreConfig withoutRights(SqlStoreConfig config) throws Exception {
    String database = config.address().substring(config.address().lastIndexOf('/') + 1);
    String user = "poor_" + database;
    OnSharedServer.execute(
        config,
        "create user '%s'@'127.0.0.1' identified by 'poor'".formatted(user),
        "grant select, insert, update, delete on %s.* to '%s'@'127.0.0.1'"
            .formatted(database, user));
    return new SqlStoreConfig(config.url(), user, "poor", 2, null, config.zone());
  }

  /**
   * As after a crash behind any statement: each change of a table is committed by itself, and what
   * was run is run again. A server that was started meanwhile works on tables that are half of
   * each.
   */
  @Test
  void a_widening_that_ended_anywhere_goes_on_when_it_is_run_again() throws Exception {
    SqlStoreConfig config = adopted(false);
    SqlStoreConfig untroubled = adopted(false);
    SqlStore.open(untroubled).close();
    SqlMigration.run(untroubled);
    try (SqlStore store = SqlStore.open(config)) {
      store.commit(List.of(saveNew(saga("g", PAST), claim("c"))));
      store.createKeyValue("topics", "t", "[]");
    }
    List<String> statements = SqlMigration.plan(config).statements();
    var written = new ArrayList<String>(List.of("01", "01"));

    for (int run = 1; run <= statements.size(); run++) {
      OnSharedServer.execute(config, statements.subList(0, run).toArray(new String[0]));
      if (run < statements.size() && changesSomething(statements.get(run - 1))) {
        try (SqlStore store = SqlStore.open(config)) {
          assertThat(store.commit(List.of(step("g", "s" + run))))
              .allMatch(result -> result instanceof Committed);
          written.add("s" + run);
        }
      }
    }
    assertThat(SqlMigration.plan(config).statements()).as("nobody has noted it").isNotEmpty();
    SqlMigration.run(config);

    assertThat(SqlMigration.plan(config).statements()).isEmpty();
    assertThat(widthOf(config)).isEqualTo(widthOf(untroubled)).hasSizeGreaterThan(30);
    try (SqlStore store = SqlStore.open(config)) {
      store.commit(List.of(step("g", "last")));
      written.add("last");
      assertThat(store.find(new Gid("g")).orElseThrow().transaction().branches())
          .extracting(row -> row.key().branchId(), Branch::payload)
          .containsExactlyElementsOf(
              written.stream().map(id -> tuple(id, Payload.of("{}"))).toList());
      assertThat(store.findKeyValue("topics", "t").map(KeyValue::value)).hasValue("[]");
    }
  }

  private static boolean changesSomething(String statement) {
    return !statement.startsWith("set @") && !statement.startsWith("prepare");
  }

  @Test
  void a_widening_that_failed_goes_on_when_it_is_run_again() throws Exception {
    SqlStoreConfig config = adopted(false);
    try (SqlStore store = SqlStore.open(config)) {
      store.commit(List.of(saveNew(saga("g", PAST), claim("c"))));
    }
    OnSharedServer.execute(config, "rename table kv to kv_elsewhere");

    assertThatExceptionOfType(StoreUnavailableException.class)
        .isThrownBy(() -> SqlMigration.run(config))
        .withMessageContaining("cannot be changed")
        .withMessageContaining("kv");
    assertThat(DtmTables.query(config, "show columns from trans_branch_op like 'ord'"))
        .as("it has come so far")
        .hasSize(1);
    OnSharedServer.execute(config, "rename table kv_elsewhere to kv");
    try (SqlStore store = SqlStore.open(config)) {
      store.commit(List.of(step("g", "02")));
    }
    SqlMigration.run(config);

    assertThat(SqlMigration.plan(config).statements()).isEmpty();
    try (SqlStore store = SqlStore.open(config)) {
      assertThat(store.find(new Gid("g")).orElseThrow().transaction().branches()).hasSize(3);
      assertThat(store.commit(List.of(end("g", claim("c")))))
          .allMatch(result -> result instanceof Committed);
    }
  }

  /** Columns and indexes, whatever the database is called. */
  private static List<String> widthOf(SqlStoreConfig config) throws Exception {
    var all =
        new ArrayList<String>(
            DtmTables.query(
                config,
                "select table_name, ordinal_position, column_name, column_type, is_nullable,"
                    + " column_default, collation_name from information_schema.columns where"
                    + " table_schema = database() and table_name <> 'dtm4j_schema_history'"
                    + " order by 1, 2"));
    all.addAll(
        DtmTables.query(
            config,
            "select table_name, index_name, seq_in_index, column_name from"
                + " information_schema.statistics where table_schema = database()"
                + " and table_name <> 'dtm4j_schema_history' order by 1, 2, 3"));
    return all;
  }
}
