package io.dtm4j.crash;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** A connection on which bytes are sent as they are, right or wrong. Blocks; one thread. */
final class RawHttp implements AutoCloseable {
  private static final int MAX_HEAD = 64 << 10;
  private static final int NO_CONTENT = 204;
  private static final int NOT_MODIFIED = 304;
  private static final int OK = 200;

  private final RawSocket socket;
  private final BufferedInputStream in;

  RawHttp(int port, int timeoutMillis) throws IOException {
    socket = new RawSocket(port, timeoutMillis);
    in = new BufferedInputStream(socket.in());
  }

  record Answer(int status, boolean keeps, String body) {}

  /**
   * False: the server does not listen any more.
   *
   * @throws SocketTimeoutException when it does not read
   */
  boolean write(byte[] bytes) throws SocketTimeoutException {
    try {
      socket.write(bytes);
      return true;
    } catch (SocketTimeoutException e) {
      throw e;
    } catch (IOException e) {
      return false;
    }
  }

  void halfClose() {
    try {
      socket.halfClose();
    } catch (IOException e) {
      // the server was quicker
    }
  }

  @Nullable Answer ask(byte[] request) throws IOException {
    write(request);
    return read();
  }

  /** The next answer; null: the connection has ended. */
  @Nullable Answer read() throws IOException {
    try {
      return next();
    } catch (SocketTimeoutException e) {
      throw e;
    } catch (IOException e) {
      return null; // reset
    }
  }

  private @Nullable Answer next() throws IOException {
    String head = head();
    if (head == null) {
      return null;
    }
    int status = Integer.parseInt(head.substring(9, 12));
    if (status < OK) {
      return next();
    }
    String lower = head.toLowerCase(Locale.ROOT);
    int at = lower.indexOf("\r\ncontent-length: ");
    byte[] body = {};
    boolean keeps = !lower.contains("connection: close");
    if (at >= 0 && status != NO_CONTENT && status != NOT_MODIFIED) {
      int from = at + "\r\ncontent-length: ".length();
      body = in.readNBytes(Integer.parseInt(lower.substring(from, lower.indexOf('\r', from))));
    } else {
      keeps = false;
    }
    return new Answer(status, keeps, new String(body, StandardCharsets.UTF_8));
  }

  private @Nullable String head() throws IOException {
    var head = new StringBuilder();
    while (head.length() < MAX_HEAD) {
      int c = in.read();
      if (c < 0) {
        return null;
      }
      head.append((char) c);
      if (c == '\n' && head.length() > 4 && head.substring(head.length() - 4).equals("\r\n\r\n")) {
        return head.toString();
      }
    }
    throw new IllegalStateException("a head without an end");
  }

  @Override
  public void close() {
    socket.close();
  }
}
