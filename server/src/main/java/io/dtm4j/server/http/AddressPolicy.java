package io.dtm4j.server.http;

/**
 * Says whether the server may call an address that a client or a participant named. Asked at the
 * door before a transaction is created, before each call, and at each redirect. Any thread; does
 * not block.
 */
@FunctionalInterface
public interface AddressPolicy {
  /** Every address may be called. */
  AddressPolicy ALL = _ -> true;

  /**
   * Whether a url may be called.
   *
   * @param url as it was given; may be malformed
   */
  boolean allows(String url);
}
