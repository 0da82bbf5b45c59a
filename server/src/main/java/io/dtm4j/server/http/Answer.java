package io.dtm4j.server.http;

import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.HttpAnswers;
import io.dtm4j.protocol.Reply;
import io.vertx.core.buffer.Buffer;
import org.jspecify.annotations.Nullable;

/**
 * What is sent back to a client: docs/spec/http-api.md 1.1, the one place.
 *
 * @param status the HTTP status
 * @param body JSON
 * @param isFailure whether it counts as a request that failed
 * @param taken bytes of the door's room for answers that it takes up until it has left
 */
record Answer(int status, Buffer body, boolean isFailure, long taken) {
  static final Answer SUCCESS = of("{\"dtm_result\":\"SUCCESS\"}");
  static final Answer PONG = of("{\"msg\":\"pong\"}");
  static final Answer READY = of("{\"msg\":\"ready\"}");

  private static final int BAD_REQUEST = 400;
  private static final int CONFLICT = 409;
  private static final int TOO_EARLY = 425;
  private static final int INTERNAL_SERVER_ERROR = 500;
  private static final int SERVICE_UNAVAILABLE = 503;

  /** A value. */
  static Answer of(Buffer body) {
    return of(body, 0);
  }

  /** A long one, which takes up room. */
  static Answer of(Buffer body, long taken) {
    return new Answer(200, body, false, taken);
  }

  static Answer of(String json) {
    return of(Buffer.buffer(json));
  }

  static Answer of(Reply reply) {
    return switch (reply) {
      case Reply.Success _ -> SUCCESS;
      case Reply.Refused refused ->
          new Answer(
              CONFLICT,
              body(
                  HttpAnswers.FAILURE,
                  HttpAnswers.endingInFailure(HttpAnswers.withoutOngoing(refused.message())),
                  refused.code(),
                  refused.status()),
              true,
              0);
      case Reply.Unfinished unfinished ->
          new Answer(
              TOO_EARLY,
              body(
                  HttpAnswers.ONGOING,
                  HttpAnswers.endingInOngoing(HttpAnswers.withoutFailure(unfinished.message())),
                  unfinished.code(),
                  unfinished.status()),
              true,
              0);
      case Reply.Failed(ErrorCode code, String message) -> failed(statusOf(code), code, message);
    };
  }

  /** An error with a status of the door's own. */
  static Answer failed(int status, ErrorCode code, String message) {
    return new Answer(status, body(null, HttpAnswers.harmless(message), code, null), true, 0);
  }

  /** Whether to say that a later try will do. */
  boolean retryAfter() {
    return status == SERVICE_UNAVAILABLE;
  }

  private static int statusOf(ErrorCode code) {
    return switch (code) {
      case LIMIT_EXCEEDED -> BAD_REQUEST;
      case OVERLOADED, STOPPING, STORE_UNAVAILABLE -> SERVICE_UNAVAILABLE;
      // As the reference answers all of them; what went wrong is in the code.
      case BAD_JSON,
          BAD_REQUEST,
          UNKNOWN_TRANS_TYPE,
          TOPIC_NOT_FOUND,
          GID_NOT_FOUND,
          STATUS_CONFLICT,
          WORKFLOW_DECIDED,
          BRANCH_EXISTS,
          ROLLED_BACK,
          NOT_FINISHED,
          BRANCH_REFUSED,
          BRANCH_UNREACHABLE,
          OUTCOME_UNKNOWN,
          CONTENDED,
          INTERNAL ->
          INTERNAL_SERVER_ERROR;
    };
  }

  private static Buffer body(
      @Nullable String result, String message, ErrorCode code, @Nullable GlobalStatus status) {
    return JsonObject.of(
        json -> {
          if (result != null) {
            json.writeStringField("dtm_result", result);
          }
          json.writeStringField("message", message);
          json.writeStringField("code", code.name());
          if (status != null) {
            json.writeStringField("status", status.wireName());
          }
        });
  }
}
