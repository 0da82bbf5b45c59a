package io.dtm4j.protocol;

/**
 * Why a request was not simply accepted: {@code code} beside the members of the wire.
 * docs/errors.md says for each what to do next. No name contains FAILURE or ONGOING, because
 * participants pass our bodies on and those words decide there (docs/spec/branch-calls.md 3.1).
 */
public enum ErrorCode {
  /** The body is no JSON, or a known member has the wrong type. */
  BAD_JSON,
  /** A value is missing, out of range or contradicts another one. */
  BAD_REQUEST,
  /** Something exceeds a documented limit; the text names it. */
  LIMIT_EXCEEDED,
  /** The transaction type does not exist. */
  UNKNOWN_TRANS_TYPE,
  /** A step names a topic that has no subscribers. */
  TOPIC_NOT_FOUND,
  /** No transaction has this gid. */
  GID_NOT_FOUND,
  /** The status of the transaction does not allow this. */
  STATUS_CONFLICT,
  /**
   * The workflow has been decided the other way by another run of it: whoever is told this stops
   * and undoes nothing.
   */
  WORKFLOW_DECIDED,
  /** A branch with this id and op is registered with other content; the first one stays. */
  BRANCH_EXISTS,
  /** With {@code wait_result}: the transaction is rolled back or rolling back. */
  ROLLED_BACK,
  /** With {@code wait_result}: not finished when the wait ended; it goes on by itself. */
  NOT_FINISHED,
  /** With {@code wait_result}: a branch refused an operation that may not fail; it is retried. */
  BRANCH_REFUSED,
  /** With {@code wait_result}: a branch gave no definite answer; it is retried. */
  BRANCH_UNREACHABLE,
  /** The server has too much open work; nothing was stored, try again later. */
  OVERLOADED,
  /** The server is stopping; nothing was stored, another server or a later try will do. */
  STOPPING,
  /** The store does not take writes at the moment; nothing was stored, try again later. */
  STORE_UNAVAILABLE,
  /**
   * The write was handed to the store and its outcome is not known: repeat the request or query.
   */
  OUTCOME_UNKNOWN,
  /** Lost against other requests for the same gid several times: repeat the request. */
  CONTENDED,
  /** A defect of the server; its log has the cause. */
  INTERNAL
}
