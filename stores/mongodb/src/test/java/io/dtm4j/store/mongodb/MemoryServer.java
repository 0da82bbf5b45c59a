package io.dtm4j.store.mongodb;

import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
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

  private final Backend backend = new Backend();
  private final int port = freePort();
  private @Nullable MongoServer server;

  /** Its data outlast the server; and it listens in. */
  private static final class Backend extends MemoryBackend {
    private final List<String> commands = new ArrayList<>();
    private int answersToLose;
    private int majoritiesToMiss;

    @Override
    public void close() {
      // the next server goes on with it
    }

    @Override
    public Document handleMessage(MongoMessage message) {
      String command = message.getDocument().keySet().iterator().next();
      Document answer = super.handleMessage(message);
      return changed(command, answer);
    }

    private synchronized Document changed(String command, Document answer) {
      commands.add(command);
      if (command.equals("update") && answersToLose > 0) {
        answersToLose--;
        throw new IllegalStateException("the answer is lost");
      }
      if (command.equals("update") && majoritiesToMiss > 0) {
        majoritiesToMiss--;
        answer.put(
            "writeConcernError",
            new Document("code", 64).append("errmsg", "waiting for replication timed out"));
      }
      return answer;
    }
  }

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

  /** Of the next updates nobody hears what became of them. */
  void loseAnswers(int count) {
    synchronized (backend) {
      backend.answersToLose = count;
    }
  }

  /** The next updates are done, but no majority has them in time. */
  void missMajorities(int count) {
    synchronized (backend) {
      backend.majoritiesToMiss = count;
    }
  }

  /** The commands since the last time, but for those that the driver sends by itself. */
  List<String> commands() {
    synchronized (backend) {
      List<String> since =
          backend.commands.stream()
              .filter(name -> !name.equals("hello") && !name.equalsIgnoreCase("isMaster"))
              .toList();
      backend.commands.clear();
      return since;
    }
  }

  /** A database that nobody has. */
  MongoStoreConfig newDatabase() {
    return new MongoStoreConfig(url(), "d" + DATABASES.incrementAndGet());
  }

  private String url() {
    return "mongodb://127.0.0.1:" + port + "/?appName=dtm4j-test";
  }

  @Override
  public void close() {
    stop();
  }
}
