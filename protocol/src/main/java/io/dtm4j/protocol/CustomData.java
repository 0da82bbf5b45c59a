package io.dtm4j.protocol;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Reads {@code custom_data}, the JSON text in which SDKs put a mode's own options. */
public final class CustomData {
  private static final JsonFactory JSON = new JsonFactory();

  private CustomData() {}

  /**
   * How the steps of a saga depend on each other.
   *
   * @param concurrent all steps that may run do run at the same time
   * @param orders for a step (from 0) the steps that must have succeeded before
   */
  public record Saga(boolean concurrent, Map<Integer, List<Integer>> orders) {
    /** One step after the other. */
    public static final Saga SEQUENTIAL = new Saga(false, Map.of());

    public Saga {
      orders = Map.copyOf(orders);
    }
  }

  /**
   * The custom data of a saga; "" is sequential.
   *
   * @throws IllegalArgumentException with the reason when it is not as it should be
   */
  public static Saga saga(String text) {
    if (text.isEmpty()) {
      return Saga.SEQUENTIAL;
    }
    return read(
        text,
        json -> {
          boolean concurrent = false;
          Map<Integer, List<Integer>> orders = new TreeMap<>();
          while (json.nextToken() == JsonToken.FIELD_NAME) {
            String name = json.currentName();
            json.nextToken();
            if (name.equalsIgnoreCase("concurrent") && json.currentToken().isBoolean()) {
              concurrent = json.getBooleanValue();
            } else if (name.equalsIgnoreCase("orders")
                && json.currentToken() == JsonToken.START_OBJECT) {
              readOrders(json, orders);
            } else if ((name.equalsIgnoreCase("concurrent") || name.equalsIgnoreCase("orders"))
                && json.currentToken() != JsonToken.VALUE_NULL) {
              throw new IllegalArgumentException("custom_data: " + name + " has the wrong type");
            } else {
              json.skipChildren();
            }
          }
          return new Saga(concurrent, orders);
        });
  }

  /**
   * The delay of a message in seconds; 0 when there is none.
   *
   * @throws IllegalArgumentException with the reason when it is not as it should be
   */
  public static long delay(String text) {
    if (text.isEmpty()) {
      return 0;
    }
    return read(
        text,
        json -> {
          long delay = 0;
          while (json.nextToken() == JsonToken.FIELD_NAME) {
            String name = json.currentName();
            json.nextToken();
            if (!name.equalsIgnoreCase("delay") || json.currentToken() == JsonToken.VALUE_NULL) {
              json.skipChildren();
            } else if (json.currentToken() == JsonToken.VALUE_NUMBER_INT) {
              delay = json.getLongValue();
            } else {
              throw new IllegalArgumentException("custom_data: delay is no whole number");
            }
          }
          return delay;
        });
  }

  /**
   * What a workflow is called back with.
   *
   * @param name of the workflow, as the application registered it; never empty
   * @param base64 its input, encoded; "" when there is none
   */
  public record Workflow(String name, String base64) {
    /** The input itself. */
    public byte[] data() {
      return Base64.getDecoder().decode(base64);
    }
  }

  /**
   * The custom data of a workflow.
   *
   * @throws IllegalArgumentException with the reason when it is not as it should be
   */
  public static Workflow workflow(String text) {
    Workflow workflow = read(text, CustomData::readWorkflow);
    if (workflow.name().isEmpty()) {
      throw new IllegalArgumentException("custom_data: name is missing");
    }
    try {
      workflow.data();
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("custom_data: data is no base64", e);
    }
    return workflow;
  }

  private static Workflow readWorkflow(JsonParser json) throws IOException {
    String name = "";
    String data = "";
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String member = json.currentName();
      JsonToken value = json.nextToken();
      boolean isName = member.equalsIgnoreCase("name");
      if (!isName && !member.equalsIgnoreCase("data")) {
        json.skipChildren();
      } else if (value == JsonToken.VALUE_STRING || value == JsonToken.VALUE_NULL) {
        String read = value == JsonToken.VALUE_NULL ? "" : json.getText();
        name = isName ? read : name;
        data = isName ? data : read;
      } else {
        throw new IllegalArgumentException("custom_data: " + member + " is no text");
      }
    }
    return new Workflow(name, data);
  }

  private interface Reading<T> {
    T read(JsonParser json) throws IOException;
  }

  /** Reads an object; JSON {@code null} counts as an empty one. */
  private static <T> T read(String text, Reading<T> reading) {
    try (JsonParser json = JSON.createParser(text)) {
      JsonToken first = json.nextToken();
      if (first != JsonToken.START_OBJECT && first != JsonToken.VALUE_NULL) {
        throw new IllegalArgumentException("custom_data is no JSON object");
      }
      T read = reading.read(json);
      if (json.nextToken() != null) {
        throw new IllegalArgumentException("custom_data goes on behind its JSON object");
      }
      return read;
    } catch (IOException e) {
      throw new IllegalArgumentException("custom_data is no JSON", e);
    }
  }

  private static void readOrders(JsonParser json, Map<Integer, List<Integer>> orders)
      throws IOException {
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      int step = stepOf(json.currentName());
      List<Integer> before = new ArrayList<>();
      JsonToken value = json.nextToken();
      if (value == JsonToken.START_ARRAY) {
        while (json.nextToken() != JsonToken.END_ARRAY) {
          if (json.currentToken() != JsonToken.VALUE_NUMBER_INT) {
            throw new IllegalArgumentException("custom_data: orders of step " + step);
          }
          before.add(json.getIntValue());
        }
      } else if (value != JsonToken.VALUE_NULL) {
        throw new IllegalArgumentException("custom_data: orders of step " + step);
      }
      orders.put(step, List.copyOf(before));
    }
  }

  private static int stepOf(String key) {
    try {
      return Integer.parseInt(key);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("custom_data: orders has no step " + key, e);
    }
  }
}
