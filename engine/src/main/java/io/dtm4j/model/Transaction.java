package io.dtm4j.model;

import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import java.util.List;

/**
 * A global transaction with its branch rows, as of one moment.
 *
 * @param branches in the order in which they were stored; every rule depends on it
 *     (docs/spec/transactions.md 1.3)
 */
public record Transaction(Gid gid, Definition definition, State state, List<Branch> branches) {
  public Transaction {
    branches = List.copyOf(branches);
  }

  public GlobalStatus status() {
    return state.status();
  }
}
