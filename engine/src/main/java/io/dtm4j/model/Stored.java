package io.dtm4j.model;

/** A transaction as it is stored, with the token of its last write. */
public record Stored(Transaction transaction, Owner owner) {}
