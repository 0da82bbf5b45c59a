package io.dtm4j.coordinator;

import static java.util.Objects.requireNonNull;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Method;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.JavaFileObject.Kind;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.jspecify.annotations.Nullable;

/**
 * The simulation with one {@link Mutation} in it: all classes of this project once more, those of
 * the changed sources in front. Its classes and those outside have nothing to do with each other.
 */
final class Mutant implements AutoCloseable {
  private static final String CLASS_PATH = requireNonNull(System.getProperty("java.class.path"));

  private final URLClassLoader loader;
  private final Method run;

  /**
   * @param home of the project, where the sources are
   * @param folder an empty one, for the compiled classes
   * @throws IllegalStateException when the mutation does not fit the sources any more
   */
  Mutant(Mutation mutation, Path home, Path folder) throws ReflectiveOperationException {
    compile(mutation.sources(home), folder);
    loader = new OwnFirst(folder);
    run =
        Class.forName("io.dtm4j.coordinator.Simulation", true, loader)
            .getDeclaredMethod("objectionTo", long.class);
    run.setAccessible(true);
  }

  private static void compile(Map<Path, String> sources, Path folder) {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    var problems = new DiagnosticCollector<JavaFileObject>();
    List<String> options =
        List.of("-d", folder.toString(), "-cp", CLASS_PATH, "-proc:none", "-nowarn", "-Xlint:none");
    List<Source> files = new ArrayList<>();
    sources.forEach((file, text) -> files.add(new Source(file, text)));
    if (!compiler.getTask(null, null, problems, options, null, files).call()) {
      throw new IllegalStateException("does not compile: " + problems.getDiagnostics());
    }
  }

  private static final class Source extends SimpleJavaFileObject {
    private final String text;

    Source(Path file, String text) {
      super(URI.create("string:///" + file.getFileName()), Kind.SOURCE);
      this.text = text;
    }

    @Override
    public CharSequence getCharContent(boolean ignoreEncodingErrors) {
      return text;
    }
  }

  /** Loads the project's classes itself, and leaves those of libraries to the others. */
  private static final class OwnFirst extends URLClassLoader {
    OwnFirst(Path folder) {
      super(urls(folder), Mutant.class.getClassLoader());
    }

    private static URL[] urls(Path folder) {
      return Stream.concat(
              Stream.of(folder),
              Pattern.compile(File.pathSeparator).splitAsStream(CLASS_PATH).map(Path::of))
          .map(OwnFirst::url)
          .toArray(URL[]::new);
    }

    private static URL url(Path place) {
      try {
        return place.toUri().toURL();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
      if (!name.startsWith("io.dtm4j.")) {
        return super.loadClass(name, resolve);
      }
      synchronized (getClassLoadingLock(name)) {
        Class<?> loaded = findLoadedClass(name);
        return loaded == null ? findClass(name) : loaded;
      }
    }
  }

  /**
   * Runs one seed.
   *
   * @return what the simulation has against it; null: nothing
   */
  @Nullable String run(long seed) throws ReflectiveOperationException {
    return (String) run.invoke(null, seed);
  }

  @Override
  public void close() throws IOException {
    loader.close();
  }
}
