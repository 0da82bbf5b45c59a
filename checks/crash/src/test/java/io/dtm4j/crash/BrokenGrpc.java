package io.dtm4j.crash;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;

/** Makes calls of gRPC that are wrong in one way or another: frames, metadata or messages. */
final class BrokenGrpc {
  private static final int GIDS = 1_000;
  private static final int LONG = 40_000;
  private static final int MOST_FRAMES = 20;
  private static final String[] METHODS = {
    "NewGid",
    "Submit",
    "Submit",
    "Submit",
    "Prepare",
    "Abort",
    "RegisterBranch",
    "PrepareWorkflow",
    "Subscribe",
    "Unsubscribe",
    "DeleteTopic",
    "Nothing",
    ""
  };
  private static final List<Map.Entry<String, String>> ODD =
      List.of(
          Map.entry("grpc-timeout", "0n"),
          Map.entry("grpc-timeout", "1x"),
          Map.entry("grpc-timeout", "99999999999H"),
          Map.entry("grpc-encoding", "gzip"),
          Map.entry("grpc-encoding", "unknown"),
          Map.entry("content-type", "text/plain"),
          Map.entry("content-type", "application/grpc+json"),
          Map.entry("a-bin", "***"),
          Map.entry("UPPER", "x"),
          Map.entry("", "x"),
          Map.entry("te", "gzip"),
          Map.entry("connection", "close"),
          Map.entry("x", "y".repeat(9_000)),
          Map.entry(":status", "200"),
          Map.entry("content-length", "3"),
          Map.entry("x", "\u0000\u0001"));

  private final String participant;

  BrokenGrpc(String participant) {
    this.participant = participant;
  }

  /**
   * One call.
   *
   * @param headers of the request
   * @param body the bytes of its messages, with their prefixes
   * @param ends the client says that there is no more
   * @param gentle it keeps to the rules of HTTP/2, so that it does not disturb others on its
   *     connection, and its end must come
   * @param frames sent after all that, as they are
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Call(
      List<Map.Entry<String, String>> headers,
      byte[] body,
      boolean ends,
      boolean gentle,
      byte[] frames) {
    /** All of it, for people. */
    byte[] shown() {
      var all = new ByteArrayOutputStream();
      all.writeBytes((headers + "\n").getBytes(StandardCharsets.UTF_8));
      all.writeBytes(body);
      all.write('\n');
      all.writeBytes(frames);
      return all.toByteArray();
    }
  }

  Call next(RandomGenerator random) {
    String method = METHODS[random.nextInt(METHODS.length)];
    byte[] message = message(random);
    return switch (random.nextInt(20)) {
      case 0 -> new Call(headers(method), prefixed(message), false, false, frames(random));
      case 1 -> new Call(List.of(), new byte[0], false, false, frames(random));
      case 2 -> {
        List<Map.Entry<String, String>> headers = new ArrayList<>(headers(method));
        headers.set(random.nextInt(headers.size()), ODD.get(random.nextInt(ODD.size())));
        yield new Call(headers, prefixed(message), true, false, new byte[0]);
      }
      case 3 -> {
        List<Map.Entry<String, String>> headers = new ArrayList<>(headers(method));
        headers.add(ODD.get(random.nextInt(ODD.size())));
        yield new Call(headers, prefixed(message), true, false, new byte[0]);
      }
      case 4, 5, 6 ->
          new Call(headers(method), misframed(message, random), true, true, new byte[0]);
      default -> new Call(headers(method), prefixed(message), true, true, new byte[0]);
    };
  }

  /** Begins, and then sends no message. */
  static Call silent() {
    return new Call(headers("Submit"), new byte[0], false, false, new byte[0]);
  }

  private static List<Map.Entry<String, String>> headers(String method) {
    return List.of(
        Map.entry(":method", "POST"),
        Map.entry(":scheme", "http"),
        Map.entry(":path", "/dtmgimp.Dtm/" + method),
        Map.entry(":authority", "x"),
        Map.entry("te", "trailers"),
        Map.entry("content-type", "application/grpc"));
  }

  static byte[] prefixed(byte[] message) {
    return prefixed(0, message.length, message);
  }

  private static byte[] prefixed(int flags, int length, byte[] message) {
    var bytes = new ByteArrayOutputStream();
    bytes.write(flags);
    bytes.write(length >>> 24);
    bytes.write(length >>> 16);
    bytes.write(length >>> 8);
    bytes.write(length);
    bytes.writeBytes(message);
    return bytes.toByteArray();
  }

  private static byte[] misframed(byte[] message, RandomGenerator random) {
    return switch (random.nextInt(7)) {
      case 0 -> new byte[0];
      case 1 -> prefixed(0, random.nextInt(), message);
      case 2 -> prefixed(1, message.length, message);
      case 3 -> prefixed(random.nextInt(256), message.length, message);
      case 4 -> Arrays.copyOf(prefixed(message), random.nextInt(5 + message.length));
      case 5 -> message;
      default -> {
        var twice = new ByteArrayOutputStream();
        twice.writeBytes(prefixed(message));
        twice.writeBytes(prefixed(message));
        yield twice.toByteArray();
      }
    };
  }

  /** Frames of any type, with a length that fits, mostly. */
  private static byte[] frames(RandomGenerator random) {
    var bytes = new ByteArrayOutputStream();
    for (int i = random.nextInt(MOST_FRAMES); i >= 0; i--) {
      int length = random.nextInt(10) == 0 ? random.nextInt(1 << 24) : random.nextInt(20);
      var content = new byte[Math.min(length, random.nextInt(5) == 0 ? 100 : length)];
      random.nextBytes(content);
      bytes.write(length >>> 16);
      bytes.write(length >>> 8);
      bytes.write(length);
      bytes.write(random.nextInt(12));
      bytes.write(random.nextInt(256));
      int stream = random.nextInt(4) == 0 ? random.nextInt() : random.nextInt(4);
      bytes.write(stream >>> 24);
      bytes.write(stream >>> 16);
      bytes.write(stream >>> 8);
      bytes.write(stream);
      bytes.write(content, 0, Math.min(content.length, LONG));
    }
    return bytes.toByteArray();
  }

  private byte[] message(RandomGenerator random) {
    var fields = new ArrayList<byte[]>();
    fields.add(text(1, "f" + random.nextInt(GIDS)));
    String[] types = {"saga", "saga", "msg", "tcc", "xa", "workflow", "", "x"};
    fields.add(text(2, types[random.nextInt(types.length)]));
    switch (random.nextInt(4)) {
      case 0 -> {
        fields.add(text(3, "01"));
        fields.add(text(4, "confirm"));
        fields.add(bytes(5, concat(List.of(text(1, "confirm"), text(2, participant + "k")))));
        fields.add(text(6, "{}"));
      }
      case 1 -> {
        fields.add(text(3, participant + "s"));
        fields.add(text(6, participant + "q"));
      }
      default -> {
        fields.add(bytes(3, new byte[] {8, 1, 16, 20, 24, 10})); // WaitResult and times
        fields.add(text(4, "{\"concurrent\":false}"));
        fields.add(text(5, "{}"));
        fields.add(text(6, participant + "q"));
        fields.add(
            text(7, "[{\"action\":\"%1$sa\",\"compensate\":\"%1$sc\"}]".formatted(participant)));
      }
    }
    for (int i = random.nextInt(3); i > 0; i--) {
      change(fields, random);
    }
    byte[] message = concat(fields);
    if (message.length > 0 && random.nextInt(4) == 0) {
      for (int i = random.nextInt(5); i >= 0; i--) {
        message[random.nextInt(message.length)] = (byte) random.nextInt();
      }
    }
    return random.nextInt(6) == 0
        ? Arrays.copyOf(message, random.nextInt(message.length + 1))
        : message;
  }

  private static void change(List<byte[]> fields, RandomGenerator random) {
    int at = random.nextInt(fields.size());
    int number = random.nextInt(1, 12);
    switch (random.nextInt(8)) {
      case 0 -> fields.remove(at);
      case 1 -> fields.add(fields.get(at));
      case 2 -> fields.set(at, bytes(number, new byte[] {(byte) 0xff, (byte) 0xc0, 0})); // no UTF-8
      case 3 -> fields.set(at, new byte[] {(byte) (number << 3), (byte) 0x80, 1}); // a number
      case 4 -> fields.set(at, nested(number, random.nextInt(1, 300)));
      case 5 -> fields.set(at, text(number, "x".repeat(random.nextInt(LONG))));
      case 6 ->
          fields.set(
              at,
              text(
                  7,
                  new String(
                      BrokenJson.from(List.of("[{\"action\":\"x\"}]"), random),
                      StandardCharsets.ISO_8859_1)));
      default -> fields.set(at, text(number, random.nextBoolean() ? "" : "\u0000größe\n;"));
    }
    if (fields.isEmpty()) {
      fields.add(text(1, ""));
    }
  }

  private static byte[] nested(int number, int depth) {
    byte[] inner = {};
    for (int i = 0; i < depth; i++) {
      inner = bytes(number, inner);
    }
    return inner;
  }

  private static byte[] text(int number, String text) {
    return bytes(number, text.getBytes(StandardCharsets.UTF_8));
  }

  private static byte[] bytes(int number, byte[] content) {
    var field = new ByteArrayOutputStream();
    field.write(number << 3 | 2);
    int length = content.length;
    while (length > 0x7f) {
      field.write((length & 0x7f) | 0x80);
      length >>>= 7;
    }
    field.write(length);
    field.writeBytes(content);
    return field.toByteArray();
  }

  private static byte[] concat(List<byte[]> parts) {
    var all = new ByteArrayOutputStream();
    parts.forEach(all::writeBytes);
    return all.toByteArray();
  }
}
