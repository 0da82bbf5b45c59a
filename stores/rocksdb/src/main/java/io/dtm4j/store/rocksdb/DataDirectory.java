package io.dtm4j.store.rocksdb;

import io.dtm4j.store.StoreUnavailableException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A directory of ours, locked for one process: {@code dtm4j.lock}, which also marks it as ours, and
 * {@code rocksdb}, the data. RocksDB's own lock would not do: it is open for a moment whenever the
 * database is opened again.
 */
final class DataDirectory implements AutoCloseable {
  private static final String LOCK = "dtm4j.lock";
  private static final String DATA = "rocksdb";
  private static final String SELF = "dtm4j, process " + ProcessHandle.current().pid();

  /**
   * What this process has locked. Whoever closes a file, here the lock file of a store that is
   * refused, gives up all locks that the process has on it: so it is not even opened.
   */
  private static final Set<Path> LOCKED_HERE = ConcurrentHashMap.newKeySet();

  private final Path directory;
  private final Path real;
  private final FileChannel lockFile;

  private DataDirectory(Path directory, Path real, FileChannel lockFile) {
    this.directory = directory;
    this.real = real;
    this.lockFile = lockFile;
  }

  /** Locks the directory, made when it is not there. */
  static DataDirectory lock(Path relative) {
    Path directory = relative.toAbsolutePath().normalize();
    try {
      create(directory);
      Path real = directory.toRealPath();
      if (!LOCKED_HERE.add(real)) {
        throw inUse(directory, SELF);
      }
      try {
        return new DataDirectory(directory, real, lockFile(directory));
      } catch (IOException | RuntimeException e) {
        LOCKED_HERE.remove(real);
        throw e;
      }
    } catch (IOException e) {
      throw new StoreUnavailableException(
          "data directory " + directory + " cannot be used (expected: a writable directory): " + e,
          e);
    }
  }

  private static FileChannel lockFile(Path directory) throws IOException {
    FileChannel lockFile =
        FileChannel.open(
            directory.resolve(LOCK),
            StandardOpenOption.CREATE,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE);
    try {
      if (lockFile.tryLock() == null) {
        throw inUse(directory, read(lockFile));
      }
      write(lockFile, SELF);
      create(directory.resolve(DATA));
      return lockFile;
    } catch (IOException | RuntimeException e) {
      lockFile.close();
      throw e;
    }
  }

  private static StoreUnavailableException inUse(Path directory, String holder) {
    return new StoreUnavailableException(
        "data directory "
            + directory
            + " is in use by "
            + (holder.isEmpty() ? "another server" : holder)
            + ": stop that one, or give this one a directory of its own (Store.Dir)",
        null);
  }

  /** Where RocksDB keeps its files. */
  Path data() {
    return directory.resolve(DATA);
  }

  @Override
  public String toString() {
    return directory.toString();
  }

  @Override
  public void close() {
    try {
      lockFile.close();
    } catch (IOException _) {
      // the lock ends with the process at the latest
    } finally {
      LOCKED_HERE.remove(real);
    }
  }

  /**
   * Deletes our data and nothing else. The lock file stays, as it is held: who has opened it
   * meanwhile would lock a file that nobody else sees, and two servers could have the directory.
   *
   * @return false: there is no such directory
   * @throws StoreUnavailableException when it is in use, or when there is a directory that is not
   *     ours
   */
  static boolean reset(Path directory) {
    if (!Files.exists(directory)) {
      return false;
    }
    if (!Files.exists(directory.resolve(LOCK))) {
      throw new StoreUnavailableException(
          directory + " is not a data directory of dtm4j: it has no " + LOCK + ". Nothing deleted",
          null);
    }
    try (var ours = lock(directory)) {
      deleteTree(ours.data());
      return true;
    } catch (IOException e) {
      throw new StoreUnavailableException("data in " + directory + " cannot be deleted: " + e, e);
    }
  }

  private static void deleteTree(Path tree) throws IOException {
    Files.walkFileTree(
        tree,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path directory, IOException failure)
              throws IOException {
            Files.delete(directory);
            return FileVisitResult.CONTINUE;
          }
        });
  }

  /** Makes a directory and its parents, so that a power cut does not take them back. */
  private static void create(Path directory) throws IOException {
    if (Files.isDirectory(directory)) {
      return;
    }
    Path parent = directory.getParent();
    if (parent != null) {
      create(parent);
    }
    Files.createDirectory(directory);
    if (parent != null) {
      try (FileChannel entries = FileChannel.open(parent, StandardOpenOption.READ)) {
        entries.force(true);
      }
    }
  }

  private static String read(FileChannel file) throws IOException {
    ByteBuffer text = ByteBuffer.allocate(100);
    file.read(text, 0);
    return new String(text.array(), 0, text.position(), StandardCharsets.UTF_8).strip();
  }

  private static void write(FileChannel file, String text) throws IOException {
    file.truncate(0);
    file.write(ByteBuffer.wrap((text + "\n").getBytes(StandardCharsets.UTF_8)), 0);
  }
}
