package io.dtm4j.bench;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.InvalidProtocolBufferException;
import io.dtm4j.stubs.DtmRequest;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.json.JsonArray;
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
  private final HttpClient http2 =
      vertx.createHttpClient(
          new HttpClientOptions()
              .setProtocolVersion(HttpVersion.HTTP_2)
              .setHttp2ClearTextUpgrade(false));
  private final HttpServer server;
  private final Manner manner;

  // Both on one loop:
  private final Map<String, List<JsonObject>> registered = new HashMap<>(); // by prepared gid
  private final List<JsonObject> first = new ArrayList<>(); // requests of one gid
  private @Nullable DtmRequest firstOverGrpc; // null: none yet

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

  /** Where it takes gRPC. */
  String grpcAddress() {
    return "127.0.0.1:" + server.actualPort();
  }

  /** The bodies of the first transaction's requests, each with its operation under {@code path}. */
  List<JsonObject> requestsOfFirst() {
    return List.copyOf(first);
  }

  /** The message of the first transaction that was submitted over gRPC. */
  DtmRequest firstOverGrpc() {
    return requireNonNull(firstOverGrpc);
  }

  @Override
  public void close() {
    vertx.close().await();
  }

  private void arrived(HttpServerRequest request) {
    request.bodyHandler(
        body -> {
          if (request.version() == HttpVersion.HTTP_2) {
            arrivedOverGrpc(request, body);
            return;
          }
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

  private void arrivedOverGrpc(HttpServerRequest request, Buffer framed) {
    if ("/dtmgimp.Dtm/NewGid".equals(request.path())) {
      answerOverGrpc(request, 0, "");
      return;
    }
    DtmRequest submitted;
    try {
      submitted = DtmRequest.parseFrom(framed.getBytes(GrpcCalls.PREFIX_BYTES, framed.length()));
    } catch (InvalidProtocolBufferException e) {
      answerOverGrpc(request, 13, e.toString());
      return;
    }
    if (firstOverGrpc == null) {
      firstOverGrpc = submitted;
    }
    switch (manner) {
      case HONEST -> {
        Future<Void> calls = Future.succeededFuture();
        for (Object step : new JsonArray(submitted.getSteps())) {
          String action = ((JsonObject) step).getString("action");
          calls = calls.compose(_ -> callOverGrpc(action));
        }
        calls.onComplete(
            (_, failure) ->
                answerOverGrpc(request, failure == null ? 0 : 10, String.valueOf(failure)));
      }
      case HASTY -> answerOverGrpc(request, 0, "");
      case BROKEN -> answerOverGrpc(request, 13, "the disk is full");
      case SILENT -> {}
    }
  }

  private Future<Void> callOverGrpc(String address) {
    return http2
        .request(
            new RequestOptions().setMethod(HttpMethod.POST).setAbsoluteURI("http://" + address))
        .compose(request -> request.send(GrpcCalls.EMPTY))
        .compose(
            response ->
                response.end().map(_ -> requireNonNull(response.getTrailer(GrpcCalls.STATUS))))
        .compose(
            status ->
                status.equals(GrpcCalls.OK)
                    ? Future.succeededFuture()
                    : Future.failedFuture(status));
  }

  /** Like the servers: a refusal is a status without a message, among the headers. */
  private static void answerOverGrpc(HttpServerRequest request, int status, String text) {
    HttpServerResponse response =
        request.response().putHeader(HttpHeaders.CONTENT_TYPE, GrpcCalls.CONTENT_TYPE);
    if (status == 0) {
      response.putTrailer(GrpcCalls.STATUS, GrpcCalls.OK).end(GrpcCalls.EMPTY);
    } else {
      response
          .putHeader(GrpcCalls.STATUS, Integer.toString(status))
          .putHeader("grpc-message", text)
          .end();
    }
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
