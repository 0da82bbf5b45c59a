package io.dtm4j.databases;

import static java.util.Objects.requireNonNull;

import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.List;

/**
 * Servers that Debian does not have: the build puts their archives beside the classes (pom.xml).
 */
final class Downloads {
  private Downloads() {}

  /** Unpacks an archive. */
  static void unpack(String archive, Path into) throws Exception {
    Path file = directory().resolve(archive);
    if (!Files.exists(file)) {
      throw new AssertionError(
          "no " + file + ": the tests on this server need Linux on amd64, and a build with tests");
    }
    Path log = Files.createTempFile("dtm4j-unpack", ".log");
    Processes.run(
        log, List.of("tar", "-xf", file.toString(), "--no-same-owner", "-C", into.toString()));
    Files.delete(log);
  }

  private static Path directory() throws Exception {
    CodeSource classes = requireNonNull(Downloads.class.getProtectionDomain().getCodeSource());
    return Path.of(requireNonNull(classes.getLocation()).toURI()).resolveSibling("archives");
  }
}
