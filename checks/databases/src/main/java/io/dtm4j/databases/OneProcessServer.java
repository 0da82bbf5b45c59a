package io.dtm4j.databases;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A server that is one process with a directory of its own, both gone when it is stopped or the JVM
 * ends.
 */
abstract class OneProcessServer implements StoreServer {
  private final Path directory;
  private final Thread atExit = new Thread(this::stopAtExit);
  private @Nullable Process process;

  /** One that is not started yet. */
  OneProcessServer(String name) throws Exception {
    directory = Files.createTempDirectory("dtm4j-" + name);
    Runtime.getRuntime().addShutdownHook(atExit);
  }

  /** What starts it. */
  abstract List<String> command() throws Exception;

  /** Asks it something; what that throws means that it takes no connections yet. */
  abstract void tryOut() throws Exception;

  final Path directory() {
    return directory;
  }

  @Override
  public final void start() throws Exception {
    Path log = directory.resolve("server.log");
    Process started = Processes.start(log, command());
    process = started;
    Processes.await(
        started,
        log,
        () -> {
          tryOut();
          return true;
        });
  }

  /** Sends its process a signal, by its name. */
  public final void signal(String name) throws Exception {
    Process running = process;
    if (running == null) {
      throw new IllegalStateException("it was not started");
    }
    Process kill = new ProcessBuilder("kill", "-" + name, Long.toString(running.pid())).start();
    if (kill.waitFor() != 0) {
      throw new AssertionError("no signal " + name + " for process " + running.pid());
    }
  }

  @Override
  public final void kill() throws Exception {
    Processes.end(process, true);
  }

  @Override
  public final void shutDown() throws Exception {
    Processes.end(process, false);
  }

  @Override
  public final void stop() throws Exception {
    kill();
    Runtime.getRuntime().removeShutdownHook(atExit);
    Processes.delete(directory);
  }

  private void stopAtExit() {
    Process running = process;
    if (running != null) {
      running.destroyForcibly();
      running.onExit().join();
    }
    Processes.delete(directory);
  }
}
