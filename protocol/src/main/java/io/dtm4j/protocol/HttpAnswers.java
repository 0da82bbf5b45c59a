package io.dtm4j.protocol;

/**
 * The words that decide in answers, and what a branch answered over HTTP: docs/spec/branch-calls.md
 * 3.1, the one place.
 */
public final class HttpAnswers {
  /** The word by which a body refuses, whatever its status. */
  public static final String FAILURE = "FAILURE";

  /** The word by which a body says that it is not finished, whatever its status. */
  public static final String ONGOING = "ONGOING";

  private static final int OK = 200;
  private static final int CONFLICT = 409;
  private static final int TOO_EARLY = 425;

  private HttpAnswers() {}

  /**
   * The meaning of an HTTP answer.
   *
   * @param status the status code
   * @param body the whole body as text, "" when empty
   */
  public static BranchAnswer classify(int status, String body) {
    if (status == TOO_EARLY || body.contains(ONGOING)) {
      return new BranchAnswer.Ongoing(body);
    }
    if (status == CONFLICT || body.contains(FAILURE)) {
      return new BranchAnswer.Failure(body);
    }
    if (status != OK) {
      return new BranchAnswer.Unknown("status " + status + (body.isEmpty() ? "" : ": " + body));
    }
    return BranchAnswer.Success.INSTANCE;
  }

  /** The text with {@code " FAILURE"} at its end, once (docs/spec/http-api.md 1.1). */
  public static String endingInFailure(String text) {
    return endingIn(FAILURE, text);
  }

  /** The text with {@code " ONGOING"} at its end, once; the bare word for an empty text. */
  public static String endingInOngoing(String text) {
    return endingIn(ONGOING, text);
  }

  /**
   * The text without the words that decide in bodies (docs/spec/branch-calls.md 3.1). Participants
   * pass our answers on, and some texts in them come from clients.
   */
  public static String harmless(String text) {
    return withoutFailure(withoutOngoing(text));
  }

  public static String withoutFailure(String text) {
    return text.replace(FAILURE, "failure");
  }

  public static String withoutOngoing(String text) {
    return text.replace(ONGOING, "ongoing");
  }

  private static String endingIn(String word, String text) {
    return text.isEmpty() ? word : text.endsWith(" " + word) ? text : text + " " + word;
  }
}
