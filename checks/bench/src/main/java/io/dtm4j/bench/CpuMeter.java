package io.dtm4j.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads how much CPU time the server, the processes of its store and this process have used, from
 * {@code /proc}, to 10 ms each. Blocks for some milliseconds when it looks for a store.
 */
final class CpuMeter {
  /** Linux reports in these units to every program, whatever its kernel counts in. */
  private static final long MICROS_PER_TICK = 10_000;

  /** The kernel cuts the names of processes. */
  private static final int LONGEST_NAME = 15;

  private final Path proc;
  private final long serverPid;
  private final Set<String> storeNames = new HashSet<>();

  /**
   * CPU time in microseconds since the processes began.
   *
   * @param server null when its process is not known
   * @param store null when no name was given
   */
  record Reading(@Nullable Long server, @Nullable Long store, long generator) {}

  CpuMeter(long serverPid, List<String> storeNames) {
    this(Path.of("/proc"), serverPid, storeNames);
  }

  CpuMeter(Path proc, long serverPid, List<String> storeNames) {
    this.proc = proc;
    this.serverPid = serverPid;
    for (String name : storeNames) {
      this.storeNames.add(name.substring(0, Math.min(name.length(), LONGEST_NAME)));
    }
  }

  /**
   * Reads all three.
   *
   * @throws BenchException when the server or the store does not run
   */
  Reading read() {
    return new Reading(
        serverPid == 0 ? null : serverMicros(),
        storeNames.isEmpty() ? null : storeMicros(),
        stat(proc.resolve(Long.toString(ProcessHandle.current().pid())))
            .map(Stat::micros)
            .orElse(0L));
  }

  private long serverMicros() {
    return stat(proc.resolve(Long.toString(serverPid)))
        .orElseThrow(() -> new BenchException("no process " + serverPid + " in " + proc))
        .micros();
  }

  /**
   * A store may fork for each connection or snapshot, and a child may end between two readings: its
   * time then stands among its parent's ended children, so these are counted, too.
   */
  private long storeMicros() {
    long sum = 0;
    Set<String> found = new HashSet<>();
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(proc, "[0-9]*")) {
      for (Path process : processes) {
        Stat stat = stat(process).orElse(null);
        if (stat != null && storeNames.contains(stat.name())) {
          sum += stat.micros() + stat.endedChildrenMicros();
          found.add(stat.name());
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    for (String name : storeNames) {
      if (!found.contains(name)) {
        throw new BenchException("no process named " + name + " in " + proc);
      }
    }
    return sum;
  }

  private static Optional<Stat> stat(Path process) {
    try {
      return Optional.of(Stat.parse(Files.readString(process.resolve("stat"))));
    } catch (IOException _) {
      return Optional.empty(); // there is none, or it has just ended
    }
  }

  private record Stat(String name, long micros, long endedChildrenMicros) {

    /** The name stands in parentheses and may hold any character, so it ends at the last one. */
    static Stat parse(String line) {
      int end = line.lastIndexOf(')');
      String[] afterName = line.substring(end + 2).split(" ", -1);
      return new Stat(
          line.substring(line.indexOf('(') + 1, end),
          (Long.parseLong(afterName[11]) + Long.parseLong(afterName[12])) * MICROS_PER_TICK,
          (Long.parseLong(afterName[13]) + Long.parseLong(afterName[14])) * MICROS_PER_TICK);
    }
  }
}
