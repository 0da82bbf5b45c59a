package io.dtm4j.server.demo;

import io.dtm4j.server.config.ConfigParser;
import io.dtm4j.server.config.ServerConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** A folder with all that a short-lived server writes; deleted in the end. */
final class TemporaryFolder implements AutoCloseable {
  private final Path path;
  private boolean kept;

  private TemporaryFolder(Path path) {
    this.path = path;
  }

  static TemporaryFolder create(String prefix) throws IOException {
    return new TemporaryFolder(Files.createTempDirectory(prefix));
  }

  Path path() {
    return path;
  }

  /**
   * For a server of the loopback interface, as a file says it. Only what is said here counts, no
   * environment.
   */
  ServerConfig serverConfig(int httpPort, Path log) throws IOException {
    Path file = path.resolve("conf.yml");
    Files.writeString(
        file,
        """
        BindAddress: 127.0.0.1
        HttpPort: %d
        GrpcPort: 0
        Store:
          Dir: %s
        Log:
          Outputs: %s
        """
            .formatted(httpPort, quoted(path.resolve("data")), quoted(log)));
    return ConfigParser.load(file, Map.of(), Map.of()).config();
  }

  /** In YAML: nothing but the quote itself has a meaning there. */
  private static String quoted(Path path) {
    return "'" + path.toString().replace("'", "''") + "'";
  }

  /** It is not deleted: somebody will want to look at it. */
  void keep() {
    kept = true;
  }

  @Override
  public void close() throws IOException {
    if (kept) {
      return;
    }
    List<Path> found;
    try (Stream<Path> tree = Files.walk(path)) {
      found = tree.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path each : found) {
      Files.delete(each);
    }
  }
}
