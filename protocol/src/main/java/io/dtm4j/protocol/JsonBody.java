package io.dtm4j.protocol;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.io.JsonEOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * A body that is to be one JSON object, token by token: the rules that hold for every reader of
 * strangers' JSON here. What is no such object is an {@link UnreadableRequestException}.
 */
final class JsonBody {
  /** How deep members that are skipped may be nested. */
  static final int MAX_DEPTH = 500;

  // Names of members come from strangers: they are neither interned, nor may many that collide make
  // the parser fail. The length of a text is bounded by that of the body.
  static final JsonFactory JSON =
      JsonFactory.builder()
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
          .disable(JsonFactory.Feature.FAIL_ON_SYMBOL_HASH_OVERFLOW)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  .maxStringLength(Integer.MAX_VALUE)
                  .build())
          .build();

  private static final int DECODED_AT_ONCE = 1_024;

  private JsonBody() {}

  /** Reads a value from the tokens of a body. */
  interface Reading<T> {
    T read(JsonParser json) throws IOException, UnreadableRequestException;
  }

  /** Takes a member of an object; it reads the whole value. */
  interface Member {
    void take(String name, JsonToken value) throws IOException, UnreadableRequestException;
  }

  /** What a reading makes of the body in a part of an array. */
  static <T> T read(byte[] body, int offset, int length, Reading<T> reading)
      throws UnreadableRequestException {
    return read("the body", body, offset, length, reading);
  }

  /**
   * The same of something else than a body.
   *
   * @param what it is, for people
   */
  static <T> T read(String what, byte[] text, int offset, int length, Reading<T> reading)
      throws UnreadableRequestException {
    if (!isUtf8(text, offset, length)) {
      throw bad(what + " is no JSON in UTF-8");
    }
    try (JsonParser json = JSON.createParser(text, offset, length)) {
      return reading.read(json);
    } catch (StreamConstraintsException e) {
      throw bad(
          what
              + " is nested deeper than "
              + MAX_DEPTH
              + " levels, or has an endless name or number");
    } catch (JsonEOFException e) {
      throw bad(what + " is no JSON: it ends too early");
    } catch (JsonProcessingException e) {
      throw bad(what + " is no JSON" + positionOf(e));
    } catch (IOException e) {
      throw bad(what + " is no JSON in UTF-8");
    }
  }

  /**
   * Whether it is UTF-8, strictly. The parser also takes characters in more bytes than they need,
   * and pairs of surrogates: one gid would have several forms, and a filter before the server would
   * not see the slash in {@code C0 AF}.
   */
  private static boolean isUtf8(byte[] body, int offset, int length) {
    int end = offset + length;
    int ascii = offset;
    while (ascii < end && body[ascii] >= 0) {
      ascii++;
    }
    if (ascii == end) {
      return true;
    }
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    ByteBuffer rest = ByteBuffer.wrap(body, ascii, end - ascii);
    CharBuffer thrownAway = CharBuffer.allocate(DECODED_AT_ONCE);
    CoderResult result;
    do {
      result = decoder.decode(rest, thrownAway.clear(), true);
    } while (result.isOverflow());
    return !result.isError();
  }

  /** Reads the object that the body is. */
  static void object(JsonParser json, Member member)
      throws IOException, UnreadableRequestException {
    JsonToken first = json.nextToken();
    if (first == null) {
      throw bad("the body is empty (expected: a JSON object)");
    }
    if (first != JsonToken.START_OBJECT) {
      throw wrong("the body", first, "an object");
    }
    for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
      member.take(name, json.nextToken());
    }
    if (json.nextToken() != null) {
      throw bad("the body goes on behind its JSON object");
    }
  }

  /** A text; null in the body stands for {@code absent}. */
  static String text(JsonParser json, String name, JsonToken value, String absent)
      throws IOException, UnreadableRequestException {
    return switch (value) {
      case VALUE_STRING -> wellFormed(json.getText());
      case VALUE_NULL -> absent;
      default -> throw wrong(name, value, "a string");
    };
  }

  /**
   * The value at which the parser is, read to its end, as it is written in the body.
   *
   * @param offset where the parser began in the array
   */
  static String textOf(JsonParser json, byte[] body, int offset)
      throws IOException, UnreadableRequestException {
    int begin = beginOf(json);
    return new String(body, offset + begin, endOf(json) - begin, StandardCharsets.UTF_8);
  }

  /** Where the value at which the parser is begins, in bytes from where the parser began. */
  static int beginOf(JsonParser json) throws UnreadableRequestException {
    return counted(json.currentTokenLocation());
  }

  /** Reads that value to its end, and says where it is. */
  static int endOf(JsonParser json) throws IOException, UnreadableRequestException {
    json.skipChildren();
    json.finishToken();
    return counted(json.currentLocation());
  }

  private static int counted(JsonLocation location) throws UnreadableRequestException {
    if (location.getByteOffset() < 0) {
      throw bad("the body is no JSON in UTF-8"); // in UTF-16 no bytes are counted
    }
    return (int) location.getByteOffset();
  }

  /**
   * The text with halves of surrogate pairs replaced. They have no form in UTF-8: two gids that
   * differ in them only would be one in the store.
   */
  static String wellFormed(String text) {
    return PlainText.wellFormed(text);
  }

  static UnreadableRequestException wrong(String what, @Nullable JsonToken value, String expected) {
    return bad(what + ": " + kindOf(value) + " (expected: " + expected + ")");
  }

  private static String kindOf(@Nullable JsonToken value) {
    if (value == null) {
      return "nothing";
    }
    return switch (value) {
      case VALUE_STRING -> "a string";
      case VALUE_NUMBER_INT -> "a number";
      case VALUE_NUMBER_FLOAT -> "a number with a fraction or exponent";
      case VALUE_TRUE, VALUE_FALSE -> "true or false";
      case VALUE_NULL -> "null";
      case START_ARRAY -> "an array";
      case START_OBJECT -> "an object";
      default -> "something else";
    };
  }

  static UnreadableRequestException bad(String message) {
    return new UnreadableRequestException(ErrorCode.BAD_JSON, message);
  }

  /** Where the parser stopped; its own message is not used, because it quotes the body. */
  private static String positionOf(JsonProcessingException e) {
    return e.getLocation() == null || e.getLocation().getByteOffset() < 0
        ? ""
        : ": something is wrong at byte " + e.getLocation().getByteOffset();
  }
}
