package io.dtm4j.databases;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;

/** A directory that takes time to make: made once in a process, and deleted at its end. */
final class Template {
  private final Callable<Path> make;
  private @Nullable Path made;

  Template(Callable<Path> make) {
    this.make = make;
  }

  synchronized Path directory() throws Exception {
    Path directory = made;
    if (directory == null) {
      directory = make.call();
      Path temporary = directory;
      Runtime.getRuntime().addShutdownHook(new Thread(() -> Processes.delete(temporary)));
      made = directory;
    }
    return directory;
  }

  /** Copies what is in it, with owners and rights. */
  void copyTo(Path directory) throws Exception {
    Processes.copy(directory(), directory);
  }
}
