package io.dtm4j.protocol;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.Locale;

/**
 * The envelope of a JSON-RPC 2.0 request (docs/spec/http-api.md 6).
 *
 * @param id as JSON: a string, a number or {@code null}, to be sent back as it is; an empty string
 *     when there was none
 * @param version of JSON-RPC, "" when it was not said
 * @param method "" when it was not said
 * @param paramsOffset where the JSON of {@code params} begins in the array that was read
 * @param paramsLength its bytes; 0: there are no params
 */
public record JsonRpcRequest(
    String id, String version, String method, int paramsOffset, int paramsLength) {
  /** The id of an answer to what has none. */
  public static final String NO_ID = "\"\"";

  /** The most characters of an id, as JSON. */
  public static final int MAX_ID = 1_024;

  /** Whether this is JSON-RPC 2.0 that can be answered. */
  public boolean isValid() {
    return version.equals("2.0") && !id.equals(NO_ID);
  }

  /**
   * The envelope in a part of an array. Of duplicates the last one counts, as in {@link
   * RequestReader}.
   *
   * @throws UnreadableRequestException when it is no JSON object, or a known member has the wrong
   *     type; {@code params} may be anything
   */
  public static JsonRpcRequest read(byte[] body, int offset, int length)
      throws UnreadableRequestException {
    return JsonBody.read(body, offset, length, json -> new Reader(body, offset, json).envelope());
  }

  private static final class Reader {
    private final byte[] body;
    private final int offset;
    private final JsonParser json;
    private String id = NO_ID;
    private String version = "";
    private String method = "";
    private int paramsOffset;
    private int paramsLength;

    Reader(byte[] body, int offset, JsonParser json) {
      this.body = body;
      this.offset = offset;
      this.json = json;
    }

    JsonRpcRequest envelope() throws IOException, UnreadableRequestException {
      JsonBody.object(json, (name, value) -> member(name.toLowerCase(Locale.ROOT), value));
      return new JsonRpcRequest(id, version, method, paramsOffset, paramsLength);
    }

    private void member(String name, JsonToken value)
        throws IOException, UnreadableRequestException {
      switch (name) {
        case "id" -> id = id(value);
        case "jsonrpc" -> version = JsonBody.text(json, name, value, version);
        case "method" -> method = JsonBody.text(json, name, value, method);
        case "params" -> {
          int begin = JsonBody.beginOf(json);
          paramsOffset = offset + begin;
          paramsLength = JsonBody.endOf(json) - begin;
        }
        default -> json.skipChildren();
      }
    }

    private String id(JsonToken value) throws IOException, UnreadableRequestException {
      switch (value) {
        case VALUE_STRING, VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT, VALUE_NULL -> {
          String text = JsonBody.textOf(json, body, offset);
          if (text.length() > MAX_ID) {
            throw new UnreadableRequestException(
                ErrorCode.LIMIT_EXCEEDED,
                "id of " + text.length() + " characters (limit: " + MAX_ID + ")");
          }
          return text;
        }
        default -> throw JsonBody.wrong("id", value, "a string, a number or null");
      }
    }
  }
}
