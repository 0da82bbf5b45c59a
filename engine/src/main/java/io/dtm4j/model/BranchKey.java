package io.dtm4j.model;

import io.dtm4j.protocol.Op;

/**
 * What names a branch row within its transaction; unique there.
 *
 * @param branchId {@code 01}, {@code 02}, … (docs/spec/transactions.md 1.2)
 * @param op what the row does
 */
public record BranchKey(String branchId, Op op) {
  @Override
  public String toString() {
    return branchId + " " + op.wireName();
  }
}
