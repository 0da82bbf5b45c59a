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

import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Due;
import io.dtm4j.model.Guard;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.model.Write;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import io.dtm4j.store.CommitResult.Committed;
import io.dtm4j.store.Filter;
import io.dtm4j.store.KeyValue;
import io.dtm4j.store.StoreRejectedException;
import io.dtm4j.store.StoreUnavailableException;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A database whose tables a DTM in Go has made. Each test runs on every database. */
@Tag("long")
@DisplayNameGeneration(ReplaceUnderscores.class)
abstract class AdoptionTest {
  private static final ZoneId ZONE = ZoneId.of("Asia/Shanghai");
  private static final Duration LEASE = Duration.ofMinutes(1);
  private static final Instant WHOLE = Instant.parse("2020-05-17T08:30:00Z");

  private final SharedServer server;

  AdoptionTest(SharedServer server) {
    this.server = server;
  }

  /** A time as the DTM writes it: its wall clock, and in PostgreSQL the zone beside it. */
  abstract String written(LocalDateTime wall);

  private static LocalDateTime wall(Instant time) {
    return LocalDateTime.ofInstant(time, ZONE);
  }

  private String time(Instant time) {
    return written(wall(time));
  }

  SqlStoreConfig adopted(@Nullable Boolean shared) throws Exception {
    return server.newAdopted(shared, ZONE);
  }

  private void insertGlobal(
      SqlStoreConfig config, String gid, String type, String status, String more, Instant due)
      throws Exception {
    OnSharedServer.execute(
        config,
        "insert into trans_global (gid, trans_type, status, query_prepared, protocol, create_time,"
            + " update_time, next_cron_interval, next_cron_time, owner, options, custom_data,"
            + " ext_data) values ('%s', '%s', '%s', '', 'http', %s, %s, 10, %s, 'aPq7Go', %s)"
                .formatted(gid, type, status, time(WHOLE), time(WHOLE), time(due), more));
  }

  private void insertBranch(
      SqlStoreConfig config, String gid, String id, String op, String status, String data)
      throws Exception {
    OnSharedServer.execute(
        config,
        "insert into trans_branch_op (gid, url, bin_data, branch_id, op, status, create_time,"
            + " update_time) values ('%s', 'http://host/%s', '%s', '%s', '%s', '%s', %s, %s)"
                .formatted(gid, op, data, id, op, status, time(WHOLE), time(WHOLE)));
  }

  @Test
  void the_tables_stay_as_they_are_to_the_last_word() throws Exception {
    SqlStoreConfig config = adopted(null);
    List<String> before = DtmTables.structure(config);
    assertThat(before).hasSizeGreaterThan(30);

    try (SqlStore store = SqlStore.open(config)) {
      store.commit(List.of(saveNew(saga("g", PAST), claim("c"))));
      store.claimDue(LEASE, gid -> claim("d"), 10);
      store.createKeyValue("topics", "t", "[]");
      assertThat(store.isShared()).isTrue();
    }
    SqlStore.open(config).close();

    assertThat(DtmTables.structure(config)).isEqualTo(before);
    assertThat(DtmTables.query(config, "select description from dtm4j_schema_history"))
        .containsExactly("tables of DTM, shared, zone Asia/Shanghai");
  }

  @Test
  void what_a_DTM_in_Go_has_left_open_is_read_and_claimed_in_all_modes() throws Exception {
    SqlStoreConfig config = adopted(null);
    Instant due = WHOLE.plusSeconds(60);
    insertGlobal(
        config,
        "saga",
        "saga",
        "submitted",
        "'{\"wait_result\":true,\"request_timeout\":3,\"branch_headers\":{\"h\":\"v\"},"
            + "\"concurrent\":false}', '{\"concurrent\":true,\"orders\":{\"1\":[0]}}', ''",
        due);
    insertBranch(config, "saga", "01", "compensate", "prepared", "{\"a\":1}");
    insertBranch(config, "saga", "01", "action", "succeed", "{\"a\":1}");
    insertBranch(config, "saga", "02", "compensate", "prepared", "");
    insertBranch(config, "saga", "02", "action", "prepared", "");
    insertGlobal(config, "tcc", "tcc", "aborting", "'', '', null", due.plusSeconds(1));
    insertBranch(config, "tcc", "01", "cancel", "prepared", "x");
    insertBranch(config, "tcc", "01", "confirm", "prepared", "x");
    insertGlobal(config, "xa", "xa", "prepared", "'{}', null, null", due.plusSeconds(2));
    insertGlobal(
        config, "msg", "msg", "prepared", "null, '{\"delay\":5}', null", due.plusSeconds(3));
    insertBranch(config, "msg", "01", "action", "prepared", "hello");
    insertGlobal(
        config,
        "workflow",
        "workflow",
        "prepared",
        "'{}', '{\"name\":\"wf\",\"data\":\"aGk=\"}'," + " '{\"headers\":{\"traceparent\":\"x\"}}'",
        due.plusSeconds(4));
    insertGlobal(config, "done", "saga", "succeed", "'{}', '', null", due);

    try (SqlStore store = SqlStore.open(config)) {
      Stored saga = store.find(new Gid("saga")).orElseThrow();
      assertThat(saga.transaction().definition())
          .isEqualTo(
              new Definition(
                  TransType.SAGA,
                  "http",
                  "",
                  "{\"concurrent\":true,\"orders\":{\"1\":[0]}}",
                  new Options(true, 0, 3, 0, Map.of("h", "v"), false, 0),
                  WHOLE));
      assertThat(saga.transaction().branches())
          .extracting(row -> row.key().toString(), Branch::status, row -> row.payload())
          .containsExactly(
              tuple("01 compensate", BranchStatus.PREPARED, Payload.of("{\"a\":1}")),
              tuple("01 action", BranchStatus.SUCCEED, Payload.of("{\"a\":1}")),
              tuple("02 compensate", BranchStatus.PREPARED, Payload.EMPTY),
              tuple("02 action", BranchStatus.PREPARED, Payload.EMPTY));
      assertThat(saga.transaction().state().schedule())
          .isEqualTo(new Schedule(Duration.ofSeconds(10), due));
      assertThat(saga.owner().isHeld()).isFalse();
      assertThat(store.counts().unfinished()).isEqualTo(5);
      assertThat(store.counts().earliest()).isEqualTo(due);
      assertThat(store.list(Filter.ALL, "", 10).items()).hasSize(6);

      List<Stored> claimed = store.claimDue(LEASE, gid -> claim("by-" + gid), 10);

      assertThat(claimed)
          .extracting(one -> one.transaction().gid().value())
          .containsExactly("saga", "tcc", "xa", "msg", "workflow");
      assertThat(claimed.getFirst().transaction().state().extra().dirty())
          .as("a DTM in Go does not run ahead")
          .isFalse();
    }
    assertThat(
            DtmTables.query(
                config,
                "select options, custom_data, ext_data, owner from trans_global"
                    + " where gid in ('saga', 'workflow') order by gid"))
        .containsExactly(
            "{\"wait_result\":true,\"request_timeout\":3,\"branch_headers\":{\"h\":\"v\"},"
                + "\"concurrent\":false}|{\"concurrent\":true,\"orders\":{\"1\":[0]}}||"
                + "dtm4j:l:server-1:by-saga:1",
            "{}|{\"name\":\"wf\",\"data\":\"aGk=\"}|{\"headers\":{\"traceparent\":\"x\"}}|"
                + "dtm4j:l:server-1:by-workflow:1");
  }

  @Test
  void times_are_whole_seconds_of_the_zone_and_what_is_due_is_never_earlier() throws Exception {
    SqlStoreConfig config = adopted(null);
    Instant due = Instant.parse("2030-01-02T03:04:05.001Z");
    Instant created = Instant.parse("2020-05-17T08:30:00.123456Z");
    Transaction transaction = saga("g", due);
    Definition was = transaction.definition();
    var exact =
        new Transaction(
            transaction.gid(),
            new Definition(was.type(), was.protocol(), "", "", was.options(), created),
            transaction.state(),
            transaction.branches());

    try (SqlStore store = SqlStore.open(config)) {
      store.commit(List.of(saveNew(exact, claim("c"))));

      Stored stored = store.find(new Gid("g")).orElseThrow();
      assertThat(stored.transaction().definition().createTime()).isEqualTo(created);
      assertThat(stored.transaction().state().schedule().nextTime())
          .isEqualTo(Instant.parse("2030-01-02T03:04:06Z"));
      assertThat(stored.transaction().state().updateTime())
          .isEqualTo(PAST.truncatedTo(ChronoUnit.SECONDS));
      // Who has armed a timer for the time it asked for finds the record all the same.
      assertThat(
              store.claim(List.of(new Due(new Gid("g"), claim("c"), due)), LEASE, _ -> claim("d")))
          .hasSize(1);
      Instant until =
          store.find(new Gid("g")).orElseThrow().transaction().state().schedule().nextTime();
      assertThat(until).isAfterOrEqualTo(store.storeTime().plus(LEASE).minusSeconds(2));
      store.commit(
          List.of(
              new Batch(
                  new Gid("g"),
                  new Guard.InStatus(GlobalStatus.SUBMITTED, null, created),
                  claim("e").marked(Owner.Mark.RESTING),
                  List.of(
                      new Write.SetSchedule(new Schedule(Duration.ofSeconds(10), due), PAST)))));
      assertThat(store.find(new Gid("g")).orElseThrow().transaction().definition().createTime())
          .as("as it was created, whatever is written")
          .isEqualTo(created);
    }
    assertThat(
            DtmTables.query(
                config,
                "select gid from trans_global where next_cron_time = "
                    + time(Instant.parse("2030-01-02T03:04:06Z"))
                    + " and create_time = "
                    + time(created.truncatedTo(ChronoUnit.SECONDS))))
        .containsExactly("g");
  }

  @Test
  void a_record_of_ours_is_one_that_a_DTM_in_Go_can_read() throws Exception {
    SqlStoreConfig config = adopted(null);
    try (SqlStore store = SqlStore.open(config)) {
      store.commit(List.of(saveNew(saga("g", PAST), claim("c"))));
      store.commit(List.of(step("g", "02")));
      store.commit(List.of(end("g", claim("c"))));
    }

    assertThat(
            DtmTables.query(
                config,
                "select branch_id, op, status, url from trans_branch_op where gid = 'g'"
                    + " and bin_data = '{}' order by id"))
        .as("a payload in each row")
        .containsExactly(
            "01|compensate|prepared|http://host/",
            "01|action|prepared|http://host/",
            "02|action|prepared|http://host/");
    assertThat(
            DtmTables.query(
                config,
                "select status, options, next_cron_interval from trans_global where gid = 'g'"
                    + " and finish_time is not null and rollback_time is null"))
        .containsExactly("succeed|{\"concurrent\":false}|10");
  }

  @Test
  void what_its_columns_cannot_hold_is_refused_with_a_code_and_reasons_are_cut() throws Exception {
    SqlStoreConfig config = adopted(null);
    String tooLong = "ü".repeat(1_025);
    try (SqlStore store = SqlStore.open(config)) {
      Transaction transaction = saga("g", PAST);
      Definition was = transaction.definition();
      var longQuery =
          new Transaction(
              new Gid("q"),
              new Definition(was.type(), "http", tooLong, "", was.options(), PAST),
              transaction.state(),
              List.of());
      Branch longUrl = Branch.open(new BranchKey("01", Op.ACTION), tooLong, Payload.EMPTY, PAST);

      assertThat(store.limits().refusal(transaction)).isNull();
      assertThat(store.limits().refusal(longQuery))
          .isEqualTo("query_prepared of 1025 characters (limit of the database: 1024 characters)");
      assertThat(store.limits().refusal(List.of(longUrl))).contains("url of a branch of 1025");
      assertThat(store.limits().refusalOfResult(tooLong)).contains("result of 1025");
      refused(store, saveNew(longQuery, claim("c")));
      refused(store, saveNew(Sagas.withRows(saga("u", PAST), List.of(longUrl)), claim("c")));
      refused(store, saveNew(Sagas.withHeader(saga("h", PAST), tooLong), claim("c")));
      store.commit(List.of(saveNew(transaction, claim("c"))));
      refused(store, batch(new Write.SetStatus(GlobalStatus.SUCCEED, null, tooLong, PAST)));
      refused(store, batch(new Write.AddBranches(List.of(longUrl))));
      assertThatExceptionOfType(StoreRejectedException.class)
          .isThrownBy(() -> store.createKeyValue("c", "k".repeat(129), "v"))
          .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.LIMIT_EXCEEDED));

      assertThat(
              store.commit(
                  List.of(batch(new Write.SetStatus(GlobalStatus.FAILED, tooLong, null, PAST)))))
          .allMatch(result -> result instanceof Committed);
      assertThat(store.find(new Gid("g")).orElseThrow().transaction().state().reason())
          .isEqualTo("ü".repeat(1_024));
    }
  }

  private static Batch batch(Write write) {
    return new Batch(
        new Gid("g"), Guard.Known.INSTANCE, claim("x" + write.hashCode()), List.of(write));
  }

  private static void refused(SqlStore store, Batch batch) {
    assertThatExceptionOfType(StoreRejectedException.class)
        .isThrownBy(() -> store.commit(List.of(batch)))
        .withMessageContaining("limit of the database")
        .satisfies(e -> assertThat(e.code()).isEqualTo(ErrorCode.LIMIT_EXCEEDED));
  }

  @Test
  void nothing_is_deleted_while_the_tables_are_shared_and_afterwards_what_has_ended()
      throws Exception {
    SqlStoreConfig config = adopted(null);
    Instant later = WHOLE.plus(Duration.ofDays(10_000));
    try (SqlStore store = SqlStore.open(config)) {
      store.commit(List.of(saveNew(saga("g", PAST), claim("c"))));
      store.commit(List.of(end("g", claim("c"))));
      assertThat(store.endedBefore(later, "", 10).items()).isEmpty();
    }

    SqlMigration.endSharing(config);

    try (SqlStore store = SqlStore.open(config)) {
      assertThat(store.isShared()).isFalse();
      assertThat(store.endedBefore(later, "", 10).items()).containsExactly(new Gid("g"));
      assertThat(store.delete(List.of(new Gid("g")), later)).isEqualTo(1);
    }
  }

  @Test
  void times_of_another_zone_are_not_read_as_those_of_this_one() throws Exception {
    SqlStoreConfig config = adopted(null);
    SqlStore.open(config).close();
    var other =
        new SqlStoreConfig(
            config.url(), config.user(), config.password(), 2, null, ZoneId.of("Europe/Paris"));
    var silent = new SqlStoreConfig(config.url(), config.user(), config.password(), 2);

    assertThatExceptionOfType(StoreUnavailableException.class)
        .isThrownBy(() -> SqlStore.open(other))
        .withMessageContaining("zone Asia/Shanghai")
        .withMessageContaining("Europe/Paris");
    SqlStore.open(silent).close();
  }

  @Test
  void without_the_right_to_make_a_table_it_works_all_the_same_and_is_shared() throws Exception {
    SqlStoreConfig config = adopted(null);
    SqlStoreConfig poor = withoutRights(config);

    try (SqlStore store = SqlStore.open(poor)) {
      assertThat(store.isShared()).isTrue();
      assertThat(store.commit(List.of(saveNew(saga("g", PAST), claim("c")))))
          .allMatch(result -> result instanceof Committed);
      assertThat(store.claimDue(LEASE, gid -> claim("d"), 10)).hasSize(1);
    }
    assertThat(DtmTables.query(config, "select gid from trans_global")).containsExactly("g");
    assertThat(DtmTables.structure(config)).isNotEmpty();
    assertThatExceptionOfType(SQLException.class)
        .isThrownBy(() -> DtmTables.query(config, "select 1 from dtm4j_schema_history"));
  }

  /** A user who may read and write the three tables, and nothing else. */
  abstract SqlStoreConfig withoutRights(SqlStoreConfig config) throws Exception;

  @Test
  void the_wide_form_is_made_on_request_only_and_keeps_what_is_there() throws Exception {
    SqlStoreConfig config = adopted(null);
    Stored before;
    Stored own;
    insertGlobal(config, "go", "saga", "submitted", "'{}', '', null", WHOLE.plusSeconds(60));
    insertBranch(config, "go", "01", "compensate", "prepared", "x");
    insertBranch(config, "go", "01", "action", "prepared", "x");
    OnSharedServer.execute(
        config, "update trans_branch_op set bin_data = null where op = 'action'");
    try (SqlStore store = SqlStore.open(config)) {
      store.commit(List.of(saveNew(saga("own", PAST), claim("c"))));
      store.commit(List.of(step("own", "02")));
      store.createKeyValue("topics", "t", "[]");
      before = store.find(new Gid("go")).orElseThrow();
      own = store.find(new Gid("own")).orElseThrow();
    }
    List<String> structure = DtmTables.structure(config);

    SqlMigration.Plan plan = SqlMigration.plan(config);
    assertThat(plan.shared()).isTrue();
    assertThat(plan.statements()).anyMatch(one -> one.contains("alter table trans_global"));
    assertThat(plan.statements()).noneMatch(one -> one.contains("$"));
    assertThat(plan.tables())
        .extracting(SqlMigration.TableSize::table)
        .containsExactlyInAnyOrder("trans_global", "trans_branch_op", "kv");
    assertThatExceptionOfType(IllegalStateException.class)
        .isThrownBy(() -> SqlMigration.run(config))
        .withMessageContaining("end the sharing first");
    assertThat(DtmTables.structure(config)).isEqualTo(structure);

    SqlMigration.endSharing(config);
    SqlMigration.run(config);

    assertThat(SqlMigration.plan(config).statements()).isEmpty();
    try (SqlStore store = SqlStore.open(config)) {
      assertThat(store.find(new Gid("go")).orElseThrow()).isEqualTo(before);
      assertThat(store.find(new Gid("own")).orElseThrow()).isEqualTo(own);
      assertThat(store.findKeyValue("topics", "t").map(KeyValue::value)).hasValue("[]");
      Instant due = Instant.parse("2100-01-01T00:00:00.123Z");
      store.commit(
          List.of(saveNew(saga("G", due), claim("e")), saveNew(saga("g", due), claim("f"))));
      assertThat(store.find(new Gid("G")).orElseThrow().transaction().state().schedule().nextTime())
          .as("milliseconds now, and letter case tells apart")
          .isEqualTo(due);
      assertThat(
              store.commit(
                  List.of(
                      end("own", claim("c")),
                      new Batch(
                          new Gid("go"),
                          new Guard.InStatus(GlobalStatus.SUBMITTED, null, WHOLE),
                          null,
                          List.of(new Write.AddBranches(List.of(Sagas.row("03", Op.ACTION))))))))
          .allMatch(result -> result instanceof Committed);
      assertThat(store.find(new Gid("go")).orElseThrow().transaction().branches()).hasSize(3);
      assertThat(store.limits().refusalOfResult("x".repeat(5_000))).isNull();
    }
  }

  @Test
  void tables_that_are_no_DTM_s_are_left_alone() throws Exception {
    SqlStoreConfig config = server.newDatabase();
    DtmTables.make(config);
    OnSharedServer.execute(config, "drop table kv");

    assertThatExceptionOfType(StoreUnavailableException.class)
        .isThrownBy(() -> SqlStore.open(config))
        .withMessageContaining("not all that a DTM in Go makes");
    assertThatExceptionOfType(SQLException.class)
        .isThrownBy(() -> DtmTables.query(config, "select 1 from dtm4j_schema_history"));
  }
}
