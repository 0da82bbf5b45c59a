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
      System.err.println("usage: mariadb|postgres command ...");
      System.exit(2);
    }
    DatabaseServer server =
        switch (words[0]) {
          case "mariadb" -> new MariaDbServer();
          case "postgres" -> new PostgresServer();
          default -> throw new IllegalArgumentException("unknown database: " + words[0]);
        };
    int code;
    try {
      server.execute("create database " + DATABASE);
      code = run(Arrays.asList(words).subList(1, words.length), settings(server.url(DATABASE)));
    } finally {
      server.stop();
    }
    System.exit(code);
  }

  /** What a server of dtm4j is told. */
  private static Map<String, String> settings(String url) {
    return Map.of(
        "STORE_URL", url,
        "STORE_USER", DatabaseServer.USER,
        "STORE_PASSWORD", DatabaseServer.PASSWORD);
  }

  private static int run(List<String> command, Map<String, String> settings)
      throws IOException, InterruptedException {
    var builder = new ProcessBuilder(command).inheritIO();
    builder.environment().putAll(settings);
    return builder.start().waitFor();
  }
}
