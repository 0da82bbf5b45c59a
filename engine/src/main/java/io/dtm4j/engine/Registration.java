package io.dtm4j.engine;

import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.protocol.BranchRequest;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GrpcAddress;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.TransType;
import java.time.Instant;
import java.util.List;

/**
 * A branch that a client registers, as rows (docs/spec/http-api.md 4.7, docs/spec/transactions.md
 * 1.3).
 *
 * @param type what its transaction must be
 */
public record Registration(Gid gid, TransType type, List<Branch> rows) {
  /** The longest branch id, as DTM's own tables hold it. */
  public static final int MAX_BRANCH_ID = 128;

  /** The longest op, as DTM's own tables hold it. */
  public static final int MAX_OP = 45;

  public Registration {
    rows = List.copyOf(rows);
  }

  /**
   * The rows that a request describes.
   *
   * @throws RefusedException when it describes none
   */
  public static Registration of(BranchRequest request, Instant now) throws RefusedException {
    Gid gid = Bounds.gidOf(request.gid());
    TransType type = Bounds.typeOf(request.transType());
    Bounds.checkName("branch_id", request.branchId(), MAX_BRANCH_ID);
    List<Branch> rows =
        switch (type) {
          case TCC ->
              List.of(
                  row(request, Op.CANCEL, request.cancel(), now),
                  row(request, Op.CONFIRM, request.confirm(), now));
          case XA ->
              List.of(
                  row(request, Op.ROLLBACK, request.url(), now),
                  row(request, Op.COMMIT, request.url(), now));
          case WORKFLOW -> List.of(step(request, now));
          case SAGA, MSG ->
              throw bad("trans_type: " + type.wireName() + " (expected: tcc, xa or workflow)");
        };
    return new Registration(gid, type, rows);
  }

  private static Branch row(BranchRequest request, Op op, String url, Instant now)
      throws RefusedException {
    if (request.branchId().isEmpty()) {
      throw bad("branch_id is missing");
    }
    // Whether its transaction may have it is asked when that is known.
    Bounds.checkUrl(op.wireName(), url, GrpcAddress.isOne(url) ? "grpc" : "http");
    return Branch.open(new BranchKey(request.branchId(), op), url, request.data(), now);
  }

  /** A step is registered when it is over. A workflow may take one without a branch id. */
  private static Branch step(BranchRequest request, Instant now) throws RefusedException {
    Bounds.checkName("op", request.op(), MAX_OP);
    if (request.op().isEmpty()) {
      throw bad("op is missing");
    }
    BranchStatus status =
        switch (request.status()) {
          case "succeed" -> BranchStatus.SUCCEED;
          case "failed" -> BranchStatus.FAILED;
          default -> throw bad("status is neither succeed nor failed");
        };
    return Branch.open(
            new BranchKey(request.branchId(), Op.of(request.op())), "", request.data(), now)
        .settled(status, now);
  }

  private static RefusedException bad(String message) {
    return new RefusedException(ErrorCode.BAD_REQUEST, message);
  }
}
