package io.dtm4j.server.demo;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;

/**
 * What an application does: it submits transactions and asks how they stand. Blocking, thread-safe.
 */
final class Client {
  private static final Duration TIMEOUT = Duration.ofSeconds(10);
  private static final ObjectMapper JSON = new ObjectMapper();

  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final String api;

  /**
   * @param server such as {@code http://127.0.0.1:36789}
   */
  Client(String server) {
    api = server + "/api/dtmsvr/";
  }

  /** A saga that moves money from one bank to the other. */
  ObjectNode transfer(String gid, Bank from, Bank to, long amount) {
    ObjectNode saga = JSON.createObjectNode().put("gid", gid).put("trans_type", "saga");
    for (String url : new String[] {from.url() + "/withdraw", to.url() + "/deposit"}) {
      saga.withArray("steps").addObject().put("action", url).put("compensate", url + "/undo");
      saga.withArray("payloads").add("{\"amount\":" + amount + "}");
    }
    return saga;
  }

  /** A message by which a bank gets money. */
  ObjectNode gift(String gid, Bank to, long amount) {
    ObjectNode message = JSON.createObjectNode().put("gid", gid).put("trans_type", "msg");
    message.withArray("steps").addObject().put("action", to.url() + "/deposit");
    message.withArray("payloads").add("{\"amount\":" + amount + "}");
    // Asked only when the message stays prepared for long, which here it never does.
    return message.put("query_prepared", to.url() + "/deposit");
  }

  /** The status code of the answer. */
  int post(String operation, ObjectNode transaction) {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(api + operation))
            .timeout(TIMEOUT)
            .POST(BodyPublishers.ofString(transaction.toString()))
            .build();
    return send(request).statusCode();
  }

  String queryUrl(String gid) {
    return api + "query?gid=" + gid;
  }

  /** {@code transaction} and {@code branches} as they are stored. */
  JsonNode query(String gid) {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(queryUrl(gid))).timeout(TIMEOUT).GET().build();
    try {
      return JSON.readTree(send(request).body());
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  private HttpResponse<String> send(HttpRequest request) {
    try {
      return http.send(request, BodyHandlers.ofString());
    } catch (IOException e) {
      throw new UncheckedIOException(request.uri() + " gave no answer", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }
}
