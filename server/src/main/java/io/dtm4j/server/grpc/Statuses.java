package io.dtm4j.server.grpc;

import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.HttpAnswers;
import io.dtm4j.protocol.Reply;
import io.grpc.Metadata;
import io.grpc.Status;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** How a call ends: docs/spec/grpc-api.md 4, the one place. */
final class Statuses {
  /** The trailer with the {@link ErrorCode}. */
  static final Metadata.Key<String> ERROR_CODE =
      Metadata.Key.of("dtm-error-code", Metadata.ASCII_STRING_MARSHALLER);

  /** The trailer with the status of the transaction, when {@code WaitResult} led here. */
  static final Metadata.Key<String> TRANSACTION_STATUS =
      Metadata.Key.of("dtm-status", Metadata.ASCII_STRING_MARSHALLER);

  /**
   * The most bytes of a message as it is sent, where one that is no plain ASCII takes three: many
   * clients take no more than 8 KiB of headers.
   */
  static final int MAX_MESSAGE = 4 << 10;

  private static final int ESCAPED = 3;

  private Statuses() {}

  /** A status with what goes along. */
  record Ending(Status status, Metadata trailers) {}

  static Ending of(Reply reply) {
    return switch (reply) {
      case Reply.Success _ -> new Ending(Status.OK, new Metadata());
      case Reply.Refused refused -> refused(refused);
      case Reply.Unfinished unfinished ->
          ending(
              Status.FAILED_PRECONDITION,
              HttpAnswers.endingInOngoing(
                  shortened(HttpAnswers.withoutFailure(unfinished.message()))),
              unfinished.code(),
              unfinished.status());
      case Reply.Failed(ErrorCode code, String message) ->
          ending(statusOf(code), shortened(HttpAnswers.harmless(message)), code, null);
    };
  }

  /** The same as the library says of a message that is not compressed, with a code. */
  static Ending messageTooLong(int limit) {
    return ending(
        Status.RESOURCE_EXHAUSTED,
        "the message exceeds maximum size " + limit + " when it is decompressed",
        ErrorCode.LIMIT_EXCEEDED,
        null);
  }

  private static Ending refused(Reply.Refused refused) {
    String message = shortened(HttpAnswers.harmless(refused.message()));
    // Told ABORTED, clients would undo what another run of the workflow has done.
    return refused.code() == ErrorCode.WORKFLOW_DECIDED
        ? ending(
            Status.FAILED_PRECONDITION,
            HttpAnswers.endingInOngoing(message),
            refused.code(),
            refused.status())
        : ending(
            Status.ABORTED, HttpAnswers.endingInFailure(message), refused.code(), refused.status());
  }

  private static Ending ending(
      Status status, String message, ErrorCode code, @Nullable GlobalStatus transaction) {
    var trailers = new Metadata();
    trailers.put(ERROR_CODE, code.name());
    if (transaction != null) {
      trailers.put(TRANSACTION_STATUS, transaction.wireName());
    }
    return new Ending(status.withDescription(message), trailers);
  }

  private static Status statusOf(ErrorCode code) {
    return switch (code) {
      case BAD_JSON, BAD_REQUEST, LIMIT_EXCEEDED, UNKNOWN_TRANS_TYPE -> Status.INVALID_ARGUMENT;
      case GID_NOT_FOUND, TOPIC_NOT_FOUND -> Status.NOT_FOUND;
      case OVERLOADED -> Status.RESOURCE_EXHAUSTED;
      case STOPPING, STORE_UNAVAILABLE -> Status.UNAVAILABLE;
      case INTERNAL -> Status.INTERNAL;
      // As the reference answers them; what went wrong is in the code.
      case STATUS_CONFLICT,
          WORKFLOW_DECIDED,
          BRANCH_EXISTS,
          ROLLED_BACK,
          NOT_FINISHED,
          BRANCH_REFUSED,
          BRANCH_UNREACHABLE,
          OUTCOME_UNKNOWN,
          CONTENDED ->
          Status.UNKNOWN;
    };
  }

  /** As much of a text as may be sent, whole characters only. */
  static String shortened(String text) {
    int size = 0;
    for (int i = 0; i < text.length(); ) {
      int character = text.codePointAt(i);
      size += sizeOf(character);
      if (size > MAX_MESSAGE) {
        return text.substring(0, i);
      }
      i += Character.charCount(character);
    }
    return text;
  }

  /** In bytes, as gRPC writes it: percent-encoded. */
  private static int sizeOf(int character) {
    if (character >= ' ' && character <= '~' && character != '%') {
      return 1;
    }
    return ESCAPED * Character.toString(character).getBytes(StandardCharsets.UTF_8).length;
  }
}
