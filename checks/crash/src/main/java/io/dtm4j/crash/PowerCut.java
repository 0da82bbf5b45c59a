package io.dtm4j.crash;

import io.dtm4j.crash.ServerProcess.Setup;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/**
 * What a power cut leaves of the embedded store. A server that was killed has left all it wrote, in
 * the memory of the system; this takes away from the logs of its store what was never synced, as
 * the server has noted it. Not thread-safe.
 */
final class PowerCut {
  private final Path data;
  private final Path notes;

  /** The logs that the last cut has left: what is on disk then is safe from the next one. */
  private Map<String, Long> left = Map.of();

  PowerCut(Setup setup) {
    data = setup.data().resolve("rocksdb");
    notes = setup.folder().resolve("synced-lengths");
  }

  /** Its servers note what is synced. */
  Setup watching(Setup setup) {
    return setup.withJvm("-Ddtm4j.test.syncedLengths=" + notes);
  }

  /**
   * Cuts the logs of a server that was killed. A log of which something was synced keeps that, or
   * some of what came behind it; one of which nothing was synced is empty or gone.
   *
   * @return the bytes that are lost
   */
  long cut(Random random) {
    List<String> lines = lines();
    Map<String, Long> synced = lines.isEmpty() ? left : read(lines.getLast());
    Map<String, Long> kept = new HashMap<>();
    logs()
        .forEach(
            (log, length) -> {
              long sure = synced.getOrDefault(log, left.getOrDefault(log, 0L));
              if (sure > length) {
                throw new AssertionError(
                    log + " has " + length + " bytes, noted as synced were " + sure);
              }
              boolean exactly = sure == length || random.nextBoolean();
              kept.put(log, exactly ? sure : sure + random.nextLong(length - sure));
            });
    return cutTo(kept, random);
  }

  /**
   * Tears the last write that was synced, as if power had been cut while it was: all before it
   * stays. Only for a server that halted before anybody was told of that write.
   *
   * @param share of its bytes that stay, 0 to 1; never all, and never none
   */
  void tear(double share, Random random) {
    List<String> lines = lines();
    Map<String, Long> before = read(lines.get(lines.size() - 2));
    Map<String, Long> kept = new HashMap<>(read(lines.getLast()));
    int torn = 0;
    for (Map.Entry<String, Long> log : kept.entrySet()) {
      long from = before.getOrDefault(log.getKey(), 0L);
      long bytes = log.getValue() - from;
      if (bytes > 0) {
        torn++;
        log.setValue(from + Math.clamp(Math.round(bytes * share), 1, bytes - 1));
      }
    }
    if (torn != 1) {
      throw new AssertionError(torn + " logs have grown (expected: 1): " + lines.getLast());
    }
    cutTo(kept, random);
  }

  private long cutTo(Map<String, Long> kept, Random random) {
    long lost = 0;
    try {
      for (Map.Entry<String, Long> log : logs().entrySet()) {
        long length = kept.getOrDefault(log.getKey(), 0L);
        lost += log.getValue() - length;
        Path file = data.resolve(log.getKey());
        if (length == 0 && random.nextBoolean()) {
          Files.delete(file);
        } else {
          try (var channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(length);
          }
        }
      }
      Files.deleteIfExists(notes);
      left = logs();
      return lost;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The logs there are, with their lengths. */
  private Map<String, Long> logs() {
    Map<String, Long> lengths = new TreeMap<>();
    try (DirectoryStream<Path> logs = Files.newDirectoryStream(data, "*.log")) {
      for (Path log : logs) {
        lengths.put(data.relativize(log).toString(), Files.size(log));
      }
      return lengths;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What was noted, without a line that the kill has cut short: nobody was told of that write. */
  private List<String> lines() {
    if (!Files.exists(notes)) {
      return List.of();
    }
    try {
      String text = Files.readString(notes);
      return text.substring(0, text.lastIndexOf('\n') + 1).lines().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Map<String, Long> read(String line) {
    Map<String, Long> lengths = new HashMap<>();
    for (String log : line.strip().split(" ", -1)) {
      int colon = log.indexOf(':');
      lengths.put(log.substring(0, colon), Long.valueOf(log.substring(colon + 1)));
    }
    return lengths;
  }
}
