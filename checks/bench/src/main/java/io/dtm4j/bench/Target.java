package io.dtm4j.bench;

import io.vertx.core.net.HostAndPort;
import java.net.URI;
import java.net.URISyntaxException;

/**
 * A server under load.
 *
 * @param path of its API, {@code /api/dtmsvr}
 * @param grpc where it takes gRPC
 * @param pid its process, whose CPU time is counted; 0: not known
 * @param label its name in the output
 * @param durability what its operator says about it, printed beside each figure
 */
record Target(
    String host,
    int port,
    String path,
    HostAndPort grpc,
    long pid,
    String label,
    String durability) {

  /**
   * Reads what {@code --pair} takes, {@code URL[,pid[,label[,durability]]]}; what is left out is
   * taken from the last two arguments.
   *
   * @throws IllegalArgumentException with the part that is wrong and what was expected
   */
  static Target parse(String text, String label, String durability) {
    String[] parts = text.split(",", 4);
    String pid = parts.length > 1 ? parts[1].strip() : "";
    if (!pid.matches("\\d{0,10}")) {
      throw new IllegalArgumentException("%s (expected: URL,pid with digits)".formatted(text));
    }
    return of(
        parts[0],
        pid.isEmpty() ? 0 : Long.parseLong(pid),
        parts.length > 2 && !parts[2].isBlank() ? parts[2].strip() : label,
        parts.length > 3 && !parts[3].isBlank() ? parts[3].strip() : durability);
  }

  /**
   * A target at an address.
   *
   * @throws IllegalArgumentException when the address is not a plain http one
   */
  static Target of(String address, long pid, String label, String durability) {
    try {
      URI base = new URI(address.strip().replaceFirst("/+$", ""));
      String host = base.getHost();
      String path = base.getRawPath();
      if ("http".equals(base.getScheme())
          && host != null
          && path != null
          && base.getQuery() == null) {
        int port = base.getPort() < 0 ? 80 : base.getPort();
        // Servers have it beside HTTP unless they are configured otherwise: 36789 and 36790.
        return new Target(
            host, port, path, HostAndPort.create(host, port + 1), pid, label, durability);
      }
    } catch (URISyntaxException _) {
      // told below
    }
    throw new IllegalArgumentException(
        "%s (expected: http://host:port/api/dtmsvr)".formatted(address));
  }

  /**
   * The same server, which takes gRPC elsewhere.
   *
   * @param address {@code host:port}
   * @throws IllegalArgumentException when it is none
   */
  Target withGrpc(String address) {
    HostAndPort elsewhere = HostAndPort.parseAuthority(address.strip(), -1);
    if (elsewhere == null || elsewhere.port() < 1) {
      throw new IllegalArgumentException("%s (expected: host:port)".formatted(address));
    }
    return new Target(host, port, path, elsewhere, pid, label, durability);
  }

  /** The address that everything is posted below. */
  String address() {
    return "http://" + host + ":" + port + path;
  }
}
