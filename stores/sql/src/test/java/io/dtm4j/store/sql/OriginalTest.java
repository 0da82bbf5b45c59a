package io.dtm4j.store.sql;

import static io.dtm4j.store.sql.Sagas.claim;
import static io.dtm4j.store.sql.Sagas.saveNew;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import com.sun.net.httpserver.HttpServer;
import io.dtm4j.databases.Processes;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Payload;
import io.dtm4j.store.Filter;
import io.dtm4j.store.Lease;
import io.dtm4j.store.Listed;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * What the DTM in Go itself (v1.19.0) leaves open is taken over from its tables, and given back to
 * it. The property {@code dtm4j.test.original} names its binary.
 */
@Tag("long")
@Tag("original")
@DisplayNameGeneration(ReplaceUnderscores.class)
class OriginalTest {
  private static final String BINARY =
      Objects.requireNonNull(System.getProperty("dtm4j.test.original"), "dtm4j.test.original");
  private static final String ZONE = "America/New_York";
  private static final Duration LONGEST = Duration.ofSeconds(60);

  private final HttpClient client = HttpClient.newHttpClient();
  private final int port = Processes.freePort();
  private volatile boolean succeeding;
  private String participant = "";
  private String zone = ZONE;

  @Test
  void from_it_and_back_to_it_on_mariadb() throws Exception {
    fromItAndBack(SharedServer.MARIADB, "mysql");
  }

  @Test
  void from_it_and_back_to_it_on_postgres() throws Exception {
    fromItAndBack(SharedServer.POSTGRES, "postgres");
  }

  private void fromItAndBack(SharedServer server, String driver) throws Exception {
    SqlStoreConfig config = server.newAdopted(null, ZoneId.of(ZONE));
    List<String> structure = DtmTables.structure(config);
    // In PostgreSQL it finds what is due only where its own zone is that of the database.
    zone = driver.equals("postgres") ? DtmTables.query(config, "show timezone").getFirst() : ZONE;
    succeeding = false;
    HttpServer service =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    service.createContext(
        "/",
        exchange -> {
          boolean ok = succeeding || exchange.getRequestURI().toString().startsWith("/ok");
          byte[] answer =
              (ok ? "{\"dtm_result\":\"SUCCESS\"}" : "ONGOING").getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(ok ? 200 : 425, answer.length);
          exchange.getResponseBody().write(answer);
          exchange.close();
        });
    service.start();
    participant = "http://127.0.0.1:" + service.getAddress().getPort();
    try {
      Process original = start(config, driver);
      try {
        load();
      } finally {
        Processes.end(original, true);
      }
      takeOver(config);
      assertThat(DtmTables.structure(config)).isEqualTo(structure);

      succeeding = true;
      original = start(config, driver);
      try {
        awaitSuccess(config, "saga");
        awaitSuccess(config, "ours");
        awaitSuccess(config, "msg");
      } finally {
        Processes.end(original, true);
      }
    } finally {
      service.stop(0);
    }
  }

  private Process start(SqlStoreConfig config, String driver) throws Exception {
    URI address = URI.create(config.address().substring("jdbc:".length()));
    Path log = Files.createTempFile("dtm4j-original", ".log");
    log.toFile().deleteOnExit();
    Process process =
        Processes.start(
            log,
            List.of(
                "/usr/bin/env",
                "TZ=" + zone,
                "STORE_DRIVER=" + driver,
                "STORE_HOST=127.0.0.1",
                "STORE_PORT=" + address.getPort(),
                "STORE_USER=" + config.user(),
                "STORE_PASSWORD=" + config.password(),
                "STORE_DB=" + config.address().substring(config.address().lastIndexOf('/') + 1),
                "UPDATE_BRANCH_SYNC=1",
                "RETRY_INTERVAL=10",
                "TRANS_CRON_INTERVAL=1",
                "HTTP_PORT=" + port,
                "GRPC_PORT=" + Processes.freePort(),
                "JSON_RPC_PORT=" + Processes.freePort(),
                "LOG_LEVEL=warn",
                BINARY));
    Processes.await(
        process,
        log,
        () -> {
          send("GET", "version", "");
          return true;
        });
    return process;
  }

  private void send(String method, String operation, String body) throws Exception {
    HttpResponse<String> answer =
        client.send(
            HttpRequest.newBuilder(
                    URI.create("http://127.0.0.1:" + port + "/api/dtmsvr/" + operation))
                .header("Content-Type", "application/json")
                .timeout(LONGEST)
                .method(
                    method,
                    body.isEmpty()
                        ? HttpRequest.BodyPublishers.noBody()
                        : HttpRequest.BodyPublishers.ofString(
                            body.replace('\'', '"').replace("HOST", participant)))
                .build(),
            HttpResponse.BodyHandlers.ofString());
    assertThat(answer.statusCode()).as("%s: %s", operation, answer.body()).isEqualTo(200);
  }

  /** One of each mode that stays open, and one that ends. */
  private void load() throws Exception {
    send(
        "POST",
        "submit",
        "{'gid':'saga','trans_type':'saga','steps':[{'action':'HOST/a','compensate':'HOST/c'},"
            + "{'action':'HOST/b','compensate':''}],'payloads':['{}','two']}");
    send(
        "POST",
        "prepare",
        "{'gid':'msg','trans_type':'msg','query_prepared':'HOST/q',"
            + "'steps':[{'action':'HOST/a'}],'payloads':['größe']}");
    send("POST", "prepare", "{'gid':'tcc','trans_type':'tcc','timeout_to_fail':1000}");
    send(
        "POST",
        "registerBranch",
        "{'gid':'tcc','trans_type':'tcc','branch_id':'01','data':'x','confirm':'HOST/y',"
            + "'cancel':'HOST/n'}");
    send("POST", "prepare", "{'gid':'xa','trans_type':'xa','timeout_to_fail':1000}");
    send(
        "POST",
        "registerBranch",
        "{'gid':'xa','trans_type':'xa','branch_id':'01','url':'HOST/xa','data':''}");
    send(
        "POST",
        "prepareWorkflow",
        "{'gid':'wf','trans_type':'workflow','query_prepared':'HOST/w',"
            + "'custom_data':'{\\'name\\':\\'wf\\',\\'data\\':\\'aGk=\\'}'}");
    send(
        "POST",
        "registerBranch",
        "{'gid':'wf','trans_type':'workflow','branch_id':'01','op':'action','status':'succeed',"
            + "'data':'ok'}");
    send(
        "POST",
        "submit",
        "{'gid':'done','trans_type':'saga','wait_result':true,"
            + "'steps':[{'action':'HOST/ok','compensate':''}],'payloads':['']}");
  }

  private void takeOver(SqlStoreConfig config) throws Exception {
    try (SqlStore store = SqlStore.open(config)) {
      Instant now = store.storeTime();
      assertThat(store.list(Filter.ALL, "", 10).items())
          .extracting(one -> one.gid().value())
          .containsExactlyInAnyOrder("saga", "msg", "tcc", "xa", "wf", "done");
      for (Listed one : store.list(Filter.ALL, "", 10).items()) {
        assertThat(one.definition().createTime())
            .isBetween(now.minus(LONGEST.multipliedBy(2)), now.plusSeconds(1));
      }
      assertThat(store.counts().unfinished()).isEqualTo(5);
      assertThat(store.find(new Gid("done")).orElseThrow().transaction().status())
          .isEqualTo(GlobalStatus.SUCCEED);
      assertThat(rows(store, "saga"))
          .extracting(row -> row.key().toString(), Branch::url, Branch::payload)
          .containsExactly(
              tuple("01 compensate", participant + "/c", Payload.of("{}")),
              tuple("01 action", participant + "/a", Payload.of("{}")),
              tuple("02 compensate", "", Payload.of("two")),
              tuple("02 action", participant + "/b", Payload.of("two")));
      assertThat(rows(store, "msg"))
          .extracting(Branch::payload)
          .containsExactly(Payload.of("größe"));
      assertThat(rows(store, "tcc"))
          .extracting(row -> row.key().toString(), Branch::payload)
          .containsExactly(
              tuple("01 cancel", Payload.of("x")), tuple("01 confirm", Payload.of("x")));
      assertThat(rows(store, "xa"))
          .extracting(row -> row.key().toString())
          .containsExactly("01 rollback", "01 commit");
      assertThat(rows(store, "wf"))
          .extracting(row -> row.key().toString(), Branch::status, Branch::payload)
          .containsExactly(tuple("01 action", BranchStatus.SUCCEED, Payload.of("ok")));

      assertThat(store.resetDue(Duration.ZERO, 100).count()).isEqualTo(5);
      List<Stored> claimed =
          store.claimDue(Duration.ofHours(1), gid -> claim("by-" + gid.value()), 100);
      assertThat(claimed)
          .extracting(one -> one.transaction().gid().value())
          .containsExactlyInAnyOrder("saga", "msg", "tcc", "xa", "wf");

      Transaction saga = Sagas.saga("ours", store.storeTime());
      store.commit(
          List.of(
              saveNew(
                  Sagas.withRows(
                      saga,
                      List.of(
                          Branch.open(
                              new BranchKey("01", Op.COMPENSATE), "", Payload.of("{}"), now),
                          Branch.open(
                              new BranchKey("01", Op.ACTION),
                              participant + "/ours",
                              Payload.of("{}"),
                              now))),
                  claim("ours").marked(Owner.Mark.RESTING))));
      store.release(
          claimed.stream()
              .map(one -> new Lease(one.transaction().gid(), one.owner().claim()))
              .toList());
    }
  }

  private static List<Branch> rows(SqlStore store, String gid) {
    return store.find(new Gid(gid)).orElseThrow().transaction().branches();
  }

  private static void awaitSuccess(SqlStoreConfig config, String gid) throws Exception {
    long end = System.nanoTime() + LONGEST.toNanos();
    String sql = "select status from trans_global where gid = '" + gid + "'";
    while (!DtmTables.query(config, sql).contains("succeed") && System.nanoTime() < end) {
      TimeUnit.MILLISECONDS.sleep(100);
    }
    assertThat(DtmTables.query(config, sql)).as(gid).containsExactly("succeed");
  }
}
