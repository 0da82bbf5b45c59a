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

/**
 * What a load generator sees of a DTM server, in memory: it calls the branches of sagas, messages
 * and TCCs one after the other, compensates, and answers.
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
  private final Map<String, List<String>> confirms = new HashMap<>(); // by gid, on one loop

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

  @Override
  public void close() {
    vertx.close().await();
  }

  private void arrived(HttpServerRequest request) {
    request.bodyHandler(
        body -> {
          switch (request.uri()) {
            case "/api/dtmsvr/newGid" -> answer(request, 200, "{\"gid\":\"any\"}");
            case "/api/dtmsvr/prepare" -> answer(request, 200, "{}");
            case "/api/dtmsvr/registerBranch" -> register(request, body.toJsonObject());
            case "/api/dtmsvr/submit" -> submit(request, body.toJsonObject());
            default -> answer(request, 404, "404 page not found");
          }
        });
  }

  private void register(HttpServerRequest request, JsonObject branch) {
    confirms
        .computeIfAbsent(branch.getString("gid"), _ -> new ArrayList<>())
        .add(branch.getString("confirm"));
    answer(request, 200, "{}");
  }

  private void submit(HttpServerRequest request, JsonObject transaction) {
    switch (manner) {
      case HONEST -> {
        Future<Boolean> succeeds = run(transaction);
        if (transaction.getBoolean("wait_result")) {
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
    if ("tcc".equals(transaction.getString("trans_type"))) {
      return all(confirms.getOrDefault(transaction.getString("gid"), List.of()));
    }
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
