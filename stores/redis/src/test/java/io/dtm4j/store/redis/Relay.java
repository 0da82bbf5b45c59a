package io.dtm4j.store.redis;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Passes on what goes to a server and comes from it, until it swallows that. */
final class Relay implements AutoCloseable {
  private static final int BUFFER = 1 << 16;

  private final int port;
  private final ServerSocket listening;
  private final List<Pair> pairs = new CopyOnWriteArrayList<>();

  /** A connection and the one to the server. */
  private static final class Pair {
    private final Socket client;
    private final Socket server;
    private volatile boolean swallows;

    Pair(Socket client, Socket server) {
      this.client = client;
      this.server = server;
    }

    void start() {
      Thread.ofVirtual().start(() -> pass(client, server));
      Thread.ofVirtual().start(() -> pass(server, client));
    }

    private void pass(Socket from, Socket to) {
      byte[] buffer = new byte[BUFFER];
      try {
        InputStream in = from.getInputStream();
        OutputStream out = to.getOutputStream();
        for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
          if (!swallows) {
            out.write(buffer, 0, count);
          }
        }
        if (!swallows) {
          to.close();
        }
      } catch (IOException _) {
        // it is closed
      }
    }
  }

  Relay(int port) throws IOException {
    this.port = port;
    listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::accept);
  }

  private void accept() {
    try {
      while (true) {
        Socket client = listening.accept();
        var pair = new Pair(client, new Socket(InetAddress.getLoopbackAddress(), port));
        pairs.add(pair);
        pair.start();
      }
    } catch (IOException _) {
      // it is closed
    }
  }

  String host() {
    return "127.0.0.1:" + listening.getLocalPort();
  }

  /** From now on nothing passes over the connections that there are; new ones are as any. */
  void swallow() {
    pairs.forEach(pair -> pair.swallows = true);
  }

  @Override
  public void close() {
    try {
      listening.close();
      for (Pair pair : pairs) {
        pair.client.close();
        pair.server.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
