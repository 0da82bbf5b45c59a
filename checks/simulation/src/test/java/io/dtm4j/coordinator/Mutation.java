package io.dtm4j.coordinator;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A deliberate defect: some texts of the sources are replaced by others. What it concerns is
 * compiled anew and loaded in front of the rest ({@link Mutant}), so no trace of it is in the
 * server.
 *
 * @param name what the defect does
 */
record Mutation(String name, List<Edit> edits) {
  /**
   * One replacement, of each place where the text stands.
   *
   * @param file below the home of the project
   */
  private record Edit(String file, String from, String to) {}

  static Mutation of(String name) {
    return new Mutation(name, List.of());
  }

  /** With a change of an engine's rule, or of what a batch does. */
  Mutation engine(String file, String from, String to) {
    return with("engine/src/main/java/io/dtm4j/engine/" + file, from, to);
  }

  Mutation model(String file, String from, String to) {
    return with("engine/src/main/java/io/dtm4j/model/" + file, from, to);
  }

  Mutation coordinator(String file, String from, String to) {
    return with("coordinator/src/main/java/io/dtm4j/coordinator/" + file, from, to);
  }

  Mutation store(String file, String from, String to) {
    return with("store/src/main/java/io/dtm4j/store/" + file, from, to);
  }

  /** With a change of the virtual world: what a store or an edge of the server does. */
  Mutation world(String file, String from, String to) {
    return with("coordinator/src/test/java/io/dtm4j/coordinator/" + file, from, to);
  }

  private Mutation with(String file, String from, String to) {
    List<Edit> more = new ArrayList<>(edits);
    more.add(new Edit(file, from, to));
    return new Mutation(name, more);
  }

  /**
   * The changed sources, by their files.
   *
   * @throws IllegalStateException when a text is not there any more: the mutation must be adapted
   */
  Map<Path, String> sources(Path home) {
    Map<Path, String> sources = new LinkedHashMap<>();
    for (Edit edit : edits) {
      Path file = home.resolve(edit.file());
      String source = sources.computeIfAbsent(file, Mutation::read);
      if (!source.contains(edit.from())) {
        throw new IllegalStateException(
            "mutation \"%s\": %s has no such text any more:%n%s"
                .formatted(name, edit.file(), edit.from()));
      }
      sources.put(file, source.replace(edit.from(), edit.to()));
    }
    return sources;
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public String toString() {
    return name;
  }
}
