package io.dtm4j.server.tracing;

import io.dtm4j.coordinator.Caller;
import io.dtm4j.server.config.ConfigException;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.spi.ConfigurationException;
import io.opentelemetry.sdk.resources.Resource;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Tracing by OpenTelemetry. What it cannot get rid of it drops: spans wait in a queue of bounded
 * length, and whoever ends one never waits for it to have room.
 */
public final class OpenTelemetryTracing implements Tracing {
  private static final Duration TOLD_WITHIN = Duration.ofSeconds(1);

  private static final AttributeKey<String> SERVICE = AttributeKey.stringKey("service.name");
  private static final AttributeKey<String> SERVICE_VERSION =
      AttributeKey.stringKey("service.version");
  private static final String NAME = "dtm4j";

  /** What OpenTelemetry calls those who do not say who they are. */
  private static final String UNNAMED = "unknown_service";

  private static final String VARIABLES = "OTEL_";

  /** Metrics are shown elsewhere, and the context goes along as the W3C says. */
  private static final Map<String, String> TRACES_ONLY =
      Map.of(
          "otel.metrics.exporter", "none",
          "otel.logs.exporter", "none",
          "otel.propagators", "none");

  private final OpenTelemetrySdk sdk;
  private final String version;

  /**
   * @param sdk closed with this
   * @param version of the server
   */
  public OpenTelemetryTracing(OpenTelemetrySdk sdk, String version) {
    this.sdk = sdk;
    this.version = version;
  }

  /**
   * Set up by the variables of an environment.
   *
   * @throws ConfigException when one of them has a value that cannot be used
   */
  static Tracing configured(Map<String, String> environment, String version) {
    try {
      return new OpenTelemetryTracing(
          AutoConfiguredOpenTelemetrySdk.builder()
              .addPropertiesCustomizer(_ -> properties(environment))
              .addResourceCustomizer((resource, _) -> named(resource, version))
              .addSpanExporterCustomizer(
                  (exporter, _) -> new TellingExporter(exporter, System::nanoTime))
              .disableShutdownHook() // its turn comes when nothing is called any more
              .build()
              .getOpenTelemetrySdk(),
          version);
    } catch (ConfigurationException e) {
      throw new ConfigException(List.of("OTEL_...: " + words(e)));
    }
  }

  /** Under the names that OpenTelemetry has for them inside. */
  private static Map<String, String> properties(Map<String, String> environment) {
    var properties = new HashMap<String, String>();
    environment.forEach(
        (name, value) -> {
          if (name.startsWith(VARIABLES)) {
            properties.put(name.toLowerCase(Locale.ROOT).replace('_', '.'), value);
          }
        });
    properties.putAll(TRACES_ONLY);
    return properties;
  }

  private static Resource named(Resource resource, String version) {
    String given = resource.getAttribute(SERVICE);
    Resource ours = Resource.builder().put(SERVICE_VERSION, version).build();
    return given == null || given.startsWith(UNNAMED)
        ? resource.merge(ours.toBuilder().put(SERVICE, NAME).build())
        : ours.merge(resource);
  }

  private static String words(ConfigurationException e) {
    Throwable cause = e.getCause();
    return e.getMessage() + (cause == null ? "" : ": " + cause.getMessage());
  }

  @Override
  public boolean isOn() {
    return true;
  }

  @Override
  public Caller around(Caller caller) {
    return new TracedCaller(caller, sdk.getTracer(NAME, version));
  }

  @Override
  public void close() {
    sdk.shutdown().join(TOLD_WITHIN.toMillis(), TimeUnit.MILLISECONDS);
  }
}
