package io.dtm4j.crash;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The server as a client sees it, crashes included. Thread-safe; blocks. */
final class Api {
  /** What a client knows after a request. */
  enum Known {
    /** 200. */
    ACCEPTED,
    /** Stored, and rolled back or rolling back. */
    ROLLED_BACK,
    /** Stored, and not finished when the wait ended. */
    NOT_FINISHED,
    /** The answer promises that nothing was stored. */
    NOT_STORED,
    /** An answer that leaves it open, such as OUTCOME_UNKNOWN. */
    NOT_KNOWN,
    /** There was a connection, and no answer. */
    NO_ANSWER,
    /** There was no connection. */
    NEVER_SENT
  }

  /**
   * The end of a request.
   *
   * @param operation what was asked for
   * @param detail what was answered
   * @param body empty when there was no answer
   */
  record Answer(String operation, Known known, String detail, JsonNode body) {
    @Override
    public String toString() {
      return operation + " " + known + " " + detail;
    }
  }

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration TIMEOUT = Duration.ofSeconds(15);
  private static final Set<String> NOTHING_STORED_CODES =
      Set.of("OVERLOADED", "STOPPING", "STORE_UNAVAILABLE");
  private static final Set<Known> DEFINITE =
      Set.of(Known.ACCEPTED, Known.ROLLED_BACK, Known.NOT_FINISHED);
  private static final int MOST_TRIES = 12;
  private static final Duration BETWEEN_TRIES = Duration.ofMillis(200);
  private static final int OK = 200;
  private static final int CONFLICT = 409;

  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(2))
          .build();
  private final String server;

  Api(String server) {
    this.server = server;
  }

  boolean ping() {
    try {
      return send(HttpRequest.newBuilder(URI.create(server + "/api/ping")).build()).statusCode()
          == OK;
    } catch (IOException _) {
      return false;
    }
  }

  /** What it says of itself: that it is ready, or why no requests should be sent to it. */
  String readiness() {
    return text("/api/ready");
  }

  /** One of its metrics, by its name with its labels, as Prometheus reads it. */
  double metric(String name) {
    Matcher found =
        Pattern.compile("(?m)^" + Pattern.quote(name) + " (\\S+)$").matcher(text("/api/metrics"));
    if (!found.find()) {
      throw new AssertionError("no metric " + name);
    }
    return Double.parseDouble(requireNonNull(found.group(1)));
  }

  private String text(String path) {
    try {
      return send(HttpRequest.newBuilder(URI.create(server + path)).build()).body();
    } catch (IOException e) {
      return e.toString();
    }
  }

  Answer post(String operation, ObjectNode transaction) {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(server + "/api/dtmsvr/" + operation))
            .timeout(TIMEOUT)
            .POST(BodyPublishers.ofString(transaction.toString()))
            .build();
    try {
      HttpResponse<String> response = send(request);
      JsonNode body = JSON.readTree(response.body());
      return new Answer(
          operation, read(response, body), response.statusCode() + " " + response.body(), body);
    } catch (ConnectException e) {
      return new Answer(operation, Known.NEVER_SENT, e.toString(), MissingNode.getInstance());
    } catch (IOException e) {
      return new Answer(operation, Known.NO_ANSWER, e.toString(), MissingNode.getInstance());
    }
  }

  /**
   * Repeats a request while its outcome is open, for about as long as a server needs to come back.
   *
   * @param answers gets all of them
   * @return the last one
   */
  Answer insist(String operation, ObjectNode transaction, List<Answer> answers) {
    for (int tries = 1; ; tries++) {
      Answer answer = post(operation, transaction);
      answers.add(answer);
      if (DEFINITE.contains(answer.known()) || tries == MOST_TRIES) {
        return answer;
      }
      Await.pass(BETWEEN_TRIES);
    }
  }

  /** Makes a url receive what is sent to a topic. */
  void subscribe(String topic, String url) {
    get("subscribe?topic=" + topic + "&url=" + URLEncoder.encode(url, UTF_8));
  }

  private static Known read(HttpResponse<String> response, JsonNode body) {
    String code = body.path("code").asText("");
    if (response.statusCode() == OK) {
      return Known.ACCEPTED;
    }
    if (NOTHING_STORED_CODES.contains(code)) {
      return Known.NOT_STORED;
    }
    if (response.statusCode() == CONFLICT && code.equals("ROLLED_BACK")) {
      return Known.ROLLED_BACK;
    }
    return response.statusCode() == CONFLICT ? Known.NOT_FINISHED : Known.NOT_KNOWN;
  }

  /** {@code transaction} and {@code branches}; {@code transaction} is null for an unknown gid. */
  JsonNode query(String gid) {
    return get("query?gid=" + gid);
  }

  /** As {@link #status}, also where {@link #query} would answer more than it may. */
  String listedStatus(String gid) {
    return get("all?gid=" + gid).path("transactions").path(0).path("status").asText("");
  }

  private JsonNode get(String path) {
    try {
      HttpResponse<String> response =
          send(
              HttpRequest.newBuilder(URI.create(server + "/api/dtmsvr/" + path))
                  .timeout(TIMEOUT)
                  .build());
      if (response.statusCode() != OK) {
        throw new AssertionError(path + ": " + response.body());
      }
      return JSON.readTree(response.body());
    } catch (IOException e) {
      throw new AssertionError(path, e);
    }
  }

  /** The status, or "" for an unknown gid. */
  String status(String gid) {
    return query(gid).path("transaction").path("status").asText("");
  }

  private HttpResponse<String> send(HttpRequest request) throws IOException {
    try {
      return http.send(request, BodyHandlers.ofString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }
}
