package io.dtm4j.crash;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;

/** Makes JSON documents that are a little or very wrong from good ones. */
final class BrokenJson {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
  private static final int DEEPEST = 20_000;
  private static final int LONGEST = 20_000;
  private static final String[] WORDS = {
    "",
    " ",
    "0",
    "-1",
    "null",
    "saga",
    "msg",
    "tcc",
    "xa",
    "workflow",
    "http",
    "grpc",
    "json-rpc",
    "\u0000",
    "\ud800",
    "\n",
    "größe",
    "😀",
    "http://",
    "http://[",
    "a".repeat(200),
    "../..",
    "%00",
    "{}",
    "[]",
    "{\"a\":1}"
  };
  private static final String[] TEXTS = {
    "NaN",
    "Infinity",
    "01",
    "1.",
    ".5",
    "1e999",
    "-",
    "+1",
    "0x10",
    "'a'",
    "tru",
    "\"\\ud800\"",
    "\"\\x\"",
    "\"",
    "/**/1",
    "{,}",
    "[1,]",
    "{\"a\"}",
    "{\"a\":1,\"a\":2}",
    "9".repeat(400),
    "\u0001",
    ""
  };
  private static final byte[][] BAD_UTF_8 = {
    {(byte) 0xff},
    {(byte) 0xc3, 0x28},
    {(byte) 0xc0, (byte) 0x80},
    {(byte) 0xed, (byte) 0xa0, (byte) 0x80},
    {(byte) 0xf0}
  };

  private BrokenJson() {}

  /** A document made from one of these. */
  static byte[] from(List<String> good, RandomGenerator random) {
    JsonNode document = read(good.get(random.nextInt(good.size())));
    for (int i = random.nextInt(3); i > 0; i--) {
      change(document, random);
    }
    byte[] text = document.toString().getBytes(StandardCharsets.UTF_8);
    return random.nextInt(3) == 0 ? text : damaged(text, random);
  }

  private static JsonNode read(String text) {
    try {
      return JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(text, e);
    }
  }

  /** Replaces one value somewhere. */
  private static void change(JsonNode node, RandomGenerator random) {
    if (node instanceof ObjectNode object) {
      List<String> names = object.properties().stream().map(entry -> entry.getKey()).toList();
      if (names.isEmpty() || random.nextInt(10) == 0) {
        object.set(WORDS[random.nextInt(WORDS.length)], value(random));
        return;
      }
      String name = names.get(random.nextInt(names.size()));
      JsonNode member = object.path(name);
      if (member.isContainerNode() && random.nextBoolean()) {
        change(member, random);
      } else if (random.nextInt(4) == 0) {
        object.remove(name);
      } else {
        object.set(name, value(random));
      }
    } else if (node instanceof ArrayNode array) {
      if (array.isEmpty() || random.nextInt(4) == 0) {
        array.add(value(random));
      } else if (random.nextBoolean()) {
        change(array.get(random.nextInt(array.size())), random);
      } else {
        array.set(random.nextInt(array.size()), value(random));
      }
    }
  }

  private static JsonNode value(RandomGenerator random) {
    return switch (random.nextInt(9)) {
      case 0 -> NODES.nullNode();
      case 1 -> NODES.booleanNode(random.nextBoolean());
      case 2 -> NODES.numberNode(random.nextLong());
      case 3 -> NODES.numberNode(random.nextInt(-2, 3));
      case 4 -> NODES.numberNode(random.nextDouble());
      case 5 -> NODES.arrayNode().add(WORDS[random.nextInt(WORDS.length)]);
      case 6 -> NODES.objectNode().put(WORDS[random.nextInt(WORDS.length)], random.nextInt());
      default -> NODES.textNode(WORDS[random.nextInt(WORDS.length)]);
    };
  }

  private static byte[] damaged(byte[] text, RandomGenerator random) {
    int at = random.nextInt(text.length + 1);
    return switch (random.nextInt(8)) {
      case 0 -> Arrays.copyOf(text, at);
      case 1 -> with(text, at, BAD_UTF_8[random.nextInt(BAD_UTF_8.length)]);
      case 2 -> afterBrace(text, "\"gid\":\"other\",\"gid\":1,");
      case 3 -> afterBrace(text, "\"deep\":" + nested(random) + ",");
      case 4 -> afterBrace(text, "\"odd\":" + TEXTS[random.nextInt(TEXTS.length)] + ",");
      case 5 -> afterBrace(text, "\"long\":\"" + "x".repeat(random.nextInt(LONGEST)) + "\",");
      case 6 -> with(text, at, new byte[] {(byte) random.nextInt()});
      default -> nested(random).getBytes(StandardCharsets.UTF_8);
    };
  }

  private static String nested(RandomGenerator random) {
    int depth = 1 << random.nextInt(15);
    String open = random.nextBoolean() ? "[" : "{\"a\":";
    String close = open.equals("[") ? "]" : "}";
    return open.repeat(Math.min(depth, DEEPEST))
        + "1"
        + (random.nextInt(4) == 0 ? "" : close.repeat(depth));
  }

  private static byte[] afterBrace(byte[] text, String more) {
    return with(text, 1, more.getBytes(StandardCharsets.UTF_8));
  }

  private static byte[] with(byte[] text, int at, byte[] more) {
    var all = new ByteArrayOutputStream();
    all.write(text, 0, at);
    all.writeBytes(more);
    all.write(text, at, text.length - at);
    return all.toByteArray();
  }
}
