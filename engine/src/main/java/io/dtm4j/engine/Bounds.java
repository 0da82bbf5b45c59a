package io.dtm4j.engine;

import static io.dtm4j.protocol.PlainText.bytesOf;

import io.dtm4j.model.Branch;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.CustomData;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GrpcAddress;
import io.dtm4j.protocol.PlainText;
import io.dtm4j.protocol.TransType;
import io.dtm4j.protocol.Transport;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What no transaction, branch or topic may be: named like another one, of a kind that nobody could
 * ever call, or too large. Whatever could make it stick for ever is refused here.
 */
public final class Bounds {
  /** The most branch rows a transaction may have. */
  public static final int MAX_BRANCHES = 10_000;

  /** The most bytes of text and payloads a transaction may have in all. */
  public static final int MAX_BYTES = 4 << 20;

  /** What stands between the number of a step and that of a subscriber in a branch id. */
  static final char SUBSCRIBER = '-';

  private Bounds() {}

  /**
   * Refuses names that are too long, and those with broken characters: names that differ in these
   * only would be one.
   *
   * @param limit in characters
   */
  public static void checkName(String what, String name, int limit) throws RefusedException {
    checkLength(what, name, limit);
    checkPlain(what, name);
    if (name.indexOf(PlainText.REPLACEMENT) >= 0) {
      throw new RefusedException(
          ErrorCode.BAD_REQUEST, what + " has characters that are not Unicode (U+FFFD or worse)");
    }
  }

  /** Refuses texts that not every store could keep as they are. */
  public static void checkPlain(String what, String text) throws RefusedException {
    if (!PlainText.isOne(text)) {
      throw new RefusedException(
          ErrorCode.BAD_REQUEST, what + " has a NUL character or half of a surrogate pair");
    }
  }

  /** Refuses texts of a new transaction that not every store could keep as they are. */
  static void checkPlain(Definition definition) throws RefusedException {
    checkPlain("query_prepared", definition.queryPrepared());
    checkPlain("custom_data", definition.customData());
    for (Map.Entry<String, String> header : definition.options().branchHeaders().entrySet()) {
      checkPlain("branch_headers", header.getKey());
      checkPlain("branch_headers", header.getValue());
    }
    if (definition.type() == TransType.WORKFLOW) {
      checkPlain("custom_data: name", CustomData.workflow(definition.customData()).name());
    }
  }

  /** Refuses texts of more characters than that. */
  public static void checkLength(String what, String text, int limit) throws RefusedException {
    if (text.length() > limit) {
      throw new RefusedException(
          ErrorCode.LIMIT_EXCEEDED,
          what + " of " + text.length() + " characters (limit: " + limit + ")");
    }
  }

  /**
   * The gid that a request names.
   *
   * @throws RefusedException when it is missing, too long, or was not Unicode: what stands for
   *     broken characters is the same for all of them, so other gids would become this one
   */
  static Gid gidOf(String gid) throws RefusedException {
    if (gid.isEmpty()) {
      throw new RefusedException(ErrorCode.BAD_REQUEST, "gid is missing");
    }
    checkName("gid", gid, Gid.MAX_LENGTH);
    return new Gid(gid);
  }

  static TransType typeOf(String transType) throws RefusedException {
    TransType type = TransType.of(transType);
    if (type == null) {
      throw new RefusedException(
          ErrorCode.UNKNOWN_TRANS_TYPE,
          "unknown trans_type (expected: saga, tcc, xa, msg or workflow)");
    }
    return type;
  }

  /**
   * A url that no transport understands would be tried for ever, so it is refused at once.
   *
   * @param protocol of the transaction
   */
  static void checkUrl(String what, String url, String protocol) throws RefusedException {
    checkUrl(what, url, protocol, false);
  }

  static void checkUrl(String what, String url, String protocol, boolean byTopics)
      throws RefusedException {
    if (url.isEmpty()) {
      return;
    }
    if (!PlainText.isOne(url)) {
      throw new RefusedException(
          ErrorCode.BAD_REQUEST,
          what + ": url with a NUL character or half of a surrogate pair",
          byTopics);
    }
    switch (Transport.of(protocol, url)) {
      case HTTP -> {
        if (!isHttp(url, "http://") && !isHttp(url, "https://")) {
          throw new RefusedException(
              ErrorCode.BAD_REQUEST,
              what + ": url without http:// or https:// and a host",
              byTopics);
        }
      }
      case GRPC -> {
        try {
          GrpcAddress.of(url);
        } catch (IllegalArgumentException e) {
          throw new RefusedException(ErrorCode.BAD_REQUEST, what + ": " + e.getMessage(), byTopics);
        }
      }
    }
  }

  /**
   * Whether rows that a client registers can be called at all.
   *
   * @throws RefusedException when they cannot
   */
  static void checkCallable(Transaction transaction, List<Branch> rows) throws RefusedException {
    Definition definition = transaction.definition();
    for (Branch row : rows) {
      checkUrl(row.key().op().wireName(), row.url(), definition.protocol());
      if (isGrpc(definition, row.url())) {
        checkMetadata(transaction.gid(), definition);
        checkMetadata("branch_id", row.key().branchId());
      }
    }
  }

  static boolean isGrpc(Definition definition, String url) {
    return !url.isEmpty() && Transport.of(definition.protocol(), url) == Transport.GRPC;
  }

  /** What goes along as metadata of gRPC must be such that it can. */
  static void checkMetadata(Gid gid, Definition definition) throws RefusedException {
    checkMetadata("gid", gid.value());
    for (Map.Entry<String, String> header : definition.options().branchHeaders().entrySet()) {
      if (!GrpcAddress.isMetadataKey(header.getKey())) {
        throw new RefusedException(
            ErrorCode.BAD_REQUEST, "branch_headers: a name that gRPC cannot send");
      }
      checkMetadata("branch_headers", header.getValue());
    }
    if (definition.type() == TransType.WORKFLOW) {
      checkMetadata("custom_data: name", CustomData.workflow(definition.customData()).name());
    }
  }

  static void checkMetadata(String what, String value) throws RefusedException {
    if (!GrpcAddress.isMetadata(value)) {
      throw new RefusedException(
          ErrorCode.BAD_REQUEST, what + " has characters that gRPC cannot send (expected: ASCII)");
    }
  }

  private static boolean isHttp(String url, String scheme) {
    return url.regionMatches(true, 0, scheme, 0, scheme.length())
        && url.length() > scheme.length()
        && "/?#:".indexOf(url.charAt(scheme.length())) < 0;
  }

  static void checkCount(long branches, boolean byTopics) throws RefusedException {
    if (branches > MAX_BRANCHES) {
      throw new RefusedException(
          ErrorCode.LIMIT_EXCEEDED, branches + " branches (limit: " + MAX_BRANCHES + ")", byTopics);
    }
  }

  static void checkSize(Definition definition, List<Branch> branches, boolean byTopics)
      throws RefusedException {
    checkBytes(sizeOf(definition, branches), byTopics);
  }

  private static void checkBytes(long bytes, boolean byTopics) throws RefusedException {
    if (bytes > MAX_BYTES) {
      throw new RefusedException(
          ErrorCode.LIMIT_EXCEEDED,
          "transaction of " + bytes + " bytes (limit: " + MAX_BYTES + ")",
          byTopics);
    }
  }

  /**
   * Whether rows still fit.
   *
   * @throws RefusedException when they do not
   */
  static void checkGrowth(Transaction transaction, List<Branch> more) throws RefusedException {
    List<Branch> all = new ArrayList<>(transaction.branches());
    for (Branch branch : more) {
      if (transaction.branches().stream().noneMatch(one -> one.key().equals(branch.key()))) {
        all.add(branch);
      }
    }
    if (all.size() > transaction.branches().size()) {
      checkCount(all.size(), false);
      checkSize(transaction.definition(), all, false);
    }
  }

  /**
   * Whether a text still fits.
   *
   * @throws RefusedException when it does not
   */
  static void checkGrowth(Transaction transaction, String what, String more)
      throws RefusedException {
    checkPlain(what, more);
    checkBytes(sizeOf(transaction.definition(), transaction.branches()) + bytesOf(more), false);
  }

  /** The texts, and the payload of each step once. */
  private static long sizeOf(Definition definition, List<Branch> branches) {
    long bytes = bytesOf(definition.queryPrepared()) + bytesOf(definition.customData());
    for (Map.Entry<String, String> header : definition.options().branchHeaders().entrySet()) {
      bytes += bytesOf(header.getKey()) + bytesOf(header.getValue());
    }
    Branch last = null;
    for (Branch branch : branches) {
      bytes += bytesOf(branch.url());
      if (last == null || !isOfSameStep(last, branch)) {
        bytes += branch.payload().bytes().length;
      }
      last = branch;
    }
    return bytes;
  }

  private static boolean isOfSameStep(Branch one, Branch other) {
    return stepOf(one.key().branchId()).equals(stepOf(other.key().branchId()))
        && one.payload().equals(other.payload());
  }

  private static String stepOf(String branchId) {
    int end = branchId.indexOf(SUBSCRIBER);
    return end < 0 ? branchId : branchId.substring(0, end);
  }
}
