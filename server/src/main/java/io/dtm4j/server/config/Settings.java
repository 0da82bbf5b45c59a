package io.dtm4j.server.config;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Values by key: the command line over the file over the environment over the default
 * (docs/spec/config.md 1). Remembers every key it was asked for, what it was worth, and what was
 * wrong with it.
 */
final class Settings {
  /**
   * One value as it counts.
   *
   * @param shown the value as it may be shown: secrets are masked
   * @param source null: the default
   */
  record Setting(String key, String shown, @Nullable String source) {}

  private static final Pattern BEFORE_WORD = Pattern.compile("(?<=[A-Z])(?=[A-Z][a-z])");
  private static final Pattern AFTER_WORD = Pattern.compile("(?<=[a-z])(?=[A-Z])");

  private final Map<String, String> options;
  private final Map<String, String> file;
  private final Map<String, String> environment;
  private final Map<String, Setting> asked = new LinkedHashMap<>();
  private final List<String> problems = new ArrayList<>();

  Settings(Map<String, String> options, Map<String, String> file, Map<String, String> environment) {
    this.options = options;
    this.file = file;
    this.environment = environment;
  }

  /** {@code MicroService.EndPoint} is {@code MICRO_SERVICE_END_POINT} (docs/spec/config.md 2). */
  static String environmentName(String key) {
    String joined = key.replace('.', '_');
    String words = AFTER_WORD.matcher(BEFORE_WORD.matcher(joined).replaceAll("_")).replaceAll("_");
    return words.toUpperCase(Locale.ROOT);
  }

  String text(String key, String byDefault) {
    return value(key, byDefault, false);
  }

  /** A text that is never shown. */
  String secret(String key) {
    return value(key, "", true);
  }

  int number(String key, int byDefault) {
    String text = value(key, Integer.toString(byDefault), false).strip();
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      problems.add(Checks.problem(key + origin(key), text, "an integer"));
      return byDefault;
    }
  }

  /** DTM writes switches as integers: 0 is off. */
  boolean flag(String key, boolean byDefault) {
    return number(key, byDefault ? 1 : 0) != 0;
  }

  /** A switch that may be left to others. */
  @Nullable Boolean flagOrNull(String key) {
    return text(key, "").isEmpty() ? null : flag(key, false);
  }

  Duration seconds(String key, Duration byDefault) {
    return Duration.ofSeconds(number(key, Math.toIntExact(byDefault.toSeconds())));
  }

  Duration minutes(String key, Duration byDefault) {
    return Duration.ofMinutes(number(key, Math.toIntExact(byDefault.toMinutes())));
  }

  void problem(String key, String value, String expected) {
    problems.add(Checks.problem(key + origin(key), value, expected));
  }

  List<String> problems() {
    return problems;
  }

  /** What was asked for, in that order. */
  List<Setting> asked() {
    return List.copyOf(asked.values());
  }

  Set<String> knownKeys() {
    return asked.keySet();
  }

  /** Whether anybody says anything about it. */
  boolean isGiven(String key) {
    return source(key) != null;
  }

  /** Who says what counts; null: nobody, so it is the default. */
  private @Nullable String source(String key) {
    if (options.containsKey(key)) {
      return "command line";
    }
    if (file.containsKey(key)) {
      return "file";
    }
    String name = environmentName(key);
    return environment.getOrDefault(name, "").isEmpty() ? null : name;
  }

  private String value(String key, String byDefault, boolean secret) {
    String fromEnvironment = environment.getOrDefault(environmentName(key), "");
    String value =
        options.getOrDefault(
            key, file.getOrDefault(key, fromEnvironment.isEmpty() ? byDefault : fromEnvironment));
    asked.put(key, new Setting(key, secret ? masked(value) : withoutSecrets(value), source(key)));
    return value;
  }

  /** A variable is named in what is said about its value: it may come from far away. */
  private String origin(String key) {
    String name = environmentName(key);
    return name.equals(source(key)) ? " (" + name + ")" : "";
  }

  private static String masked(String value) {
    return value.isEmpty() ? "" : "***";
  }

  /** Urls may carry a password or a token: of those only scheme and host are shown. */
  private static String withoutSecrets(String value) {
    return value
        .replaceAll("(?<=://)\\S*@", "***@")
        .replaceAll("(?<=https?://[^/?#]{1,253})[/?#].+", "/***");
  }
}
