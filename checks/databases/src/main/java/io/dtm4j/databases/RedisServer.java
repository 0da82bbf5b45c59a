package io.dtm4j.databases;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** A Redis that writes a log, synced every second. */
public final class RedisServer implements AutoCloseable {
  private static final byte[] PONG = "+PONG\r\n".getBytes(StandardCharsets.US_ASCII);

  private final Path directory;
  private final int port = Processes.freePort();
  private final Process process;
  private final Thread atExit = new Thread(this::end);

  /** Makes one and starts it. */
  public RedisServer() throws Exception {
    directory = Files.createTempDirectory("dtm4j-redis");
    Path log = directory.resolve("server.log");
    process =
        Processes.start(
            log,
            List.of(
                Processes.binary("redis-server", "/usr/bin", "/usr/local/bin").toString(),
                "--bind",
                "127.0.0.1",
                "--port",
                Integer.toString(port),
                "--dir",
                directory.toString(),
                "--save",
                "",
                "--appendonly",
                "yes",
                "--appendfsync",
                "everysec"));
    Runtime.getRuntime().addShutdownHook(atExit);
    Processes.await(process, log, this::ping);
  }

  private boolean ping() throws IOException {
    try (var socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.getOutputStream().write("PING\r\n".getBytes(StandardCharsets.US_ASCII));
      byte[] answer = socket.getInputStream().readNBytes(PONG.length);
      if (!Arrays.equals(answer, PONG)) {
        throw new IOException("no answer of a Redis");
      }
      return true;
    }
  }

  /** Where it is. */
  public String url() {
    return "redis://127.0.0.1:" + port;
  }

  /** Ends it and deletes all it had. */
  @Override
  public void close() {
    Runtime.getRuntime().removeShutdownHook(atExit);
    end();
  }

  private void end() {
    process.destroyForcibly();
    process.onExit().join();
    Processes.delete(directory);
  }
}
