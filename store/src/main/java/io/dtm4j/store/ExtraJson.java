package io.dtm4j.store;

import static java.util.Comparator.comparing;
import static java.util.Comparator.reverseOrder;
import static java.util.Map.Entry.comparingByKey;
import static java.util.Map.Entry.comparingByValue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.dtm4j.model.Attempt;
import io.dtm4j.model.Extra;
import io.dtm4j.protocol.TraceContext;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * {@link Extra} as JSON: the object under the key {@code dtm4j} in DTM's {@code ext_data}, whose
 * other members stay as they are. The same in every store. Empty text stands for no {@code
 * ext_data}, and {@link Extra#NONE} for no such object.
 *
 * <p>The object has at most {@link #MAX_BYTES}: the texts of the oldest attempts go first, then the
 * oldest attempts themselves. What the rules need is never left out.
 */
public final class ExtraJson {
  /** Size of the object, in UTF-8. */
  public static final int MAX_BYTES = 16 << 10;

  private static final String KEY = "dtm4j";
  private static final String DELAY_UNTIL = "delay_until";
  private static final String RETRY_COUNT = "retry_count";
  private static final String PARKINGS = "parkings";
  private static final String ATTEMPTS = "attempts";
  private static final String REQUIRED = "required";
  private static final String DIRTY = "dirty";
  private static final String NUMBER = "number";
  private static final String AT = "at";
  private static final String KIND = "kind";
  private static final String TEXT = "text";

  /** Keeps the numbers of others as they are written. */
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
          .build();

  private ExtraJson() {}

  /**
   * The {@code ext_data} with this object in it.
   *
   * @param extData as it was, or ""
   * @throws IllegalArgumentException when that is no JSON object
   */
  public static String write(String extData, Extra extra) {
    if (extData.isEmpty() && extra.equals(Extra.NONE)) {
      return "";
    }
    ObjectNode root = extData.isEmpty() ? JSON.createObjectNode() : object(parse(extData));
    root.remove(KEY);
    if (!extra.equals(Extra.NONE)) {
      root.set(KEY, nodeOf(extra));
    }
    return root.isEmpty() ? "" : root.toString();
  }

  /**
   * The object in this {@code ext_data}.
   *
   * @throws IllegalArgumentException when that is no JSON object, or one of our members is not what
   *     it must be
   */
  public static Extra read(String extData) {
    JsonNode node = extData.isEmpty() ? null : object(parse(extData)).get(KEY);
    if (node == null) {
      return Extra.NONE;
    }
    Extra extra = Extra.NONE;
    var unknown = new HashMap<String, String>();
    for (Map.Entry<String, JsonNode> member : object(node).properties()) {
      JsonNode value = member.getValue();
      extra =
          switch (member.getKey()) {
            case DELAY_UNTIL -> extra.withDelayUntil(time(value));
            case RETRY_COUNT -> extra.withRetryCount(number(value));
            case PARKINGS -> extra.withParkings((int) number(value));
            case ATTEMPTS -> extra.withAttempts(attempts(object(value)));
            case REQUIRED -> extra.withRequired(steps(value));
            case DIRTY -> extra.withDirty(value.asBoolean());
            // Nothing depends on a trace, so what is none stops nothing.
            case TraceContext.PARENT ->
                extra.withTrace(
                    TraceContext.of(value.asText(), node.path(TraceContext.STATE).asText()));
            case TraceContext.STATE -> extra;
            default -> {
              unknown.put(member.getKey(), value.toString());
              yield extra;
            }
          };
    }
    return extra.withUnknown(unknown);
  }

  private static ObjectNode nodeOf(Extra extra) {
    ObjectNode node = JSON.createObjectNode();
    if (extra.delayUntil() != null) {
      node.put(DELAY_UNTIL, extra.delayUntil().toString());
    }
    if (extra.retryCount() != 0) {
      node.put(RETRY_COUNT, extra.retryCount());
    }
    if (extra.parkings() != 0) {
      node.put(PARKINGS, extra.parkings());
    }
    if (extra.required() != null) {
      node.set(REQUIRED, nodeOf(extra.required()));
    }
    if (extra.dirty()) {
      node.put(DIRTY, true);
    }
    TraceContext trace = extra.trace();
    if (trace != null) {
      node.put(TraceContext.PARENT, trace.parent());
      if (!trace.state().isEmpty()) {
        node.put(TraceContext.STATE, trace.state());
      }
    }
    new TreeMap<>(extra.unknown()).forEach((name, json) -> node.set(name, parse(json)));
    if (!extra.attempts().isEmpty()) {
      ObjectNode attempts = node.putObject(ATTEMPTS);
      fill(attempts, extra.attempts(), MAX_BYTES - sizeOf(node));
      if (attempts.isEmpty()) {
        node.remove(ATTEMPTS);
      }
    }
    return node;
  }

  /** Adds the newest attempts that have room, and the newest texts that still have room then. */
  private static void fill(ObjectNode node, Map<String, Attempt> attempts, int room) {
    List<Map.Entry<String, Attempt>> newestFirst =
        attempts.entrySet().stream()
            .sorted(comparingByKey())
            .sorted(comparingByValue(comparing(Attempt::at, reverseOrder())))
            .toList();
    int left = room;
    for (Map.Entry<String, Attempt> entry : newestFirst) {
      Attempt attempt = entry.getValue();
      ObjectNode bare =
          JSON.createObjectNode()
              .put(NUMBER, attempt.number())
              .put(AT, attempt.at().toString())
              .put(KIND, attempt.kind().name().toLowerCase(Locale.ROOT));
      left -= sizeOf(entry.getKey(), bare);
      if (left < 0) {
        return;
      }
      node.set(entry.getKey(), bare);
    }
    for (Map.Entry<String, Attempt> entry : newestFirst) {
      JsonNode text = JSON.getNodeFactory().textNode(entry.getValue().text());
      left -= sizeOf(TEXT, text);
      if (left < 0) {
        return;
      }
      node.withObjectProperty(entry.getKey()).set(TEXT, text);
    }
  }

  private static Map<String, Attempt> attempts(ObjectNode node) {
    var attempts = new HashMap<String, Attempt>();
    for (Map.Entry<String, JsonNode> entry : node.properties()) {
      JsonNode attempt = entry.getValue();
      attempts.put(
          entry.getKey(),
          new Attempt(
              (int) number(attempt.path(NUMBER)),
              time(attempt.path(AT)),
              kind(attempt.path(KIND).asText()),
              attempt.path(TEXT).asText()));
    }
    return attempts;
  }

  /** The kind of that name; those of a newer server count as unknown. */
  private static Attempt.Kind kind(String name) {
    for (Attempt.Kind kind : Attempt.Kind.values()) {
      if (kind.name().equalsIgnoreCase(name)) {
        return kind;
      }
    }
    return Attempt.Kind.UNKNOWN;
  }

  /** Numbers; three or more that follow one another as {@code [first, last]}. */
  private static ArrayNode nodeOf(List<Integer> steps) {
    ArrayNode node = JSON.createArrayNode();
    for (int i = 0; i < steps.size(); ) {
      int first = steps.get(i);
      int last = i + 1;
      while (last < steps.size() && steps.get(last) == first + last - i) {
        last++;
      }
      if (last - i < 3) {
        node.add(first);
        i++;
      } else {
        node.addArray().add(first).add(steps.get(last - 1));
        i = last;
      }
    }
    return node;
  }

  private static List<Integer> steps(JsonNode node) {
    var steps = new ArrayList<Integer>();
    for (JsonNode part : node) {
      long first = number(part.isArray() ? part.path(0) : part);
      long last = part.isArray() ? number(part.path(1)) : first;
      for (long step = first; step <= last; step++) {
        steps.add((int) step);
      }
    }
    return steps;
  }

  private static long number(JsonNode node) {
    if (node.isIntegralNumber()) {
      return node.longValue();
    }
    throw new IllegalArgumentException("ext_data: " + node + " (expected: a whole number)");
  }

  private static Instant time(JsonNode node) {
    try {
      return Instant.parse(node.asText());
    } catch (DateTimeException e) {
      throw new IllegalArgumentException("ext_data: " + node + " (expected: a time)", e);
    }
  }

  private static ObjectNode object(JsonNode node) {
    if (node instanceof ObjectNode object) {
      return object;
    }
    throw new IllegalArgumentException(
        "ext_data: " + node.getNodeType() + " (expected: an object)");
  }

  private static JsonNode parse(String json) {
    try {
      return JSON.readTree(json);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("ext_data is no JSON", e);
    }
  }

  /** What a member takes in an object, colon and comma included. */
  private static int sizeOf(String name, JsonNode value) {
    return sizeOf(JSON.getNodeFactory().textNode(name)) + sizeOf(value) + 2;
  }

  private static int sizeOf(JsonNode node) {
    return node.toString().getBytes(StandardCharsets.UTF_8).length;
  }
}
