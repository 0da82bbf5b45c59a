package io.dtm4j.server.config;

import java.util.List;

/**
 * A configuration with what is to be said about it.
 *
 * @param warnings what was given and has no effect, one sentence each
 * @param given what differs from the defaults, {@code key=value (source)}, without secrets
 */
public record LoadedConfig(ServerConfig config, List<String> warnings, List<String> given) {
  public LoadedConfig {
    warnings = List.copyOf(warnings);
    given = List.copyOf(given);
  }
}
