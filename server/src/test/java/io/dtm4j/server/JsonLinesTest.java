package io.dtm4j.server;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.slf4j.event.KeyValuePair;

@DisplayNameGeneration(ReplaceUnderscores.class)
class JsonLinesTest {
  @Test
  void an_event_is_one_line_with_its_key_values_as_members() throws Exception {
    var logger = new LoggerContext().getLogger("io.dtm4j.Somewhere");
    var event =
        new LoggingEvent("", logger, Level.WARN, "store \"slow\"", new Exception("a\nb"), null);
    event.setInstant(Instant.parse("2026-01-02T03:04:05.678Z"));
    event.addKeyValuePair(new KeyValuePair("gid", "g1"));
    event.addKeyValuePair(new KeyValuePair("count", 3L));

    String line = new String(new JsonLines().encode(event), StandardCharsets.UTF_8);

    assertThat(line).endsWith("}\n").containsOnlyOnce("\n");
    JsonNode json = new ObjectMapper().readTree(line);
    assertThat(json.path("level").asText()).isEqualTo("warn");
    assertThat(json.path("msg").asText()).isEqualTo("store \"slow\"");
    assertThat(json.path("gid").asText()).isEqualTo("g1");
    assertThat(json.path("count").isNumber()).isTrue();
    assertThat(json.path("logger").asText()).isEqualTo("io.dtm4j.Somewhere");
    assertThat(Instant.parse(json.path("ts").asText())).isEqualTo(event.getInstant());
    assertThat(json.path("error").asText()).contains("Exception: a\nb");
  }
}
