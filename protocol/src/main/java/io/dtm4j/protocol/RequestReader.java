package io.dtm4j.protocol;

import static io.dtm4j.protocol.JsonBody.bad;
import static io.dtm4j.protocol.JsonBody.object;
import static io.dtm4j.protocol.JsonBody.text;
import static io.dtm4j.protocol.JsonBody.wellFormed;
import static io.dtm4j.protocol.JsonBody.wrong;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Reads the transaction body of prepare, submit, abort and the other operations, and that of
 * registerBranch (docs/spec/http-api.md 1, 3, 4.7 and 8), token by token: a body is either a whole
 * request or an {@link UnreadableRequestException}.
 *
 * <p>Members that are not known are skipped, null counts as absent, of duplicates the last one
 * counts, and a name is also understood in another letter case. Nothing is coerced: a number is no
 * text and {@code 5.0} no whole number.
 */
public final class RequestReader {
  /** The most steps that are read; a transaction may have fewer. */
  public static final int MAX_STEPS = 10_000;

  /** The most entries of {@code branch_headers} and {@code req_extra} that are read. */
  public static final int MAX_ENTRIES = 1_000;

  private static final Set<String> BRANCH_MEMBERS =
      Set.of("gid", "trans_type", "branch_id", "data", "confirm", "cancel", "url", "op", "status");

  private static final String HTTP = "http";

  private final JsonParser json;
  private String gid = "";
  private String transType = "";
  private List<Step> steps = List.of();
  private List<Payload> payloads = List.of();
  private String queryPrepared = "";
  private String protocol = HTTP;
  private String customData = "";
  private boolean waitResult;
  private long timeoutToFail;
  private long requestTimeout;
  private long retryInterval;
  private Map<String, String> branchHeaders = Map.of();
  private boolean concurrent;
  private long retryLimit;
  private String rollbackReason = "";
  private Map<String, String> reqExtra = Map.of();

  private RequestReader(JsonParser json) {
    this.json = json;
  }

  /**
   * The request in a body.
   *
   * @param body not kept
   */
  public static TransactionRequest read(byte[] body) throws UnreadableRequestException {
    return read(body, 0, body.length);
  }

  /** The request in a part of an array. */
  public static TransactionRequest read(byte[] body, int offset, int length)
      throws UnreadableRequestException {
    return JsonBody.read(body, offset, length, json -> new RequestReader(json).request());
  }

  /**
   * The registration in a part of an array: a flat object of texts (docs/spec/http-api.md 1.3).
   * Members that mean nothing may be anything.
   *
   * @param body not kept
   */
  public static BranchRequest readBranch(byte[] body, int offset, int length)
      throws UnreadableRequestException {
    return JsonBody.read(body, offset, length, json -> new RequestReader(json).branch());
  }

  /**
   * The steps in a text of their own, as gRPC has them (docs/spec/grpc-api.md 2).
   *
   * @param text "" and {@code null}: there are none
   */
  public static List<Step> readSteps(String text) throws UnreadableRequestException {
    if (text.isEmpty()) {
      return List.of();
    }
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return JsonBody.read(
        "steps", bytes, 0, bytes.length, json -> new RequestReader(json).onlySteps());
  }

  /**
   * Refuses maps of too many entries.
   *
   * @param name of the map
   */
  public static void checkEntries(String name, int entries) throws UnreadableRequestException {
    if (entries > MAX_ENTRIES) {
      throw new UnreadableRequestException(
          ErrorCode.LIMIT_EXCEEDED, name + ": more than " + MAX_ENTRIES + " entries");
    }
  }

  private BranchRequest branch() throws IOException, UnreadableRequestException {
    Map<String, String> texts = new HashMap<>();
    object(
        json,
        (name, value) -> {
          if (BRANCH_MEMBERS.contains(name)) {
            texts.put(name, text(json, name, value, ""));
          } else {
            json.skipChildren();
          }
        });
    return new BranchRequest(
        texts.getOrDefault("gid", ""),
        texts.getOrDefault("trans_type", ""),
        texts.getOrDefault("branch_id", ""),
        Payload.of(texts.getOrDefault("data", "")),
        texts.getOrDefault("confirm", ""),
        texts.getOrDefault("cancel", ""),
        texts.getOrDefault("url", ""),
        texts.getOrDefault("op", ""),
        texts.getOrDefault("status", ""));
  }

  private TransactionRequest request() throws IOException, UnreadableRequestException {
    object(json, this::member);
    return new TransactionRequest(
        gid,
        transType,
        steps,
        payloadsOfAll(),
        queryPrepared,
        protocol.isEmpty() ? HTTP : protocol,
        customData,
        options(),
        rollbackReason,
        reqExtra,
        null); // it stands in the head of a request
  }

  private Options options() {
    return new Options(
        waitResult,
        timeoutToFail,
        requestTimeout,
        retryInterval,
        branchHeaders,
        concurrent,
        retryLimit);
  }

  private void member(String name, JsonToken value) throws IOException, UnreadableRequestException {
    switch (name) {
      case "gid" -> gid = text(json, name, value, gid);
      case "trans_type" -> transType = text(json, name, value, transType);
      case "steps" -> steps = steps(value);
      case "payloads" -> payloads = payloads(value);
      case "query_prepared" -> queryPrepared = text(json, name, value, queryPrepared);
      case "protocol" -> protocol = text(json, name, value, protocol);
      case "custom_data" -> customData = text(json, name, value, customData);
      case "wait_result" -> waitResult = bool(name, value, waitResult);
      case "timeout_to_fail" -> timeoutToFail = whole(name, value, timeoutToFail);
      case "request_timeout" -> requestTimeout = whole(name, value, requestTimeout);
      case "retry_interval" -> retryInterval = whole(name, value, retryInterval);
      case "branch_headers" -> branchHeaders = texts(name, value, branchHeaders);
      case "concurrent" -> concurrent = bool(name, value, concurrent);
      case "retry_limit" -> retryLimit = whole(name, value, retryLimit);
      case "rollback_reason" -> rollbackReason = text(json, name, value, rollbackReason);
      case "req_extra" -> reqExtra = texts(name, value, reqExtra);
      // Known to the wire, so their type is looked at; what they say is the server's to decide.
      case "status" -> text(json, name, value, "");
      case "retry_count" -> whole(name, value, 0);
      default -> {
        String lowerCase = name.toLowerCase(Locale.ROOT);
        if (lowerCase.equals(name)) {
          json.skipChildren();
        } else {
          member(lowerCase, value);
        }
      }
    }
  }

  private List<Step> onlySteps() throws IOException, UnreadableRequestException {
    JsonToken first = json.nextToken();
    if (first == null) {
      throw wrong("steps", null, "an array of objects");
    }
    List<Step> read = steps(first);
    if (json.nextToken() != null) {
      throw bad("steps go on behind their array");
    }
    return read;
  }

  private List<Step> steps(JsonToken value) throws IOException, UnreadableRequestException {
    if (value == JsonToken.VALUE_NULL) {
      return steps;
    }
    if (value != JsonToken.START_ARRAY) {
      throw wrong("steps", value, "an array of objects");
    }
    List<Step> read = new ArrayList<>();
    for (JsonToken step = json.nextToken(); step != JsonToken.END_ARRAY; step = json.nextToken()) {
      if (read.size() == MAX_STEPS) {
        throw new UnreadableRequestException(
            ErrorCode.LIMIT_EXCEEDED, "more than " + MAX_STEPS + " steps");
      }
      read.add(step(step));
    }
    return read;
  }

  /** A step is a map of texts: other members than the three are texts, too, and mean nothing. */
  private Step step(JsonToken value) throws IOException, UnreadableRequestException {
    String action = "";
    String compensate = "";
    String data = "";
    if (value != JsonToken.VALUE_NULL) {
      if (value != JsonToken.START_OBJECT) {
        throw wrong("an element of steps", value, "an object");
      }
      for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
        JsonToken member = json.nextToken();
        switch (name) {
          case "action" -> action = text(json, "action of a step", member, "");
          case "compensate" -> compensate = text(json, "compensate of a step", member, "");
          case "data" -> data = text(json, "data of a step", member, "");
          default -> text(json, "a member of a step", member, "");
        }
      }
    }
    return new Step(action, compensate, data);
  }

  private List<Payload> payloads(JsonToken value) throws IOException, UnreadableRequestException {
    if (value == JsonToken.VALUE_NULL) {
      return payloads;
    }
    if (value != JsonToken.START_ARRAY) {
      throw wrong("payloads", value, "an array of strings");
    }
    List<Payload> read = new ArrayList<>();
    for (JsonToken item = json.nextToken(); item != JsonToken.END_ARRAY; item = json.nextToken()) {
      Payload payload = Payload.of(text(json, "an element of payloads", item, ""));
      // Entries beyond the last step mean nothing, and there are never more steps than that.
      if (read.size() < MAX_STEPS) {
        read.add(payload);
      }
    }
    return read;
  }

  /** Payloads inside the steps stand behind those of the list (docs/spec/http-api.md 8). */
  private List<Payload> payloadsOfAll() {
    List<Payload> all = null;
    for (Step step : steps) {
      if (!step.data().isEmpty()) {
        if (all == null) {
          all = new ArrayList<>(payloads);
        }
        all.add(Payload.of(step.data()));
      }
    }
    return all == null ? payloads : all;
  }

  private boolean bool(String name, JsonToken value, boolean absent)
      throws UnreadableRequestException {
    return switch (value) {
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      case VALUE_NULL -> absent;
      default -> throw wrong(name, value, "true or false");
    };
  }

  private long whole(String name, JsonToken value, long absent)
      throws IOException, UnreadableRequestException {
    if (value == JsonToken.VALUE_NULL) {
      return absent;
    }
    if (value != JsonToken.VALUE_NUMBER_INT) {
      throw wrong(name, value, "a whole number");
    }
    if (json.getNumberType() == JsonParser.NumberType.BIG_INTEGER) {
      throw bad(name + ": a number of more than 64 bits (expected: a whole number)");
    }
    return json.getLongValue();
  }

  private Map<String, String> texts(String name, JsonToken value, Map<String, String> absent)
      throws IOException, UnreadableRequestException {
    if (value == JsonToken.VALUE_NULL) {
      return absent;
    }
    if (value != JsonToken.START_OBJECT) {
      throw wrong(name, value, "an object of strings");
    }
    Map<String, String> read = new HashMap<>();
    for (String key = json.nextFieldName(); key != null; key = json.nextFieldName()) {
      read.put(wellFormed(key), text(json, "a value in " + name, json.nextToken(), ""));
      checkEntries(name, read.size());
    }
    return read;
  }
}
