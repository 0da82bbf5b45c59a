package io.dtm4j.protocol;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The call of a branch that speaks JSON-RPC, and what its answer means: docs/spec/branch-calls.md
 * 4, the one place.
 */
public final class JsonRpcCalls {
  /** The error code by which a branch refuses. */
  public static final int FAILURE = -32_901;

  /** The error code by which a branch says that it is not finished. */
  private static final int ONGOING = -32_902;

  // What services made with dtm-php send instead: docs/spec/sdk-matrix.md 3.6.
  private static final int CONFLICT = 409;
  private static final int TOO_EARLY = 425;

  private JsonRpcCalls() {}

  /**
   * The body of a call: the members of the payload and those of the transaction, which win.
   *
   * @param id of the call, any text
   * @param payload a JSON object in UTF-8; empty or the JSON {@code null}: one without members
   * @param transaction the members that say which branch is called
   * @throws UnreadableRequestException when the payload is something else
   */
  public static byte[] body(
      String id, String method, byte[] payload, Map<String, String> transaction)
      throws UnreadableRequestException {
    var bytes = new ByteArrayOutputStream(payload.length + 256);
    try (JsonGenerator out = JsonBody.JSON.createGenerator(bytes)) {
      out.writeStartObject();
      out.writeStringField("id", id);
      out.writeStringField("jsonrpc", "2.0");
      out.writeStringField("method", method);
      out.writeObjectFieldStart("params");
      for (Map.Entry<String, String> member : membersOf(payload).entrySet()) {
        if (!transaction.containsKey(member.getKey())) {
          out.writeFieldName(member.getKey());
          out.writeRawValue(member.getValue());
        }
      }
      for (Map.Entry<String, String> member : transaction.entrySet()) {
        out.writeStringField(member.getKey(), member.getValue());
      }
      out.writeEndObject();
      out.writeEndObject();
    } catch (IOException e) {
      throw JsonBody.bad("the payload cannot be written as JSON: " + e.getMessage());
    }
    return bytes.toByteArray();
  }

  /** Each value as it is written: a number may have more digits than any type here. */
  private static Map<String, String> membersOf(byte[] payload) throws UnreadableRequestException {
    String text = new String(payload, StandardCharsets.UTF_8).strip();
    if (text.isEmpty() || text.equals("null")) {
      return Map.of();
    }
    Map<String, String> members = new LinkedHashMap<>();
    return JsonBody.read(
        payload,
        0,
        payload.length,
        json -> {
          JsonBody.object(
              json, (name, value) -> members.put(name, JsonBody.textOf(json, payload, 0)));
          return members;
        });
  }

  /**
   * The meaning of an answer: status and words count first, as for HTTP.
   *
   * @param status the HTTP status
   * @param body the whole body as text
   */
  public static BranchAnswer classify(int status, String body) {
    BranchAnswer byHttp = HttpAnswers.classify(status, body);
    if (!(byHttp instanceof BranchAnswer.Success)) {
      return byHttp;
    }
    RpcError error;
    try {
      byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
      error = JsonBody.read(bytes, 0, bytes.length, RpcError::in);
    } catch (UnreadableRequestException e) {
      return new BranchAnswer.Unknown("an answer that is no JSON-RPC: " + body);
    }
    if (!error.exists) {
      return BranchAnswer.Success.INSTANCE;
    }
    String text = error.message.isEmpty() ? body : error.message;
    return switch (error.code) {
      case FAILURE, CONFLICT -> new BranchAnswer.Failure(text);
      case ONGOING, TOO_EARLY -> new BranchAnswer.Ongoing(text);
      default -> new BranchAnswer.Unknown("JSON-RPC error: " + body);
    };
  }

  /** The member {@code error} of an answer. */
  private static final class RpcError {
    boolean exists;
    int code;
    String message = "";

    static RpcError in(JsonParser answer) throws IOException, UnreadableRequestException {
      var error = new RpcError();
      JsonBody.object(
          answer,
          (name, value) -> {
            if (name.equals("error")) {
              error.take(answer, value);
            } else {
              answer.skipChildren();
            }
          });
      return error;
    }

    private void take(JsonParser json, JsonToken value) throws IOException {
      exists = value != JsonToken.VALUE_NULL;
      code = 0;
      message = "";
      if (value != JsonToken.START_OBJECT) {
        json.skipChildren();
        return;
      }
      for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
        JsonToken member = json.nextToken();
        if (name.equals("code") && member.isNumeric()) {
          double number = json.getDoubleValue(); // it may have a fraction: -32901.0
          code = number == (int) number ? (int) number : 0;
        } else if (name.equals("message") && member == JsonToken.VALUE_STRING) {
          message = JsonBody.wellFormed(json.getText());
        } else {
          json.skipChildren();
        }
      }
    }
  }
}
