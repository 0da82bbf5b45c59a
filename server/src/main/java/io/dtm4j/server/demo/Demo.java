package io.dtm4j.server.demo;

import io.dtm4j.server.DtmServer;
import io.dtm4j.server.FreePorts;
import io.dtm4j.server.Logging;
import io.dtm4j.server.config.ServerConfig;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/**
 * A server and two banks for a few seconds: one transfer commits, one is rolled back, one outlives
 * an outage. Ends with 0 only if all of that came true.
 */
public final class Demo {
  private static final long START = 100;

  private final boolean keep;
  private final Screen screen;

  /**
   * A demo that prints to standard output.
   *
   * @param keep leave the server running afterwards, until a signal comes
   */
  public Demo(boolean keep) {
    this(keep, System.out);
  }

  Demo(boolean keep, PrintStream out) {
    this.keep = keep;
    screen = new Screen(out);
  }

  /** Plays it; the exit code of the process. */
  public int run() throws IOException, InterruptedException {
    try (var folder = TemporaryFolder.create("dtm4j-demo-")) {
      Path log = folder.path().resolve("server.log");
      ServerConfig config = folder.serverConfig(FreePorts.next(), log);
      Logging.start(config.log());
      List<String> wrong;
      try {
        wrong = play(config);
      } finally {
        Logging.stop();
      }
      if (wrong.isEmpty()) {
        return 0;
      }
      folder.keep();
      screen.bad("Not all came as it should:");
      wrong.forEach(words -> screen.bad("  " + words));
      screen.say("The server's log: " + log);
      return 1;
    }
  }

  /** Plays it on a server of this configuration; what went wrong, empty when all is well. */
  List<String> play(ServerConfig config) throws InterruptedException {
    Vertx vertx = Vertx.vertx(new VertxOptions().setEventLoopPoolSize(1));
    try (DtmServer server = DtmServer.start(config)) {
      var story = new Story(screen, new Client(server.httpUrl()));
      var east = new Bank(vertx, "east", "Alice", START, FreePorts.next(), story::saw);
      var west = new Bank(vertx, "west", "Bob", START, FreePorts.next(), story::saw);
      screen.title("dtm4j demo: money moves between two banks, each a service of its own");
      screen.say("  server  " + server.httpUrl() + "  takes each transfer to its end");
      screen.say("  east    " + east.url() + "  Alice has " + east.balance());
      screen.say("  west    " + west.url() + "  Bob has " + west.balance());
      List<String> wrong = story.play(east, west);
      if (wrong.isEmpty()) {
        screen.good("All came as it should: nothing lost, nothing done twice.");
      }
      if (keep) {
        screen.say("The server goes on; Ctrl-C ends it.");
        server.closeAtExit();
        new CountDownLatch(1).await();
      }
      return wrong;
    } finally {
      vertx.close().await();
    }
  }
}
