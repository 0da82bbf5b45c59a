package io.dtm4j.protocol;

/** Reads what a branch answered over gRPC: docs/spec/grpc-api.md 4, the one place. */
public final class GrpcAnswers {
  private static final int OK = 0;
  private static final int FAILED_PRECONDITION = 9;
  private static final int ABORTED = 10;

  private GrpcAnswers() {}

  /**
   * The meaning of a status.
   *
   * @param code its number
   * @param name its name, for people
   * @param message "" when there is none
   */
  public static BranchAnswer classify(int code, String name, String message) {
    return switch (code) {
      case OK -> BranchAnswer.Success.INSTANCE;
      // The bare word is how SDKs older than 1.10 say that they are not finished.
      case ABORTED ->
          message.equals(HttpAnswers.ONGOING)
              ? new BranchAnswer.Ongoing(message)
              : new BranchAnswer.Failure(HttpAnswers.endingInFailure(message));
      case FAILED_PRECONDITION -> new BranchAnswer.Ongoing(message);
      default -> new BranchAnswer.Unknown(name + (message.isEmpty() ? "" : ": " + message));
    };
  }
}
