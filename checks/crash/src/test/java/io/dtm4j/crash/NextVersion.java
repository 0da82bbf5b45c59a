package io.dtm4j.crash;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * Makes what a next version of the server may be: classes and resources that stand before those of
 * this one. Its tables have a format whose second number is one higher, and each transaction that
 * it writes gets a member that this version does not know.
 */
final class NextVersion {
  /** The member, as it is stored. */
  static final String MEMBER = "\"next_member\":7";

  private static final String SOURCE = "store/src/main/java/io/dtm4j/store/ExtraJson.java";
  private static final String TABLES = "io/dtm4j/store/sql/";

  private NextVersion() {}

  /**
   * Compiles it into that folder.
   *
   * @param home of the sources
   * @param libraries of this version
   */
  static Path in(Path folder, Path home, List<Path> libraries) throws IOException {
    Path classes = Files.createDirectories(folder.resolve("next-version"));
    Path source = folder.resolve("ExtraJson.java");
    Files.writeString(source, patched(Files.readString(home.resolve(SOURCE))));
    JavaCompiler compiler = requireNonNull(ToolProvider.getSystemJavaCompiler());
    try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
      files.setLocationFromPaths(javax.tools.StandardLocation.CLASS_PATH, libraries);
      files.setLocationFromPaths(javax.tools.StandardLocation.CLASS_OUTPUT, List.of(classes));
      boolean isCompiled =
          compiler
              .getTask(
                  null, files, null, List.of("-proc:none"), null, files.getJavaFileObjects(source))
              .call();
      if (!isCompiled) {
        throw new AssertionError("the next version cannot be compiled");
      }
    }
    for (String dialect : List.of("mysql", "postgres")) {
      Path tables = Files.createDirectories(classes.resolve(TABLES + dialect));
      Files.writeString(
          tables.resolve("V1_1__next.sql"),
          "alter table trans_global add column next_column varchar(45) null;\n");
    }
    return classes;
  }

  /** Always writes the member, and reads it as one of its own. */
  private static String patched(String source) {
    return replaced(
        replaced(
            replaced(
                replaced(
                    source, "extData.isEmpty() && extra.equals(Extra.NONE)", "extData == null"),
                "!extra.equals(Extra.NONE)",
                "extra != null"),
            "ObjectNode nodeOf(Extra extra) {\n    ObjectNode node = JSON.createObjectNode();",
            "ObjectNode nodeOf(Extra extra) {\n    ObjectNode node = JSON.createObjectNode();\n"
                + "    node.put(\"next_member\", 7);"),
        "case TraceContext.STATE -> extra;",
        "case TraceContext.STATE, \"next_member\" -> extra;");
  }

  private static String replaced(String text, String old, String by) {
    if (!text.contains(old)) {
      throw new AssertionError("the source has changed: no " + old);
    }
    return text.replace(old, by);
  }
}
