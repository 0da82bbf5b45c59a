package io.dtm4j.crash;

import static java.util.Objects.requireNonNull;
import static java.util.Objects.requireNonNullElse;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A real server in a process of its own, made from what was built last, as the launcher starts it.
 * Not thread-safe.
 */
final class ServerProcess implements AutoCloseable {
  private static final Path HOME =
      Path.of(requireNonNullElse(System.getProperty("dtm4j.home"), "../.."));
  private static final Path TARGET = HOME.resolve("server/target");
  private static final Duration STARTS_WITHIN = Duration.ofSeconds(60);
  private static final Duration ENDS_WITHIN = Duration.ofSeconds(60);
  private static final int KILOBYTE_IN_BLOCKS = 2;

  /** How servers of one test start: all on the same port and directory. */
  record Setup(Path folder, int port, Map<String, String> environment, int maxFileKilobytes) {
    /** For a test that keeps its files in that folder. */
    static Setup in(Path folder) {
      return new Setup(folder, freePort(), Map.of(), 0);
    }

    /** Settings by their names in the environment, instead of those so far. */
    Setup with(Map<String, String> settings) {
      return new Setup(folder, port, settings, maxFileKilobytes);
    }

    Setup withPort(int otherPort) {
      return new Setup(folder, otherPort, environment, maxFileKilobytes);
    }

    /** Writes beyond that size of a file fail, as on a full disk; 0: no limit. */
    Setup withMaxFile(int kilobytes) {
      return new Setup(folder, port, environment, kilobytes);
    }

    String url() {
      return "http://127.0.0.1:" + port;
    }

    /** Starts a server and waits until it answers. */
    ServerProcess serve(String... options) {
      ServerProcess server = launch(options);
      try {
        server.awaitServing();
        return server;
      } catch (Throwable e) {
        server.close(); // nobody else would
        throw e;
      }
    }

    /** Starts a server; whether it comes to serve is for the caller to see. */
    ServerProcess launch(String... options) {
      return new ServerProcess(this, options);
    }
  }

  private final Setup setup;
  private final Path log;
  private final Process process;

  private ServerProcess(Setup setup, String... options) {
    this.setup = setup;
    this.log = setup.folder().resolve("server-" + System.nanoTime() + ".log");
    var builder = new ProcessBuilder(command(setup, options));
    builder.environment().put("MIN_RETRY_INTERVAL", "1");
    builder.environment().putAll(setup.environment());
    builder.directory(setup.folder().toFile());
    builder.redirectErrorStream(true).redirectOutput(log.toFile());
    try {
      process = builder.start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<String> command(Setup setup, String... options) {
    var command = new ArrayList<String>();
    if (setup.maxFileKilobytes() > 0) {
      String blocks = Integer.toString(setup.maxFileKilobytes() * KILOBYTE_IN_BLOCKS);
      command.addAll(List.of("sh", "-c", "ulimit -f " + blocks + "; exec \"$@\"", "sh"));
    }
    command.add(Path.of(requireNonNull(System.getProperty("java.home")), "bin", "java").toString());
    command.addAll(
        List.of(
            "-XX:+UseSerialGC",
            "-Xmx256m",
            "-XX:+UseCompactObjectHeaders",
            "-XX:-UsePerfData",
            "-XX:+ExitOnOutOfMemoryError",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-Djava.library.path=" + TARGET.resolve("native").toAbsolutePath()));
    cache().ifPresent(cache -> command.addAll(List.of("-XX:AOTCache=" + cache, "-Xlog:aot=off")));
    command.addAll(List.of("-jar", TARGET.resolve("dtm4j-server.jar").toAbsolutePath().toString()));
    command.addAll(
        List.of(
            "serve",
            "--bind=127.0.0.1",
            "--http-port=" + setup.port(),
            "--data-dir=" + setup.folder().resolve("data")));
    if (Arrays.stream(options).noneMatch(option -> option.startsWith("--grpc-port="))) {
      command.add("--grpc-port=0");
    }
    command.addAll(List.of(options));
    return command;
  }

  /** The launcher's AOT cache, when it has made one: starts are quicker with it. */
  private static Optional<Path> cache() {
    try (Stream<Path> files = Files.list(TARGET)) {
      return files
          .filter(file -> file.toString().endsWith(".aot") && file.toFile().length() > 0)
          .map(Path::toAbsolutePath)
          .findFirst();
    } catch (IOException e) {
      throw new UncheckedIOException("nothing is built in " + TARGET.toAbsolutePath(), e);
    }
  }

  private void awaitServing() {
    var api = new Api(setup.url());
    Await.until(
        "server answers",
        STARTS_WITHIN,
        () -> {
          if (!process.isAlive()) {
            throw new AssertionError("the server ended with " + process.exitValue() + output());
          }
          return api.ping();
        });
  }

  /** SIGKILL: the process is gone at once, as when the machine's memory runs out. */
  void kill() {
    process.destroyForcibly();
    awaitEnd();
  }

  /** SIGTERM. */
  void terminate() {
    process.destroy();
  }

  /** The exit code, once it has ended. */
  int awaitEnd() {
    try {
      if (!process.waitFor(ENDS_WITHIN.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new AssertionError("the server does not end" + output());
      }
      return process.exitValue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  long pid() {
    return process.pid();
  }

  /** What it has written so far. */
  String output() {
    try {
      return "\n" + Files.readString(log);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Kills it if it still runs. */
  @Override
  public void close() {
    kill();
  }

  /** Below the range from which outgoing connections take theirs. */
  static int freePort() {
    while (true) {
      int port = ThreadLocalRandom.current().nextInt(20_000, 32_000);
      try (var _ = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
        return port;
      } catch (IOException _) {
        // taken: try another one
      }
    }
  }
}
