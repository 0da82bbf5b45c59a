package io.dtm4j.server.http;

import io.dtm4j.protocol.BranchRequest;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Reply;
import io.dtm4j.protocol.Step;
import io.dtm4j.protocol.TransactionRequest;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a door does with a request before anybody else sees it. */
public final class Requests {
  /** The longest url of a branch, a usual limit of servers for the line it ends up in. */
  static final int MAX_URL = 8 << 10;

  /** The most characters of {@code branch_headers} in all, a usual limit of servers, too. */
  static final int MAX_HEADERS = 16 << 10;

  private Requests() {}

  /**
   * Line breaks and semicolons are taken out of a gid that comes by HTTP (docs/spec/http-api.md 3).
   */
  static TransactionRequest withCleanGid(TransactionRequest request) {
    return isClean(request.gid()) ? request : request.withGid(clean(request.gid()));
  }

  /** The same for a registration. */
  static BranchRequest withCleanGid(BranchRequest request) {
    return isClean(request.gid()) ? request : request.withGid(clean(request.gid()));
  }

  private static boolean isClean(String gid) {
    return gid.indexOf(';') < 0 && gid.indexOf('\n') < 0 && gid.indexOf('\r') < 0;
  }

  private static String clean(String gid) {
    return gid.replace(";", "").replace("\n", "").replace("\r", "");
  }

  /** Why a registration is refused at the door; null: it is not. */
  public static @Nullable Reply refusal(BranchRequest request, AddressPolicy policy) {
    Reply refusal = refusal("confirm", request.confirm(), policy);
    refusal = refusal == null ? refusal("cancel", request.cancel(), policy) : refusal;
    return refusal == null ? refusal("url", request.url(), policy) : refusal;
  }

  /** Why a request is refused at the door; null: it is not. */
  public static @Nullable Reply refusal(TransactionRequest request, AddressPolicy policy) {
    Reply refusal = refusal(request.options().branchHeaders());
    for (int i = 0; i < request.steps().size() && refusal == null; i++) {
      Step step = request.steps().get(i);
      refusal = refusal("a step", step.action(), policy);
      if (refusal == null) {
        refusal = refusal("a step", step.compensate(), policy);
      }
    }
    return refusal == null ? refusal("query_prepared", request.queryPrepared(), policy) : refusal;
  }

  /** Why a url is refused at the door; null: it is not. */
  public static @Nullable Reply refusal(String what, String url, AddressPolicy policy) {
    if (url.isEmpty()) {
      return null;
    }
    if (url.length() > MAX_URL) {
      return new Reply.Failed(
          ErrorCode.LIMIT_EXCEEDED,
          "url of " + what + " of " + url.length() + " characters (limit: " + MAX_URL + ")");
    }
    if (!policy.allows(url)) {
      return new Reply.Failed(ErrorCode.BAD_REQUEST, "url of " + what + ": may not be called");
    }
    if (Address.isHttp(url)) {
      try {
        Address.of(url, false);
      } catch (IllegalArgumentException e) {
        // Called again and again, it would never be answered.
        return new Reply.Failed(ErrorCode.BAD_REQUEST, what + ": " + e.getMessage());
      }
    }
    return null;
  }

  private static @Nullable Reply refusal(Map<String, String> headers) {
    if (headers.isEmpty()) {
      return null;
    }
    int size = 0;
    for (Map.Entry<String, String> header : headers.entrySet()) {
      size += header.getKey().length() + header.getValue().length();
    }
    if (size > MAX_HEADERS) {
      return new Reply.Failed(
          ErrorCode.LIMIT_EXCEEDED,
          "branch_headers of " + size + " characters (limit: " + MAX_HEADERS + ")");
    }
    return BranchHeaders.areLegal(headers)
        ? null
        : new Reply.Failed(
            ErrorCode.BAD_REQUEST, "branch_headers: a name or value that no HTTP header can have");
  }
}
