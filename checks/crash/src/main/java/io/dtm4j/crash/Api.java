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
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The servers as a client sees them through a load balancer, crashes included: each request goes to
 * the next of them, and on to another one when that takes no connections; one that was asked in
 * vain is spared for a while. Thread-safe; blocks.
 */
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
  private static final Duration SPARED_FOR = Duration.ofSeconds(10);
  private static final int MOST_TRIES = 12;
  private static final Duration BETWEEN_TRIES = Duration.ofMillis(200);
  private static final int OK = 200;
  private static final int CONFLICT = 409;
  private static final int UNAVAILABLE = 503;

  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(2))
          .build();
  private final List<String> servers;
  private final AtomicInteger requests = new AtomicInteger();

  /** By the monotonic clock, until when a server that did not answer gets no requests. */
  private final Map<String, Long> spared = new ConcurrentHashMap<>();

  /** Of one server, or of several that share a store. */
  Api(String... servers) {
    this.servers = List.of(servers);
  }

  boolean ping() {
    try {
      return send("/api/ping", UnaryOperator.identity()).statusCode() == OK;
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
      return send(path, UnaryOperator.identity()).body();
    } catch (IOException e) {
      return e.toString();
    }
  }

  Answer post(String operation, ObjectNode transaction) {
    try {
      HttpResponse<String> response =
          send(
              "/api/dtmsvr/" + operation,
              request ->
                  request.timeout(TIMEOUT).POST(BodyPublishers.ofString(transaction.toString())));
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

  /** Undoes {@link #subscribe}. */
  void unsubscribe(String topic, String url) {
    get("unsubscribe?topic=" + topic + "&url=" + URLEncoder.encode(url, UTF_8));
  }

  /** Makes all due at once that is due later than in that time. */
  void resetCronTime(Duration later) {
    String reset = "resetCronTime?limit=100&timeout=" + later.toSeconds();
    while (get(reset).path("has_remaining").asBoolean()) {
      // the next of them
    }
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

  /** All that are listed by a status; "": by any. */
  List<JsonNode> listed(String status) {
    List<JsonNode> all = new ArrayList<>();
    String position = "";
    do {
      JsonNode page =
          get(
              "all?limit=1000&status="
                  + status
                  + "&position="
                  + URLEncoder.encode(position, UTF_8));
      page.path("transactions").forEach(all::add);
      position = page.path("next_position").asText("");
    } while (!position.isEmpty());
    return all;
  }

  /** Asked again while the store is away: it may just have been restarted. */
  private JsonNode get(String path) {
    try {
      for (int tries = 1; ; tries++) {
        HttpResponse<String> response =
            send("/api/dtmsvr/" + path, request -> request.timeout(TIMEOUT));
        if (response.statusCode() == OK) {
          return JSON.readTree(response.body());
        }
        if (response.statusCode() != UNAVAILABLE || tries == MOST_TRIES) {
          throw new AssertionError(path + ": " + response.body());
        }
        Await.pass(BETWEEN_TRIES);
      }
    } catch (IOException e) {
      throw new AssertionError(path, e);
    }
  }

  /** The status, or "" for an unknown gid. */
  String status(String gid) {
    return query(gid).path("transaction").path("status").asText("");
  }

  private HttpResponse<String> send(String path, UnaryOperator<HttpRequest.Builder> request)
      throws IOException {
    ConnectException refused = new ConnectException("no server");
    for (String server : inTurn()) {
      try {
        return http.send(
            request.apply(HttpRequest.newBuilder(URI.create(server + path))).build(),
            BodyHandlers.ofString());
      } catch (HttpTimeoutException e) {
        spared.put(server, System.nanoTime() + SPARED_FOR.toNanos());
        throw e;
      } catch (ConnectException e) {
        refused = e;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted", e);
      }
    }
    throw refused;
  }

  /** Another one first each time; those that are spared in the end. */
  private List<String> inTurn() {
    List<String> all = new ArrayList<>(servers);
    Collections.rotate(all, requests.getAndIncrement());
    all.sort(Comparator.comparing(this::isSpared));
    return all;
  }

  private boolean isSpared(String server) {
    Long until = spared.get(server);
    return until != null && until - System.nanoTime() > 0;
  }
}
