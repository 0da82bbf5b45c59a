package io.dtm4j.databases;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Runs a command beside a database server of its own, as {@code mariadb node run.mjs}: a server of
 * dtm4j that the command starts finds the database in its environment. Ends with the command's exit
 * code.
 */
public final class Main {
  private static final String DATABASE = "dtm4j_check";

  private Main() {}

  public static void main(String... words) throws Exception {
    if (words.length < 2) {
      System.err.println("usage: mariadb|postgres|redis command ...");
      System.exit(2);
    }
    List<String> command = Arrays.asList(words).subList(1, words.length);
    System.exit(
        switch (words[0]) {
          case "mariadb" -> beside(new MariaDbServer(), command);
          case "postgres" -> beside(new PostgresServer(), command);
          case "redis" -> beside(RedisServer.everySecond(), command);
          default -> throw new IllegalArgumentException("unknown database: " + words[0]);
        });
  }

  private static int beside(StoreServer server, List<String> command) throws Exception {
    try {
      return run(command, server.create(DATABASE));
    } finally {
      server.stop();
    }
  }

  private static int run(List<String> command, Map<String, String> settings)
      throws IOException, InterruptedException {
    var builder = new ProcessBuilder(command).inheritIO();
    builder.environment().putAll(settings);
    return builder.start().waitFor();
  }
}
