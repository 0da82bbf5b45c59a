package io.dtm4j.crash;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;

/** Makes requests of HTTP that are wrong in one way or another: framing, head or body. */
final class BrokenHttp {
  private static final String[] HEADS = {
    "GET /api/dtmsvr/newGid",
    "GET /api/dtmsvr/query?gid=f1",
    "GET /api/dtmsvr/all?limit=3",
    "HEAD /api/ping",
    "GET /api/metrics",
    "GET /api/ready",
    "GET /api/dtmsvr/version",
    "PUT /api/dtmsvr/submit",
    "GET /",
    "OPTIONS *",
    "GET /api/dtmsvr/subscribe?topic=t&url=x",
    "GET /api/dtmsvr/scanKV?cat=topics",
    "CONNECT a:1",
    "get /api/ping",
    "DELETE /api/dtmsvr/topic/t",
    "GET http://x/api/ping",
    "GET /api/dtmsvr/query?gid=%zz&gid=%00",
    "PRI *",
    "GET /api/dtmsvr/all?limit=-1&position=%f0",
    "GET /%2e%2e/%2e%2e/etc/passwd",
    "GET //api//ping",
    "POST"
  };
  private static final String[] VERSIONS = {
    " HTTP/1.1",
    " HTTP/1.1",
    " HTTP/1.1",
    " HTTP/1.0",
    " HTTP/2.0",
    " HTTP/9.9",
    "",
    " http/1.1",
    " HTTP/1.1 x"
  };
  private static final String[] HEADERS = {
    "Host: x",
    "Host:",
    "Content-Length: 5",
    "Content-Length: -1",
    "Content-Length: 5, 6",
    "Content-Length: x",
    "Content-Length: 99999999999999999999",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip",
    "Expect: 100-continue",
    "Expect: x",
    "Connection: upgrade",
    "Upgrade: h2c",
    "HTTP2-Settings: AAAA",
    "Upgrade: websocket",
    "no colon",
    ": empty",
    " folded: x",
    "a b: c",
    "X: \u0000",
    "X: ü",
    "Content-Type: text/plain; charset=utf-16",
    "Connection: close",
    "Accept-Encoding: gzip",
    "Content-Encoding: gzip",
    "Keep-Alive: -1",
    "Range: bytes=0-",
    "Cookie: ;;;"
  };
  private static final String[] CHUNKS = {
    "5\r\nhello\r\n0\r\n\r\n",
    "5\r\nhel",
    "-1\r\n",
    "x\r\n",
    "ffffffffffffffffff\r\n",
    "0\r\n\r\n",
    "5;x=y\r\nhello\r\n0\r\nT: x\r\n\r\n",
    "2\r\n{}\r\n0\r\n\r\nGET /api/ping HTTP/1.1\r\n\r\n",
    "00000000000000000000000000005\r\nhello\r\n0\r\n\r\n",
    "\r\n"
  };
  private static final String[] ROUTES = {
    "submit",
    "submit",
    "prepare",
    "abort",
    "registerBranch",
    "prepareWorkflow",
    "forceStop",
    "resetCronTime",
    "resetNextCronTime",
    "query",
    "subscribe",
    "all",
    "nothing"
  };
  private static final String[] METHODS = {
    "submit",
    "prepare",
    "abort",
    "registerBranch",
    "prepareWorkflow",
    "newGid",
    "query",
    "forceStop",
    "x"
  };
  private static final int GIDS = 1_000;
  private static final int LONG = 20_000;

  /** One request of so many exceeds a limit of the server: such ones take their time. */
  private static final int HUGE_ONE_IN = 2_000;

  private static final int MOST_BODY = 8 << 20;
  private static final int MOST_HEADERS = 64 << 10;
  private static final int MOST_LINE = 16 << 10;

  private final String participant;

  /** Its good requests call a participant under that url, with a slash at its end. */
  BrokenHttp(String participant) {
    this.participant = participant;
  }

  /**
   * A request.
   *
   * @param whole it is a request by the rules of HTTP, so that exactly one answer must come
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Request(byte[] bytes, boolean whole) {}

  Request next(RandomGenerator random) {
    if (random.nextInt(HUGE_ONE_IN) == 0) {
      return huge(random);
    }
    return switch (random.nextInt(10)) {
      case 0 -> new Request(garbage(random), false);
      case 1, 2 -> new Request(head(random), false);
      case 3, 4, 5, 6 -> {
        String route = ROUTES[random.nextInt(ROUTES.length)];
        yield body("/api/dtmsvr/" + route, BrokenJson.from(transactions(random), random), random);
      }
      case 7, 8 -> body("/api/json-rpc", BrokenJson.from(procedures(random), random), random);
      default -> {
        byte[] good =
            body("/api/dtmsvr/submit", BrokenJson.from(transactions(random), random), random)
                .bytes();
        yield new Request(Arrays.copyOf(good, random.nextInt(good.length)), false);
      }
    };
  }

  /** By a few bytes or a lot more than the server takes. */
  private static Request huge(RandomGenerator random) {
    int more = random.nextBoolean() ? 1 : random.nextInt(1, LONG);
    String post = "POST /api/dtmsvr/submit HTTP/1.1\r\nHost: x\r\n";
    return switch (random.nextInt(4)) {
      case 0 -> {
        var json = new byte[MOST_BODY + more];
        Arrays.fill(json, (byte) ' ');
        yield body("/api/dtmsvr/submit", json, random);
      }
      case 1 -> {
        String length = random.nextBoolean() ? "" + (MOST_BODY + more) : "9".repeat(18);
        yield new Request(ascii(post + "Content-Length: " + length + "\r\n\r\n{}"), false);
      }
      case 2 -> {
        String header =
            random.nextBoolean()
                ? "X: " + "y".repeat(MOST_HEADERS + more) + "\r\n"
                : "X: yyyyyyyy\r\n".repeat(MOST_HEADERS / 10 + more);
        yield new Request(ascii(post + header + "\r\n"), false);
      }
      default ->
          new Request(
              ascii("GET /" + "x".repeat(MOST_LINE + more) + " HTTP/1.1\r\nHost: x\r\n\r\n"),
              false);
    };
  }

  private static byte[] garbage(RandomGenerator random) {
    var bytes = new byte[random.nextInt(1, 300)];
    random.nextBytes(bytes);
    return bytes;
  }

  private static byte[] head(RandomGenerator random) {
    var text = new StringBuilder(HEADS[random.nextInt(HEADS.length)]);
    if (random.nextInt(50) == 0) {
      text.append("/x".repeat(random.nextInt(LONG)));
    }
    text.append(VERSIONS[random.nextInt(VERSIONS.length)]).append("\r\n");
    for (int i = random.nextInt(5); i > 0; i--) {
      text.append(HEADERS[random.nextInt(HEADERS.length)])
          .append(random.nextInt(50) == 0 ? "\n" : "\r\n");
    }
    if (random.nextInt(50) == 0) {
      text.append("X: ").append("y".repeat(random.nextInt(LONG))).append("\r\n");
    }
    if (random.nextInt(50) == 0) {
      text.append("X: y\r\n".repeat(random.nextInt(LONG / 10)));
    }
    text.append("\r\n");
    if (random.nextInt(3) == 0) {
      text.append(CHUNKS[random.nextInt(CHUNKS.length)]);
    }
    return text.toString().getBytes(StandardCharsets.ISO_8859_1);
  }

  private static Request body(String path, byte[] json, RandomGenerator random) {
    var bytes = new ByteArrayOutputStream();
    String head = "POST " + path + " HTTP/1.1\r\nHost: x\r\n";
    if (random.nextInt(4) > 0) {
      bytes.writeBytes(ascii(head + "Content-Length: " + json.length + "\r\n\r\n"));
      bytes.writeBytes(json);
    } else {
      bytes.writeBytes(ascii(head + "Transfer-Encoding: chunked\r\n\r\n"));
      for (int from = 0; from < json.length; ) {
        int length = Math.min(json.length - from, random.nextInt(1, 5_000));
        bytes.writeBytes(ascii(Integer.toHexString(length) + "\r\n"));
        bytes.write(json, from, length);
        bytes.writeBytes(ascii("\r\n"));
        from += length;
      }
      bytes.writeBytes(ascii("0\r\n\r\n"));
    }
    return new Request(bytes.toByteArray(), true);
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private List<String> transactions(RandomGenerator random) {
    String gid = "f" + random.nextInt(GIDS);
    String start = "{\"gid\":\"" + gid + "\",\"trans_type\":";
    String steps =
        "\"steps\":[{\"action\":\"%1$sa\",\"compensate\":\"%1$sc\"}],\"payloads\":[\"{}\"]"
            .formatted(participant);
    return List.of(
        start
            + "\"saga\","
            + steps
            + ",\"wait_result\":true,\"concurrent\":true,\"custom_data\":\"{\\\"orders\\\":{}}\"}",
        start
            + "\"saga\","
            + steps
            + ",\"branch_headers\":{\"a\":\"b\"},\"retry_interval\":10,\"timeout_to_fail\":20}",
        start + "\"msg\"," + steps + ",\"query_prepared\":\"" + participant + "q\"}",
        start
            + "\"tcc\",\"branch_id\":\"01\",\"confirm\":\""
            + participant
            + "k\",\"cancel\":\"\",\"data\":\"{}\"}",
        start + "\"xa\",\"branch_id\":\"01\",\"url\":\"" + participant + "x\"}",
        start
            + "\"workflow\",\"query_prepared\":\""
            + participant
            + "w\",\"custom_data\":\"{\\\"name\\\":\\\"n\\\",\\\"data\\\":\\\"\\\"}\"}",
        start + "\"workflow\",\"req_extra\":{\"status\":\"succeed\",\"result\":\"\"}}");
  }

  private List<String> procedures(RandomGenerator random) {
    String method = METHODS[random.nextInt(METHODS.length)];
    return transactions(random).stream()
        .map(
            params ->
                "{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"%s\",\"params\":%s}"
                    .formatted(method, params))
        .toList();
  }
}
