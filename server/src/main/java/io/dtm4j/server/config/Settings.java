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
 * Values by key: the file over the environment over the default (docs/spec/config.md 1). Remembers
 * every key it was asked for, what it was worth, and what was wrong with it.
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

  private final Map<String, String> file;
  private final Map<String, String> environment;
  private final Map<String, Setting> asked = new LinkedHashMap<>();
  private final List<String> problems = new ArrayList<>();

  Settings(Map<String, String> file, Map<String, String> environment) {
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

  /** Whether file or environment say anything about it. */
  boolean isGiven(String key) {
    return file.containsKey(key) || !environment.getOrDefault(environmentName(key), "").isEmpty();
  }

  private String value(String key, String byDefault, boolean secret) {
    String inFile = file.get(key);
    String inEnvironment = environment.getOrDefault(environmentName(key), "");
    String value = inFile != null ? inFile : inEnvironment.isEmpty() ? byDefault : inEnvironment;
    String source = inFile != null ? "file" : inEnvironment.isEmpty() ? null : environmentName(key);
    asked.put(key, new Setting(key, secret ? masked(value) : withoutSecrets(value), source));
    return value;
  }

  private String origin(String key) {
    return !file.containsKey(key) && isGiven(key) ? " (" + environmentName(key) + ")" : "";
  }

  private static String masked(String value) {
    return value.isEmpty() ? "" : "***";
  }

  /** Urls may carry a password or a token: of those only scheme and host are shown. */
  private static String withoutSecrets(String value) {
    return value
        .replaceAll("(?<=://)[^/@\\s]*@", "***@")
        .replaceAll("(?<=https?://[^/?#]{1,253})[/?#].+", "/***");
  }
}
