package io.dtm4j.store.mongodb;

import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A server in this process that speaks the protocol of MongoDB over TCP and keeps all in memory,
 * also while it is stopped.
 */
final class MemoryServer implements AutoCloseable {
  private static final int FIRST_PORT = 20_000;
  private static final int LAST_PORT = 32_000;
  private static final AtomicInteger DATABASES = new AtomicInteger();

  private final MemoryBackend backend =
      new MemoryBackend() {
        @Override
        public void close() {
          // the data outlast the server
        }
      };
  private final int port = freePort();
  private @Nullable MongoServer server;

  MemoryServer() {
    start();
  }

  private static int freePort() {
    while (true) {
      int port = ThreadLocalRandom.current().nextInt(FIRST_PORT, LAST_PORT);
      try (var _ = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
        return port;
      } catch (IOException _) {
        // somebody has it
      }
    }
  }

  void start() {
    var starting = new MongoServer(backend);
    starting.bind("127.0.0.1", port);
    server = starting;
  }

  /** Cuts all connections and takes no more. */
  void stop() {
    MongoServer running = server;
    if (running != null) {
      server = null;
      running.shutdownNow();
    }
  }

  /** A database that nobody has. */
  MongoStoreConfig newDatabase() {
    return new MongoStoreConfig(url(), "d" + DATABASES.incrementAndGet());
  }

  String url() {
    return "mongodb://127.0.0.1:" + port + "/?appName=dtm4j-test";
  }

  @Override
  public void close() {
    stop();
  }
}
