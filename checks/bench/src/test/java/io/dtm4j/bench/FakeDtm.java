package io.dtm4j.bench;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a load generator sees of a DTM server, in memory: it calls the branches of a transaction one
 * after the other, compensates a saga, and answers. Steps of workflows are only kept.
 */
final class FakeDtm implements AutoCloseable {
  /** How the server treats a submit. */
  enum Manner {
    HONEST,
    /** Answers success at once and calls nothing. */
    HASTY,
    BROKEN,
    /** Takes the request and never answers. */
    SILENT
  }

  private final Vertx vertx = Vertx.vertx();
  private final HttpClient http = vertx.createHttpClient();
  private final HttpServer server;
  private final Manner manner;

  // Both on one loop:
  private final Map<String, List<JsonObject>> registered = new HashMap<>(); // by prepared gid
  private final List<JsonObject> first = new ArrayList<>(); // requests of one gid

  private FakeDtm(Manner manner) {
    this.manner = manner;
    server =
        vertx
            .createHttpServer()
            .connectionHandler(connection -> connection.exceptionHandler(_ -> {}))
            .requestHandler(this::arrived);
  }

  static FakeDtm open(Manner manner) {
    FakeDtm dtm = new FakeDtm(manner);
    dtm.server.listen(0, "127.0.0.1").await();
    return dtm;
  }

  String address() {
    return "http://127.0.0.1:" + server.actualPort() + "/api/dtmsvr";
  }

  /** The bodies of the first transaction's requests, each with its operation under {@code path}. */
  List<JsonObject> requestsOfFirst() {
    return List.copyOf(first);
  }

  @Override
  public void close() {
    vertx.close().await();
  }

  private void arrived(HttpServerRequest request) {
    request.bodyHandler(
        body -> {
          String operation = request.uri().replace("/api/dtmsvr/", "");
          if (operation.equals("newGid")) {
            answer(request, 200, "{\"gid\":\"any\"}");
            return;
          }
          if (!request.method().equals(HttpMethod.POST)) {
            answer(request, 404, "404 page not found");
            return;
          }
          JsonObject members = body.toJsonObject();
          String gid = members.getString("gid");
          if (first.isEmpty() || first.getFirst().getString("gid").equals(gid)) {
            first.add(members.copy().put("path", operation));
          }
          switch (operation) {
            case "prepare", "prepareWorkflow" -> {
              registered.put(gid, new ArrayList<>());
              answer(request, 200, "{}");
            }
            case "registerBranch" -> register(request, members);
            case "submit" -> submit(request, members);
            default -> answer(request, 404, "404 page not found");
          }
        });
  }

  private void register(HttpServerRequest request, JsonObject branch) {
    List<JsonObject> branches = registered.get(branch.getString("gid"));
    if (branches == null) {
      answer(request, 409, "{\"message\":\"nothing is prepared\"}");
    } else {
      branches.add(branch);
      answer(request, 200, "{}");
    }
  }

  private void submit(HttpServerRequest request, JsonObject transaction) {
    switch (manner) {
      case HONEST -> {
        Future<Boolean> succeeds = run(transaction);
        if (transaction.getBoolean("wait_result", true)) {
          succeeds.onSuccess(success -> answer(request, success ? 200 : 409, "{}"));
        } else {
          answer(request, 200, "{}");
        }
      }
      case HASTY -> answer(request, 200, "{}");
      case BROKEN -> answer(request, 500, "{\"message\":\"the disk is full\"}");
      case SILENT -> {}
    }
  }

  private Future<Boolean> run(JsonObject transaction) {
    List<JsonObject> branches = registered.remove(transaction.getString("gid"));
    return switch (transaction.getString("trans_type")) {
      case "tcc" -> all(members(branches, "confirm"));
      case "xa" -> all(members(branches, "url"));
      case "workflow" -> Future.succeededFuture(branches != null);
      default -> runSteps(transaction);
    };
  }

  private static List<String> members(@Nullable List<JsonObject> branches, String name) {
    return branches == null
        ? List.of()
        : branches.stream().map(branch -> branch.getString(name)).toList();
  }

  private Future<Boolean> runSteps(JsonObject transaction) {
    List<String> actions = new ArrayList<>();
    List<String> compensations = new ArrayList<>();
    for (Object step : transaction.getJsonArray("steps")) {
      actions.add(((JsonObject) step).getString("action"));
      compensations.addFirst(((JsonObject) step).getString("compensate"));
    }
    return all(actions)
        .compose(success -> success ? Future.succeededFuture(true) : undo(compensations));
  }

  private Future<Boolean> undo(List<String> compensations) {
    return all(compensations).map(false);
  }

  /** Calls one after the other until one refuses. */
  private Future<Boolean> all(List<String> urls) {
    return urls.isEmpty()
        ? Future.succeededFuture(true)
        : call(urls.getFirst())
            .compose(
                success ->
                    success ? all(urls.subList(1, urls.size())) : Future.succeededFuture(false));
  }

  private Future<Boolean> call(String url) {
    return http.request(new RequestOptions().setMethod(HttpMethod.POST).setAbsoluteURI(url))
        .compose(request -> request.send(Buffer.buffer("{}")))
        .compose(response -> response.end().map(response.statusCode() == 200));
  }

  private static void answer(HttpServerRequest request, int status, String body) {
    request.response().setStatusCode(status).end(body);
  }
}
