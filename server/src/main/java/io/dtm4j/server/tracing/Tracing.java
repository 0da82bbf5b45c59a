package io.dtm4j.server.tracing;

import io.dtm4j.coordinator.Caller;
import io.dtm4j.server.config.ConfigException;
import java.util.Locale;
import java.util.Map;

/** Whether and how calls of participants are told to a tracing system. Any thread. */
public interface Tracing extends AutoCloseable {
  /** Tells nobody. No class of OpenTelemetry is loaded for it, and calls go as they are. */
  Tracing OFF =
      new Tracing() {
        @Override
        public boolean isOn() {
          return false;
        }

        @Override
        public Caller around(Caller caller) {
          return caller;
        }

        @Override
        public void close() {}
      };

  /**
   * What the variables of OpenTelemetry ask for: off unless one of them names an exporter or its
   * endpoint (docs/operations.md).
   *
   * @param environment variables of the process, by name
   * @param version of the server
   * @throws ConfigException when one of them has a value that cannot be used
   */
  static Tracing of(Map<String, String> environment, String version) {
    return isWanted(environment) ? OpenTelemetryTracing.configured(environment, version) : OFF;
  }

  private static boolean isWanted(Map<String, String> environment) {
    if (value(environment, "OTEL_SDK_DISABLED").equals("true")) {
      return false;
    }
    String exporter = value(environment, "OTEL_TRACES_EXPORTER");
    return exporter.isEmpty()
        ? !value(environment, "OTEL_EXPORTER_OTLP_ENDPOINT").isEmpty()
            || !value(environment, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").isEmpty()
        : !exporter.equals("none");
  }

  private static String value(Map<String, String> environment, String name) {
    return environment.getOrDefault(name, "").trim().toLowerCase(Locale.ROOT);
  }

  /** Whether anything is told: only then requests are asked where in a trace they belong. */
  boolean isOn();

  /** The same caller with a span for each of its calls. */
  Caller around(Caller caller);

  /** Tells what has not been told yet. Blocks for a second at most, however it goes. */
  @Override
  void close();
}
