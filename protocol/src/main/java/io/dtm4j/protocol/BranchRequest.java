package io.dtm4j.protocol;

/**
 * What registerBranch asks for, as it came (docs/spec/http-api.md 4.7). Absent and null members are
 * empty here.
 *
 * @param gid the gid as sent; may be empty or too long
 * @param transType the type as sent; may be unknown
 * @param branchId chosen by the client
 * @param data body of the second phase; of a workflow the result of the step, or its error text
 * @param confirm url (tcc)
 * @param cancel url (tcc)
 * @param url of commit and rollback (xa)
 * @param op of the step (workflow)
 * @param status of the step (workflow): {@code succeed} or {@code failed}
 */
public record BranchRequest(
    String gid,
    String transType,
    String branchId,
    Payload data,
    String confirm,
    String cancel,
    String url,
    String op,
    String status) {
  /** The same with another gid. */
  public BranchRequest withGid(String newGid) {
    return new BranchRequest(newGid, transType, branchId, data, confirm, cancel, url, op, status);
  }
}
