package io.dtm4j.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.dtm4j.model.Attempt;
import io.dtm4j.model.Branch;
import io.dtm4j.model.BranchKey;
import io.dtm4j.model.Definition;
import io.dtm4j.model.Extra;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Schedule;
import io.dtm4j.model.State;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.BranchStatus;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Gid;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.Op;
import io.dtm4j.protocol.Options;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import io.dtm4j.server.metrics.Metrics;
import io.dtm4j.store.KeyValue;
import io.dtm4j.store.Page;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The description of the HTTP API says what the door does. */
@DisplayNameGeneration(ReplaceUnderscores.class)
@Timeout(30)
class OpenApiTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** All that OpenAPI knows. */
  private static final List<String> METHODS =
      List.of("GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE");

  private final JsonNode description = read(OpenApi.text("v1"));

  private static JsonNode read(byte[] json) {
    try {
      return JSON.readTree(json);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** What is described of each operation, by its method and its path without names in it. */
  private Map<String, JsonNode> described() {
    var operations = new TreeMap<String, JsonNode>();
    for (Map.Entry<String, JsonNode> path : description.get("paths").properties()) {
      for (Map.Entry<String, JsonNode> method : path.getValue().properties()) {
        String name = method.getKey().toUpperCase(Locale.ROOT);
        operations.put(name + " " + path.getKey().replaceAll("\\{\\w+}", ""), method.getValue());
      }
    }
    return operations;
  }

  @Test
  void it_describes_each_route_and_nothing_else() {
    var routes = new TreeSet<String>();
    for (Route route : Route.values()) {
      List<String> methods = route.method() == null ? METHODS : List.of(route.method());
      methods.forEach(method -> routes.add(method + " " + route.path()));
    }

    assertThat(described().keySet()).isEqualTo(routes);
  }

  @Test
  void the_door_shows_it_and_knows_each_operation() throws Exception {
    try (var loops = Loops.start(1);
        var memory = new InMemory();
        HttpDoor door =
            HttpDoor.open(
                loops,
                ListenerConfig.DEFAULTS.withAddress("127.0.0.1", 0),
                memory.behind(new FakeDoors()),
                AddressPolicy.ALL,
                _ -> null,
                ZoneOffset.UTC,
                "v1",
                new Metrics("", ""));
        Wire wire = new Wire(door.port())) {
      Wire.Answer shown = wire.get("/api/openapi.json").answer();

      assertThat(shown.headers()).containsEntry("content-type", "application/json");
      assertThat(JSON.readTree(shown.body())).isEqualTo(description);
      assertThat(description.at("/info/version").asText()).isEqualTo("v1");
      for (Map.Entry<String, JsonNode> operation : described().entrySet()) {
        String[] parts = operation.getKey().split(" ", 2);
        String path = parts[1].endsWith("/") ? parts[1] + "name" : parts[1];
        Wire.Answer answer = wire.request(parts[0], path, "{}").head();
        if (!"HEAD".equals(parts[0])) {
          wire.withBody(answer);
        }
        assertThat(operation.getValue().get("responses").has(Integer.toString(answer.status())))
            .as("%s may be answered %d", operation.getKey(), answer.status())
            .isTrue();
      }
    }
  }

  @Test
  void every_reference_leads_somewhere_and_every_component_is_used() {
    var referred = new TreeSet<String>();
    for (JsonNode reference : description.findValues("$ref")) {
      String path = reference.asText();
      assertThat(description.at(path.substring(1)).isMissingNode()).as(path).isFalse();
      referred.add(path);
    }

    var components = new TreeSet<String>();
    for (Map.Entry<String, JsonNode> kind : description.get("components").properties()) {
      for (Map.Entry<String, JsonNode> one : kind.getValue().properties()) {
        components.add("#/components/" + kind.getKey() + "/" + one.getKey());
      }
    }
    assertThat(referred).isEqualTo(components);
  }

  /** In OpenAPI 3.0 nullable counts beside a type only, and not for what a reference forbids. */
  @Test
  void what_may_be_null_has_a_type() {
    for (JsonNode schema : description.findParents("nullable")) {
      assertThat(schema.has("type") && !schema.has("allOf") && !schema.has("anyOf"))
          .as("%s", schema)
          .isTrue();
    }
  }

  @Test
  void every_operation_has_a_name_of_its_own() {
    assertThat(description.get("paths").findValuesAsText("operationId"))
        .hasSameSizeAs(described().keySet())
        .doesNotHaveDuplicates();
  }

  private List<String> valuesOf(String schema) {
    var values = new ArrayList<String>();
    description
        .at("/components/schemas/" + schema + "/enum")
        .forEach(value -> values.add(value.asText()));
    return values;
  }

  @Test
  void it_knows_all_codes_modes_and_statuses() {
    var codes = new ArrayList<String>();
    for (ErrorCode code : ErrorCode.values()) {
      codes.add(code.name());
    }
    var modes = new ArrayList<String>();
    for (TransType type : TransType.values()) {
      modes.add(type.wireName());
    }
    var statuses = new ArrayList<String>();
    for (GlobalStatus status : GlobalStatus.values()) {
      statuses.add(status.wireName());
    }

    assertThat(valuesOf("ErrorCode")).containsExactlyElementsOf(codes);
    assertThat(valuesOf("TransType")).containsExactlyInAnyOrderElementsOf(modes);
    assertThat(valuesOf("Status")).containsExactlyInAnyOrderElementsOf(statuses);
  }

  @Test
  void answers_have_no_members_that_it_does_not_describe() {
    var key = new BranchKey("01", Op.ACTION);
    var now = Instant.EPOCH;
    var branch = new Branch(key, "http://a", Payload.of("x"), BranchStatus.SUCCEED, now, now);
    var state =
        new State(
            GlobalStatus.SUBMITTED,
            "reason",
            "result",
            now,
            null,
            new Schedule(Duration.ofSeconds(1), now),
            Extra.NONE.withAttempts(
                Map.of(key.toString(), new Attempt(1, now, Attempt.Kind.UNKNOWN, "text"))));
    var definition = new Definition(TransType.MSG, "http", "http://q", "{}", Options.DEFAULTS, now);
    var stored =
        new Stored(
            new Transaction(new Gid("g"), definition, state, List.of(branch)),
            new Owner(Owner.Mark.RESTING, "s", "c", 1));
    var records = new RecordJson(ZoneOffset.UTC, new Room(1 << 20));

    assertDescribed("Queried", records.query(stored, "a service"));
    assertDescribed("Workflow", records.workflow(stored));
    assertDescribed("TransactionPage", records.transactions(List.of(), "1"));
    assertDescribed(
        "KeyValuePage",
        records.keyValues(new Page<>(List.of(new KeyValue("c", "k", "v", 1, now, now)), "1")));
  }

  private void assertDescribed(String schema, Answer answer) {
    assertDescribed(
        schema, description.at("/components/schemas/" + schema), read(answer.body().getBytes()));
  }

  private void assertDescribed(String where, JsonNode schema, JsonNode value) {
    JsonNode known = schema.has("anyOf") ? schema.get("anyOf").get(0) : schema;
    if (known.has("$ref")) {
      assertDescribed(where, description.at(known.get("$ref").asText().substring(1)), value);
    } else if (value.isArray()) {
      value.forEach(item -> assertDescribed(where + "[]", known.get("items"), item));
    } else if (value.isObject()) {
      for (Map.Entry<String, JsonNode> member : value.properties()) {
        String name = where + "." + member.getKey();
        JsonNode described = known.at("/properties/" + member.getKey());
        assertThat(described.isMissingNode()).as(name + " is not described").isFalse();
        assertDescribed(name, described, member.getValue());
      }
    }
  }
}
