package io.dtm4j.server;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Ports for servers whose address nobody has to know beforehand. They lie below the range from
 * which Linux takes the ports of outgoing connections, so that none of those can be in the way.
 */
public final class FreePorts {
  private static final int FIRST = 20_000;
  private static final int END = 32_000;
  private static final int TRIES = 1_000;

  private FreePorts() {}

  /** A port of the loopback interface on which nothing listens at the moment. */
  public static int next() {
    for (int i = 0; i < TRIES; i++) {
      int port = ThreadLocalRandom.current().nextInt(FIRST, END);
      try (var _ = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
        return port;
      } catch (IOException _) {
        // taken: try another one
      }
    }
    throw new StartException("no free port from " + FIRST + " to " + END, null);
  }
}
