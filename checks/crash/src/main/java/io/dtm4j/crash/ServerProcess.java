package io.dtm4j.crash;

import static java.util.Objects.requireNonNull;
import static java.util.Objects.requireNonNullElse;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A real server in a process of its own, made from what was built last, as the launcher starts it.
 * Not thread-safe.
 */
final class ServerProcess implements AutoCloseable {
  private static final Path HOME =
      Path.of(requireNonNullElse(System.getProperty("dtm4j.home"), "../.."));
  private static final Path TARGET = HOME.resolve("server/target");
  private static final Duration STARTS_WITHIN = Duration.ofMinutes(2);
  private static final Duration ENDS_WITHIN = Duration.ofMinutes(1);

  static {
    // Nobody else would, when this process is told to end.
    Runtime.getRuntime().addShutdownHook(new Thread(ServerProcess::killAll, "kill-servers"));
  }

  private static final int KILOBYTE_IN_BLOCKS = 2;

  /** What it ends with when it halts at a point, or is killed with -9. */
  static final int KILLED = 137;

  /** Several tests may look for one at the same time, and use theirs later. */
  private static final Set<Integer> PORTS_GIVEN = ConcurrentHashMap.newKeySet();

  /**
   * How servers of one test start: all on the same port and directory.
   *
   * @param wrapper the command that runs the server's command; empty: none
   * @param jvmOptions beside those of the launcher
   * @param patch classes that stand before those that were built; null: none
   */
  record Setup(
      Path folder,
      int port,
      Map<String, String> environment,
      List<String> wrapper,
      List<String> jvmOptions,
      @Nullable Path patch) {
    /** For a test that keeps its files in that folder. */
    static Setup in(Path folder) {
      return new Setup(folder, freePort(), Map.of(), List.of(), List.of(), null);
    }

    /** Settings by their names in the environment, instead of those so far. */
    Setup with(Map<String, String> settings) {
      return new Setup(folder, port, settings, wrapper, jvmOptions, patch);
    }

    /** Settings beside those so far. */
    Setup and(Map<String, String> settings) {
      var all = new HashMap<>(environment);
      all.putAll(settings);
      return with(Map.copyOf(all));
    }

    /** Retries and timeouts after three seconds, so that a test need not wait for long. */
    Setup impatient() {
      return with(Map.of("RETRY_INTERVAL", "3", "TIMEOUT_TO_FAIL", "3"));
    }

    /** For servers that live for seconds: less of their time goes into compiling. */
    Setup shortLived() {
      return withJvm("-XX:TieredStopAtLevel=1");
    }

    Setup withPort(int otherPort) {
      return new Setup(folder, otherPort, environment, wrapper, jvmOptions, patch);
    }

    /** Writes beyond that size of a file fail, as on a full disk. */
    Setup withMaxFile(int kilobytes) {
      String blocks = Integer.toString(kilobytes * KILOBYTE_IN_BLOCKS);
      return wrapped("sh", "-c", "ulimit -f " + blocks + "; exec \"$@\"", "sh");
    }

    /** The server's command is run by that one, as which its process begins. */
    Setup wrapped(String... command) {
      return new Setup(folder, port, environment, List.of(command), jvmOptions, patch);
    }

    /** With an option of the JVM more. */
    Setup withJvm(String option) {
      List<String> more = new ArrayList<>(jvmOptions);
      more.add(option);
      return new Setup(folder, port, environment, wrapper, List.copyOf(more), patch);
    }

    /** Of what was built, with these classes and resources instead, as of another version. */
    Setup patched(Path classes) {
      return new Setup(folder, port, environment, wrapper, jvmOptions, classes);
    }

    /** Where the server keeps its data. */
    Path data() {
      return folder.resolve("data");
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

  private static void killAll() {
    ProcessHandle.current().descendants().forEach(ProcessHandle::destroyForcibly);
  }

  /** The sources of what was built. */
  static Path home() {
    return HOME;
  }

  /** The libraries of what was built. */
  static List<Path> libraries() {
    try (Stream<Path> all = Files.list(TARGET.resolve("lib"))) {
      return all.toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<String> command(Setup setup, String... options) {
    var command = new ArrayList<>(setup.wrapper());
    command.add(Path.of(requireNonNull(System.getProperty("java.home")), "bin", "java").toString());
    command.addAll( // those of ./dtm4j
        List.of(
            "-XX:+UseSerialGC",
            "-Xmn24m",
            "-Xmx256m",
            "-XX:+UseCompactObjectHeaders",
            "-XX:-UsePerfData",
            "-XX:+ExitOnOutOfMemoryError",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-Djava.library.path=" + TARGET.resolve("native").toAbsolutePath()));
    command.addAll(setup.jvmOptions());
    Path jar = TARGET.resolve("dtm4j-server.jar").toAbsolutePath();
    if (setup.patch() == null) {
      cache().ifPresent(cache -> command.addAll(List.of("-XX:AOTCache=" + cache, "-Xlog:aot=off")));
      command.addAll(List.of("-jar", jar.toString()));
    } else {
      // Without the cache, from which the JVM would take the classes that were built.
      String classPath = setup.patch() + File.pathSeparator + jar;
      command.addAll(List.of("-cp", classPath, "io.dtm4j.server.Main"));
    }
    command.addAll(
        List.of(
            "serve",
            "--bind=127.0.0.1",
            "--http-port=" + setup.port(),
            "--data-dir=" + setup.data()));
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
    Await.nowAndThenUntil(
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

  /** SIGSTOP: it stands still, as a virtual machine that is moved, until it goes on. */
  void standStill() {
    signal("STOP");
  }

  /** SIGCONT. */
  void goOn() {
    signal("CONT");
  }

  private void signal(String name) {
    try {
      Process kill = new ProcessBuilder("kill", "-" + name, Long.toString(pid())).start();
      if (kill.waitFor() != 0) {
        throw new AssertionError("no signal " + name + " for process " + pid());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
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

  boolean hasEnded() {
    return !process.isAlive();
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
      if (!PORTS_GIVEN.add(port)) {
        continue;
      }
      try (var _ = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
        return port;
      } catch (IOException _) {
        // taken: try another one
      }
    }
  }
}
