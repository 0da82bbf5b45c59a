package io.dtm4j.server.demo;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.dtm4j.server.DtmServer;
import io.dtm4j.server.FreePorts;
import io.dtm4j.server.Logging;
import io.dtm4j.server.config.ServerConfig;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import java.io.IOException;
import java.util.concurrent.Executors;

/**
 * A short run of everything that usually runs, for the JVM to record which classes a start needs
 * (its AOT cache). The launcher calls it after a build.
 */
public final class Train {
  private static final int CLIENTS = 8;
  private static final int ROUNDS = 60;
  private static final long MUCH = 1_000_000;

  private Train() {}

  /** Runs until all of it has ended. */
  public static int run() throws IOException {
    try (var folder = TemporaryFolder.create("dtm4j-train-")) {
      ServerConfig config =
          folder.serverConfig(FreePorts.next(), folder.path().resolve("server.log"));
      Logging.start(config.log());
      Vertx vertx = Vertx.vertx(new VertxOptions().setEventLoopPoolSize(1));
      try (DtmServer server = DtmServer.start(config)) {
        Bank east = new Bank(vertx, "east", "Alice", MUCH, FreePorts.next(), _ -> {});
        Bank west = new Bank(vertx, "west", "Bob", MUCH, FreePorts.next(), _ -> {});
        Bank poor = new Bank(vertx, "poor", "Carol", 0, FreePorts.next(), _ -> {});
        var client = new Client(server.httpUrl());
        try (var clients = Executors.newFixedThreadPool(CLIENTS)) {
          for (int i = 0; i < CLIENTS; i++) {
            String name = "train-" + i + "-";
            clients.execute(() -> run(client, name, east, west, poor));
          }
        }
      } finally {
        vertx.close().await();
        Logging.stop();
      }
    }
    return 0;
  }

  private static void run(Client client, String name, Bank east, Bank west, Bank poor) {
    for (int round = 0; round < ROUNDS; round++) {
      String gid = name + round;
      ObjectNode transfer = client.transfer(gid, east, west, 1).put("wait_result", round % 2 == 0);
      client.post("submit", transfer);
      client.post(
          "submit", client.transfer(gid + "-refused", poor, west, 1).put("wait_result", true));
      ObjectNode gift = client.gift(gid + "-gift", west, 1);
      client.post("prepare", gift);
      client.post(round % 3 == 0 ? "abort" : "submit", gift);
      client.query(gid);
    }
  }
}
