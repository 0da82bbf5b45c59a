package io.dtm4j.store;

import io.dtm4j.protocol.Gid;

/** A claim of this server on a transaction. */
public record Lease(Gid gid, String claim) {}
