package io.dtm4j.server.http;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** A service that misbehaves: it reads heads of requests and sends whatever it is told. */
final class RawParticipant implements AutoCloseable {
  /** What is done with a connection. */
  interface Manners {
    void handle(Socket socket, InputStream in) throws IOException;
  }

  final AtomicInteger connections = new AtomicInteger();
  private final ServerSocket listener;
  private final List<Socket> sockets = Collections.synchronizedList(new ArrayList<>());

  RawParticipant(Manners manners) throws IOException {
    listener = new ServerSocket(0, 50, InetAddress.getByAddress(new byte[] {127, 0, 0, 1}));
    Thread.ofVirtual().start(() -> accept(manners));
  }

  private void accept(Manners manners) {
    try {
      while (true) {
        Socket socket = listener.accept();
        connections.incrementAndGet();
        sockets.add(socket);
        Thread.ofVirtual().start(() -> serve(socket, manners));
      }
    } catch (IOException e) {
      // closed
    }
  }

  private static void serve(Socket socket, Manners manners) {
    try (socket) {
      manners.handle(socket, socket.getInputStream());
    } catch (IOException e) {
      // the caller closed, which is fine
    }
  }

  /** Reads a request without a body to its end; false when there is none any more. */
  static boolean readHead(InputStream in) throws IOException {
    int seen = 0;
    for (int b = in.read(); b >= 0; b = in.read()) {
      seen = b == "\r\n\r\n".charAt(seen) ? seen + 1 : b == '\r' ? 1 : 0;
      if (seen == 4) {
        return true;
      }
    }
    return false;
  }

  static void send(Socket socket, String text) throws IOException {
    socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
  }

  String url(String path) {
    return "http://127.0.0.1:" + listener.getLocalPort() + path;
  }

  @Override
  public void close() {
    try {
      listener.close();
      for (Socket socket : sockets) {
        socket.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
