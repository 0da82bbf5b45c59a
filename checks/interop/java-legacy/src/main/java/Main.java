import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import pub.dtm.client.DtmClient;
import pub.dtm.client.barrier.BranchBarrier;
import pub.dtm.client.exception.FailureException;
import pub.dtm.client.tcc.Tcc;

/**
 * The published Java client library of old against dtm4j: sagas and TCC, behind its barriers on MariaDB. Prints {@code ---
 * PASS: name} or {@code --- FAIL: name} per case.
 */
public final class Main {
  private static final URI DTM = URI.create(System.getenv("DTM_HTTP"));

  /** The library reads the table of its barriers without a database's name before it. */
  private static final String DATABASE =
      "jdbc:mariadb://127.0.0.1:%s/dtm_barrier?user=bank&password=bank"
          .formatted(System.getenv("MARIADB_PORT"));

  /** How long a transaction may take to its end on a busy machine. */
  private static final long FINAL_MILLIS = 60_000;

  private static final DtmClient CLIENT = new DtmClient(DTM.getAuthority());
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final HttpClient HTTP = HttpClient.newHttpClient();
  private static final Map<String, Stage> STAGES = new ConcurrentHashMap<>(); // by gid

  private static String services = "";

  private Main() {}

  /** A case of the program; it throws what it finds wrong. */
  private interface Case {
    void run(Stage stage) throws Exception;
  }

  /** What a service does, with its parameters filled in: account, amount. */
  private interface Work {
    void on(Connection connection, String account, int amount) throws SQLException;
  }

  private interface Handler {
    void answer(Call call) throws Exception;
  }

  private static final class Refused extends RuntimeException {
    private static final long serialVersionUID = 1;
  }

  private static final class Ongoing extends RuntimeException {
    private static final long serialVersionUID = 1;
  }

  private record Transfer(String account, int amount) {}

  private static final Map<String, Case> CASES =
      Map.of(
          "a_saga_moves_money", Main::sagaMovesMoney,
          "a_refused_saga_is_compensated", Main::refusedSagaIsCompensated,
          "a_concurrent_saga_keeps_the_order_that_was_asked_for", Main::concurrentSaga,
          "a_repeated_action_works_once", Main::repeatedActionWorksOnce,
          "a_TCC_is_confirmed", Main::tccIsConfirmed,
          "a_refused_TCC_is_cancelled", Main::refusedTccIsCancelled);

  private static final Map<String, Work> SERVICES =
      Map.of(
          "TransOut", (connection, account, amount) -> add(connection, account, -amount),
          "TransOutRevert", Main::add,
          "TransIn", Main::add,
          "TransInRevert", (connection, account, amount) -> add(connection, account, -amount),
          "TransOutTry", (connection, account, amount) -> reserve(connection, account, -amount),
          "TransOutConfirm", (connection, account, amount) -> confirm(connection, account, -amount),
          "TransOutCancel", Main::reserve,
          "TransInTry", Main::reserve,
          "TransInConfirm", Main::confirm,
          "TransInCancel", (connection, account, amount) -> reserve(connection, account, -amount));

  public static void main(String[] args) throws Exception {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    ExecutorService threads = Executors.newCachedThreadPool();
    server.setExecutor(threads);
    server.createContext("/", Main::arrived);
    server.start();
    services = "http://127.0.0.1:" + server.getAddress().getPort() + "/";

    boolean passed = true;
    List<Future<Boolean>> runs =
        CASES.entrySet().stream()
            .map(entry -> threads.submit(() -> passes(entry.getKey(), entry.getValue())))
            .toList();
    for (Future<Boolean> run : runs) {
      passed &= run.get();
    }
    System.exit(passed ? 0 : 1);
  }

  private static boolean passes(String name, Case one) {
    try {
      one.run(new Stage());
      System.out.println("--- PASS: " + name);
      return true;
    } catch (Throwable e) { // the library's defects included
      System.out.println("--- FAIL: " + name + "\n" + e);
      return false;
    }
  }

  private static void sagaMovesMoney(Stage stage) throws Exception {
    saga(stage).enableWaitResult().submit();

    stage.ends("succeed", "TransOut 01 action", "TransIn 02 action");
    stage.balances(70, 30);
  }

  private static void refusedSagaIsCompensated(Stage stage) throws Exception {
    stage.handlers.put("TransIn", Main::refuse);
    // The barrier of this library does not know that it compensates what never was.
    stage.handlers.put("TransInRevert", call -> {});

    expectRefused(() -> saga(stage).enableWaitResult().submit());

    stage.ends(
        "failed",
        "TransOut 01 action",
        "TransIn 02 action",
        "TransInRevert 02 compensate",
        "TransOutRevert 01 compensate");
    stage.balances(100, 0);
  }

  private static void concurrentSaga(Stage stage) throws Exception {
    saga(stage).enableConcurrent().addBranchOrder(0, List.of(1)).enableWaitResult().submit();

    stage.ends("succeed", "TransIn 02 action", "TransOut 01 action");
    stage.balances(70, 30);
  }

  private static void repeatedActionWorksOnce(Stage stage) throws Exception {
    stage.handlers.put(
        "TransIn",
        call -> {
          call.move();
          // The library's own setRetryInterval overflows the stack; ongoing is asked again after ten seconds.
          if (stage.calls.stream().filter("TransIn 02 action"::equals).count() == 1) {
            throw new Ongoing();
          }
        });

    saga(stage).submit();

    stage.ends("succeed", "TransOut 01 action", "TransIn 02 action", "TransIn 02 action");
    stage.balances(70, 30);
  }

  private static void tccIsConfirmed(Stage stage) throws Exception {
    CLIENT.tccGlobalTransaction(stage.gid, tcc -> transfer(tcc, stage));

    stage.ends(
        "succeed",
        "TransOutTry 01 try",
        "TransInTry 02 try",
        "TransInConfirm 02 confirm",
        "TransOutConfirm 01 confirm");
    stage.balances(70, 30);
  }

  private static void refusedTccIsCancelled(Stage stage) throws Exception {
    stage.handlers.put("TransInTry", Main::refuse);

    expectRefused(() -> CLIENT.tccGlobalTransaction(stage.gid, tcc -> transfer(tcc, stage)));

    stage.ends(
        "failed",
        "TransOutTry 01 try",
        "TransInTry 02 try",
        "TransInCancel 02 cancel",
        "TransOutCancel 01 cancel");
    stage.balances(100, 0);
  }

  private static pub.dtm.client.saga.Saga saga(Stage stage) {
    return CLIENT
        .newSaga(stage.gid)
        .add(url("TransOut"), url("TransOutRevert"), new Transfer(stage.out, 30))
        .add(url("TransIn"), url("TransInRevert"), new Transfer(stage.in, 30));
  }

  private static void transfer(Tcc tcc, Stage stage) throws Exception {
    for (var branch : List.of(List.of("TransOut", stage.out), List.of("TransIn", stage.in))) {
      String service = url(branch.get(0));
      tcc.callBranch(
              new Transfer(branch.get(1), 30),
              service + "Try",
              service + "Confirm",
              service + "Cancel")
          .close();
    }
  }

  private static String url(String service) {
    return services + service;
  }

  private static void expectRefused(AutoCloseable action) throws Exception {
    try {
      action.close();
    } catch (FailureException e) {
      return;
    }
    throw new AssertionError("it was not refused");
  }

  private static void refuse(Call call) {
    throw new Refused();
  }

  private static void add(Connection connection, String account, int amount) throws SQLException {
    one(
        connection,
        "update bank.account set balance=balance+? where id=? and balance+?>=0",
        amount,
        account,
        amount);
  }

  private static void reserve(Connection connection, String account, int amount)
      throws SQLException {
    one(
        connection,
        "update bank.account set trading=trading+? where id=? and balance+trading+?>=0",
        amount,
        account,
        amount);
  }

  private static void confirm(Connection connection, String account, int amount)
      throws SQLException {
    one(
        connection,
        "update bank.account set balance=balance+?, trading=trading-? where id=?",
        amount,
        amount,
        account);
  }

  private static void one(Connection connection, String sql, Object... values) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < values.length; i++) {
        statement.setObject(i + 1, values[i]);
      }
      if (statement.executeUpdate() != 1) {
        throw new Refused();
      }
    }
  }

  private static void arrived(HttpExchange exchange) throws IOException {
    int status = 200;
    String answer = "{\"dtm_result\":\"SUCCESS\"}"; // the library takes an empty one for a failure
    try {
      Call call = Call.of(exchange);
      call.stage.calls.add("%s %s %s".formatted(call.service, call.one("branch_id"), call.one("op")));
      call.stage.handlers.getOrDefault(call.service, Call::move).answer(call);
    } catch (Refused e) {
      status = 409;
      answer = "{\"error\":\"refused\"}";
    } catch (Ongoing e) {
      status = 425;
      answer = "{\"error\":\"not yet\"}";
    } catch (Exception e) {
      status = 500;
      answer = "{\"error\":\"broken\"}";
    }
    byte[] body = answer.getBytes(UTF_8);
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(status, body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }

  /** What a service was asked. */
  private record Call(
      Stage stage, String service, Map<String, String[]> query, Transfer transfer) {

    static Call of(HttpExchange exchange) throws IOException {
      Map<String, String[]> query =
          Arrays.stream(exchange.getRequestURI().getRawQuery().split("&"))
              .map(parameter -> parameter.split("=", 2))
              .collect(
                  Collectors.toMap(
                      parts -> parts[0],
                      parts -> new String[] {URLDecoder.decode(parts[1], UTF_8)}));
      JsonNode body = JSON.readTree(exchange.getRequestBody());
      return new Call(
          STAGES.get(query.get("gid")[0]),
          exchange.getRequestURI().getPath().substring(1),
          query,
          new Transfer(body.path("account").asText(), body.path("amount").asInt()));
    }

    String one(String parameter) {
      return query.get(parameter)[0];
    }

    /** Does what the name of the service says, behind a barrier. */
    void move() throws Exception {
      try (Connection connection = DriverManager.getConnection(DATABASE)) {
        new BranchBarrier(query)
            .call(
                connection,
                barrier ->
                    SERVICES.get(service).on(connection, transfer.account(), transfer.amount()));
      }
    }
  }

  /** One transaction, its two accounts and what the services were asked about it. */
  private static final class Stage {
    final String gid = "java-" + UUID.randomUUID();
    final String out = account(100);
    final String in = account(0);
    final List<String> calls = new CopyOnWriteArrayList<>();
    final Map<String, Handler> handlers = new ConcurrentHashMap<>();

    Stage() throws SQLException {
      STAGES.put(gid, this);
    }

    private static String account(int balance) throws SQLException {
      String id = UUID.randomUUID().toString();
      try (Connection connection = DriverManager.getConnection(DATABASE)) {
        one(connection, "insert into bank.account(id, balance) values(?, ?)", id, balance);
      }
      return id;
    }

    /** Waits for the final status, and asserts it and the calls, in their order. */
    void ends(String expected, String... expectedCalls) throws Exception {
      URI query = URI.create(DTM + "/query?gid=" + gid);
      long end = System.currentTimeMillis() + FINAL_MILLIS;
      String status = "";
      while (!status.equals("succeed") && !status.equals("failed")) {
        check(System.currentTimeMillis() < end, "still %s; calls: %s".formatted(status, calls));
        Thread.sleep(50);
        String found = HTTP.send(HttpRequest.newBuilder(query).build(), BodyHandlers.ofString()).body();
        status = JSON.readTree(found).path("transaction").path("status").asText();
      }
      check(status.equals(expected), "status %s, expected %s".formatted(status, expected));
      check(
          calls.equals(List.of(expectedCalls)),
          "calls: %s, expected %s".formatted(calls, List.of(expectedCalls)));
    }

    /** Asserts what is on both accounts, with nothing reserved. */
    void balances(int expectedOut, int expectedIn) throws SQLException {
      try (Connection connection = DriverManager.getConnection(DATABASE);
          PreparedStatement statement =
              connection.prepareStatement("select balance, trading from bank.account where id=?")) {
        for (var account : Map.of(out, expectedOut, in, expectedIn).entrySet()) {
          statement.setString(1, account.getKey());
          try (ResultSet row = statement.executeQuery()) {
            check(row.next(), "no such account");
            check(
                row.getInt(1) == account.getValue() && row.getInt(2) == 0,
                "balance %d and %d reserved, expected %d and nothing"
                    .formatted(row.getInt(1), row.getInt(2), account.getValue()));
          }
        }
      }
    }

    private static void check(boolean holds, String otherwise) {
      if (!holds) {
        throw new AssertionError(otherwise);
      }
    }
  }
}
