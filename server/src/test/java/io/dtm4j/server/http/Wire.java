package io.dtm4j.server.http;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** A plain socket that speaks just enough HTTP to say anything, right or wrong. */
final class Wire implements AutoCloseable {
  private static final int PATIENCE_MILLIS = 20_000;

  private final Socket socket;
  private final InputStream in;

  /**
   * An answer.
   *
   * @param headers by lower-case name
   */
  record Answer(int status, Map<String, String> headers, String body) {}

  Wire(int port) throws IOException {
    socket = new Socket(InetAddress.getLoopbackAddress(), port);
    socket.setSoTimeout(PATIENCE_MILLIS);
    socket.setTcpNoDelay(true);
    in = socket.getInputStream();
  }

  Wire send(String text) throws IOException {
    return send(text.getBytes(StandardCharsets.UTF_8));
  }

  Wire send(byte[] bytes) throws IOException {
    socket.getOutputStream().write(bytes);
    socket.getOutputStream().flush();
    return this;
  }

  Wire get(String path) throws IOException {
    return send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
  }

  Wire post(String path, String body) throws IOException {
    return request("POST", path, body);
  }

  Wire request(String method, String path, String body) throws IOException {
    int length = body.getBytes(StandardCharsets.UTF_8).length;
    return send(
        method
            + " "
            + path
            + " HTTP/1.1\r\nHost: x\r\nContent-Length: "
            + length
            + "\r\n\r\n"
            + body);
  }

  /** Nothing more comes from this side. */
  Wire endOutput() throws IOException {
    socket.shutdownOutput();
    return this;
  }

  /** The next answer. */
  Answer answer() throws IOException {
    return withBody(head());
  }

  /** An answer with the body that follows; without a length it reaches to the end. */
  Answer withBody(Answer head) throws IOException {
    String length = head.headers().get("content-length");
    byte[] body =
        head.status() < 200
            ? new byte[0]
            : length == null ? in.readAllBytes() : in.readNBytes(Integer.parseInt(length));
    return new Answer(head.status(), head.headers(), new String(body, StandardCharsets.UTF_8));
  }

  /** The head of the next answer. */
  Answer head() throws IOException {
    String first = line();
    var headers = new TreeMap<String, String>();
    for (String line = line(); !line.isEmpty(); line = line()) {
      int colon = line.indexOf(':');
      headers.put(
          line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).strip());
    }
    int from = first.indexOf(' ') + 1;
    return new Answer(Integer.parseInt(first, from, from + 3, 10), headers, "");
  }

  /** Whether the other side has closed the connection and sent nothing before; waits for either. */
  boolean isClosed() {
    try {
      return in.read() < 0;
    } catch (IOException e) {
      return !(e instanceof SocketTimeoutException);
    }
  }

  /** Closes the hard way. */
  void reset() throws IOException {
    socket.setSoLinger(true, 0);
    socket.close();
  }

  private String line() throws IOException {
    var bytes = new ByteArrayOutputStream();
    for (int b = in.read(); b != '\n'; b = in.read()) {
      if (b < 0) {
        throw new EOFException("closed after: " + bytes.toString(StandardCharsets.UTF_8));
      }
      if (b != '\r') {
        bytes.write(b);
      }
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
