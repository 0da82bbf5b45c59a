package io.dtm4j.store.rocksdb;

import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * Only for tests of a power cut, which a kill is not: what a process has written stays in the
 * memory of the system. After each synced write a line in a file, which {@code
 * -Ddtm4j.test.syncedLengths=FILE} names, says which logs of RocksDB there are and how long: {@code
 * NAME:BYTES …}. Since nothing is written meanwhile, no line claims more than was synced. Not
 * thread-safe.
 */
final class SyncedLengths implements AutoCloseable {
  private static final @Nullable String FILE = System.getProperty("dtm4j.test.syncedLengths");

  private final Path directory;
  private final BufferedWriter file;

  private SyncedLengths(Path directory, String file) {
    this.directory = directory;
    try {
      this.file =
          Files.newBufferedWriter(
              Path.of(file), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** For the database in that directory; null: nobody has asked for it. */
  static @Nullable SyncedLengths of(Path directory) {
    return FILE == null ? null : new SyncedLengths(directory, FILE);
  }

  /** A synced write has returned. */
  void note() {
    var line = new StringBuilder();
    try (DirectoryStream<Path> logs = Files.newDirectoryStream(directory, "*.log")) {
      for (Path log : logs) {
        line.append(log.getFileName()).append(':').append(Files.size(log)).append(' ');
      }
      file.append(line.append('\n'));
      file.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    try {
      file.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
