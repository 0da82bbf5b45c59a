package io.dtm4j.coordinator;

/**
 * Who asked.
 *
 * @param name the authenticated name; {@code anonymous} while there is no authentication
 * @param address the remote address, for logs
 */
public record Requester(String name, String address) {
  /** Nobody in particular. */
  public static Requester anonymous(String address) {
    return new Requester("anonymous", address);
  }
}
