package io.dtm4j.crash;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A small file system of its own, which can be full, turn read-only or be taken away. Only root can
 * mount one: where that is not allowed, an error says so. Not thread-safe; blocks.
 */
final class SmallDisk implements AutoCloseable {
  private static final byte[] BLOCK = new byte[1 << 16];
  private static final long BETWEEN_FILLS_MILLIS = 2;
  private static final int MEGABYTE = 1 << 20;

  private final Path place;
  private final List<String> what;
  private boolean mounted;
  private @Nullable ScheduledExecutorService filler;

  private SmallDisk(Path place, List<String> what) throws IOException {
    this.place = Files.createDirectories(place);
    this.what = what;
    mount();
  }

  /** In memory. */
  static SmallDisk inMemory(Path place, int megabytes) throws IOException {
    return new SmallDisk(place, List.of("-t", "tmpfs", "-o", "size=" + megabytes + "m", "tmpfs"));
  }

  /** An ext4 in that file, which the kernel makes read-only when it finds an error in it. */
  static SmallDisk inFile(Path file, Path place, int megabytes) throws IOException {
    try (var image = new RandomAccessFile(file.toFile(), "rw")) {
      image.setLength((long) megabytes * MEGABYTE);
    }
    run("mkfs.ext4", "-q", "-F", file.toString());
    return new SmallDisk(place, List.of("-o", "loop,errors=remount-ro", file.toString()));
  }

  /** Mounts it again. */
  void mount() {
    var command = new ArrayList<>(List.of("mount"));
    command.addAll(what);
    command.add(place.toString());
    run(command.toArray(String[]::new));
    mounted = true;
  }

  /** Repairs what was made {@link #inFile}. */
  void repair() {
    run("sh", "-c", "e2fsck -p \"$1\" || [ $? -eq 1 ]", "sh", what.getLast()); // 1: repaired
  }

  /** It is full, and what room there comes is taken at once, until it is {@link #free}. */
  void fill() {
    fillUp();
    filler = Executors.newSingleThreadScheduledExecutor();
    var _ =
        filler.scheduleWithFixedDelay(this::fillUp, 0, BETWEEN_FILLS_MILLIS, TimeUnit.MILLISECONDS);
  }

  private synchronized void fillUp() {
    try (OutputStream ballast =
        Files.newOutputStream(ballast(), StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
      while (true) {
        ballast.write(BLOCK);
      }
    } catch (IOException _) {
      // full, or read-only
    }
  }

  void free() throws IOException {
    stopFilling();
    Files.delete(ballast());
  }

  private void stopFilling() {
    if (filler != null) {
      filler.close();
      filler = null;
    }
  }

  private Path ballast() {
    return place.resolve("ballast");
  }

  /**
   * Makes it read-only.
   *
   * @return false: it cannot be at the moment, because a file is open for writing
   */
  synchronized boolean makeReadOnly() {
    return failure("mount", "-o", "remount,ro", place.toString()).isEmpty();
  }

  void makeWritable() {
    run("mount", "-o", "remount,rw", place.toString());
  }

  /**
   * The kernel finds an error in it, while files are open for writing. They are held up meanwhile:
   * ext4 gives its journal up first and turns read-only a moment later, and in between tells some
   * syncs that they have succeeded whose data are lost (seen with Linux 6.18, in one of twenty
   * tries).
   */
  void breakNow() throws IOException {
    Path device = Path.of(output("findmnt", "-n", "-o", "SOURCE", place.toString()));
    run("fsfreeze", "--freeze", place.toString());
    try {
      Files.writeString(
          Path.of("/sys/fs/ext4/" + device.getFileName() + "/trigger_fs_error"), "by a test");
    } finally {
      run("fsfreeze", "--unfreeze", place.toString());
    }
  }

  /**
   * Takes it away, so that the empty directory below it shows.
   *
   * @return false: it cannot be at the moment, because a file is open
   */
  boolean unmount() {
    mounted = !failure("umount", place.toString()).isEmpty();
    return !mounted;
  }

  @Override
  public void close() {
    stopFilling();
    if (mounted) {
      run("umount", place.toString());
    }
  }

  private static void run(String... command) {
    String failure = failure(command);
    if (!failure.isEmpty()) {
      throw new AssertionError(
          "%s: %s (expected: run by root, who may mount file systems and use loop devices)"
              .formatted(String.join(" ", command), failure));
    }
  }

  private static String output(String... command) throws IOException {
    return new String(new ProcessBuilder(command).start().getInputStream().readAllBytes(), UTF_8)
        .strip();
  }

  /** What a command wrote when it failed; empty: it did not. */
  private static String failure(String... command) {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      String output = new String(process.getInputStream().readAllBytes(), UTF_8).strip();
      int code = process.waitFor();
      return code == 0 ? "" : List.of(code, output).toString();
    } catch (IOException e) {
      return e.toString();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }
}
