package io.dtm4j.server.config;

import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.Tag;

/**
 * Reads a configuration file into {@code Section.Key -> text}. The text is what stands in the file,
 * so a password {@code 0123} stays one and a quoted number is as good as a bare one.
 */
final class YamlFile {
  private final Map<String, String> values = new LinkedHashMap<>();
  private final List<String> problems = new ArrayList<>();

  private YamlFile() {}

  /** The values of the file. Keys without a value are left out: they count as not set. */
  static Map<String, String> read(Path file) {
    var yaml = new YamlFile();
    try {
      // Read before it is parsed: YAML would wrap what goes wrong with the file in words of its
      // own.
      var text = new StringReader(Files.readString(file));
      Node root = new Yaml(new SafeConstructor(new LoaderOptions())).compose(text);
      if (root instanceof MappingNode mapping) {
        yaml.collect("", mapping);
      } else if (root != null && !isNull(root)) {
        yaml.problems.add(file + ": keys and values expected, such as HttpPort: 36789");
      }
    } catch (IOException e) {
      throw new ConfigException(List.of(file + ": cannot be read (" + reason(file, e) + ")"));
    } catch (MarkedYAMLException e) {
      throw new ConfigException(List.of(file + ": not YAML" + place(e) + ": " + e.getProblem()));
    } catch (YAMLException e) {
      throw new ConfigException(List.of(file + ": not YAML: " + e.getMessage()));
    }
    if (!yaml.problems.isEmpty()) {
      throw new ConfigException(yaml.problems);
    }
    return yaml.values;
  }

  private void collect(String section, MappingNode mapping) {
    for (NodeTuple entry : mapping.getValue()) {
      String name = entry.getKeyNode() instanceof ScalarNode key ? key.getValue() : "?";
      String path = section.isEmpty() ? name : section + "." + name;
      switch (entry.getValueNode()) {
        case ScalarNode value when isNull(value) -> {}
        case ScalarNode value -> {
          if (values.putIfAbsent(path, value.getValue()) != null) {
            problems.add(path + ": given twice");
          }
        }
        // Sections hold keys only; anything deeper, a cycle of aliases included, is no key of ours.
        case MappingNode inner when section.isEmpty() -> collect(name, inner);
        default -> problems.add(path + ": a single value expected");
      }
    }
  }

  private static boolean isNull(Node node) {
    return node.getTag().equals(Tag.NULL);
  }

  private static String place(MarkedYAMLException e) {
    return e.getProblemMark() == null ? "" : " in line " + (e.getProblemMark().getLine() + 1);
  }

  static @Nullable String reason(Path file, IOException e) {
    return switch (e) {
      case NoSuchFileException _ -> "there is no such file";
      case AccessDeniedException _ -> "this user may not read it";
      case CharacterCodingException _ -> "it is not UTF-8";
      default -> Files.isDirectory(file) ? "it is a directory" : e.getMessage();
    };
  }
}
