package io.dtm4j.server.http;

import com.fasterxml.jackson.core.JsonGenerator;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.HttpAnswers;
import io.dtm4j.protocol.JsonRpcCalls;
import io.dtm4j.protocol.JsonRpcRequest;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.UnreadableRequestException;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * What is sent back to a client that speaks JSON-RPC: docs/spec/http-api.md 6, the one place. An
 * answer has four members, whatever happened; our own code is in the error's {@code data}.
 */
final class RpcAnswer {
  private static final int PARSE_ERROR = -32_700;
  private static final int INVALID_REQUEST = -32_600;
  private static final int METHOD_NOT_FOUND = -32_601;
  private static final int INTERNAL_ERROR = -32_603;

  private static final int OK = 200;
  private static final int BAD_REQUEST = 400;

  private RpcAnswer() {}

  static Answer newGid(JsonRpcRequest request, Gid gid) {
    return Answer.of(body(request.id(), null, "{\"gid\":\"" + gid + "\"}"));
  }

  static Answer of(JsonRpcRequest request, Reply reply) {
    RpcError error =
        switch (reply) {
          case Reply.Success _ -> null;
          case Reply.Refused refused ->
              new RpcError(
                  JsonRpcCalls.FAILURE,
                  HttpAnswers.endingInFailure(HttpAnswers.withoutOngoing(refused.message())),
                  refused.code(),
                  refused.status());
          // Not -32902: the clients there are know only one code beside -32901.
          case Reply.Unfinished unfinished ->
              new RpcError(
                  INTERNAL_ERROR,
                  HttpAnswers.endingInOngoing(HttpAnswers.withoutFailure(unfinished.message())),
                  unfinished.code(),
                  unfinished.status());
          case Reply.Failed(ErrorCode code, String message) ->
              new RpcError(INTERNAL_ERROR, HttpAnswers.harmless(message), code, null);
        };
    return error == null
        ? Answer.of(body(request.id(), null, "null"))
        : failed(request.id(), OK, error);
  }

  /** The only one that is not 200. */
  static Answer unreadable(UnreadableRequestException why) {
    String message = HttpAnswers.harmless(String.valueOf(why.getMessage()));
    var error = new RpcError(PARSE_ERROR, message, why.code(), null);
    return failed(JsonRpcRequest.NO_ID, BAD_REQUEST, error);
  }

  static Answer invalid(JsonRpcRequest request) {
    return refused(request, INVALID_REQUEST, "no id, or jsonrpc is not \"2.0\"");
  }

  static Answer unknownMethod(JsonRpcRequest request) {
    return refused(
        request,
        METHOD_NOT_FOUND,
        "no such method (expected: newGid, prepare, submit, abort or registerBranch)");
  }

  private static Answer refused(JsonRpcRequest request, int number, String message) {
    return failed(request.id(), OK, new RpcError(number, message, ErrorCode.BAD_REQUEST, null));
  }

  private static Answer failed(String id, int status, RpcError error) {
    return new Answer(status, body(id, error, "null"), true, 0);
  }

  private record RpcError(
      int number, String message, ErrorCode code, @Nullable GlobalStatus status) {}

  private static Buffer body(String id, @Nullable RpcError error, String result) {
    return JsonObject.of(
        json -> {
          json.writeStringField("jsonrpc", "2.0");
          json.writeFieldName("id");
          json.writeRawValue(id);
          json.writeFieldName("error");
          if (error == null) {
            json.writeNull();
          } else {
            write(json, error);
          }
          json.writeFieldName("result");
          json.writeRawValue(result);
        });
  }

  private static void write(JsonGenerator json, RpcError error) throws IOException {
    json.writeStartObject();
    json.writeNumberField("code", error.number());
    json.writeStringField("message", error.message());
    json.writeObjectFieldStart("data");
    json.writeStringField("code", error.code().name());
    if (error.status() != null) {
      json.writeStringField("status", error.status().wireName());
    }
    json.writeEndObject();
    json.writeEndObject();
  }
}
