package io.dtm4j.databases;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Starts and stops processes of database servers. */
public final class Processes {
  private static final Duration LONGEST = Duration.ofSeconds(60);

  private Processes() {}

  /** A binary in one of these directories. */
  public static Path binary(String name, String... directories) {
    return Stream.of(directories)
        .map(directory -> Path.of(directory, name))
        .filter(Files::isExecutable)
        .findFirst()
        .orElseThrow(() -> new AssertionError(name + " is in none of " + List.of(directories)));
  }

  /** Outside of the range from which the system takes ports of connections. */
  public static int freePort() {
    for (int i = 0; i < 100; i++) {
      int port = ThreadLocalRandom.current().nextInt(20_000, 32_000);
      try (var _ = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
        return port;
      } catch (IOException _) {
        // taken
      }
    }
    throw new AssertionError("no free port");
  }

  /** Runs a command to its end. */
  public static void run(Path log, List<String> command) throws Exception {
    Process process = start(log, command);
    boolean ended = process.waitFor(LONGEST.toSeconds(), TimeUnit.SECONDS);
    if (!ended || process.exitValue() != 0) {
      process.destroyForcibly();
      throw new AssertionError(command + " failed: " + Files.readString(log));
    }
  }

  /** Starts a command whose output is added to a file. */
  public static Process start(Path log, List<String> command) throws IOException {
    return new ProcessBuilder(command)
        .directory(new File("/"))
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
        .start();
  }

  /** Tries until it goes well, as long as the process runs. */
  public static <T> T await(Process process, Path log, Callable<T> attempt) throws Exception {
    long end = System.nanoTime() + LONGEST.toNanos();
    while (true) {
      try {
        return attempt.call();
      } catch (Exception e) {
        if (!process.isAlive() || System.nanoTime() > end) {
          throw new AssertionError("no server: " + Files.readString(log), e);
        }
        TimeUnit.MILLISECONDS.sleep(20);
      }
    }
  }

  /** Ends a process if there is one, as by a kill or in good order; returns when it is gone. */
  public static void end(@Nullable Process process, boolean suddenly) throws InterruptedException {
    if (process != null) {
      if (suddenly) {
        process.destroyForcibly();
      } else {
        process.destroy();
      }
      if (!process.waitFor(LONGEST.toSeconds(), TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    }
  }

  /** Copies what is in a directory, with owners and rights. */
  public static void copy(Path from, Path to) throws Exception {
    Process process = new ProcessBuilder("cp", "-a", from + "/.", to.toString()).start();
    if (process.waitFor() != 0) {
      throw new AssertionError(from + " cannot be copied to " + to);
    }
  }

  /** Deletes a directory with all that is in it. */
  public static void delete(Path directory) {
    try (Stream<Path> all = Files.walk(directory)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
