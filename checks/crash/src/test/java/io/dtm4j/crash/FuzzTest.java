package io.dtm4j.crash;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.dtm4j.crash.ServerProcess.Setup;
import io.vertx.core.Vertx;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;

/**
 * A hundred thousand broken requests, over HTTP, JSON-RPC and gRPC, some slow, some broken off.
 * {@code -Dfuzz.requests=1000000} sends more, {@code -Dfuzz.seed=N} others; each request follows
 * from the seed and its number alone.
 */
@DisplayNameGeneration(ReplaceUnderscores.class)
@Isolated
class FuzzTest {
  private static final long SEED = Long.getLong("fuzz.seed", 20_261_129);
  private static final long REQUESTS = Long.getLong("fuzz.requests", 100_000);
  private static final long WARM_UP = 5_000;
  private static final int CLIENTS = 8;

  /** Longer than the server waits for the rest of a request. */
  private static final int HANGS_AFTER_MILLIS = 60_000;

  private static final int SLOW_ONES = 10;
  private static final int SILENT_ONES = 2;

  /** After this the server has surely given up what began and did not go on. */
  private static final Duration GIVEN_UP_WITHIN = Duration.ofSeconds(40);

  private static final int LONGEST_SLOW = 100_000; // or it goes on until the end of all
  private static final int LARGEST_PIECE = 1_000;
  private static final int SHOWN = 3_000;
  private static final int SERVER_ERROR = 500;
  private static final long MOST_HEAP_GROWTH = 32 << 20;
  private static final int MOST_NEW_FILES = 100; // of the store
  private static final Duration SOON = Duration.ofSeconds(60);

  /** UNKNOWN, INTERNAL, UNAVAILABLE and DATA_LOSS: the 5xx of gRPC. */
  private static final Set<String> SERVER_ERRORS = Set.of("2", "13", "14", "15");

  /** What the library says of a message that is no message of gRPC. */
  private static final String NOT_FRAMED = ".*(mid-frame|malformed|Can't decode compressed).*";

  private static final int MOST_FOUND = 10;

  /** With fewer requests some kinds may not come up. */
  private static final long ENOUGH_FOR_ALL_KINDS = 100_000;

  private static final String GIVEN_UP = "gRPC given up";

  /** How requests must have ended, or the generator has lost a kind of them. */
  private static final String[] ENDS = {
    "HTTP 200",
    "HTTP 400",
    "HTTP 404",
    "HTTP 413",
    "HTTP 414",
    "HTTP 431",
    "gRPC 0",
    "gRPC 3", // INVALID_ARGUMENT
    "gRPC 8", // RESOURCE_EXHAUSTED
    "gRPC 12", // UNIMPLEMENTED
    "gRPC reset",
    GIVEN_UP,
  };

  private final Vertx vertx = Vertx.vertx();

  /** What was not as it should be, with the request. */
  private final Queue<String> found = new ConcurrentLinkedQueue<>();

  /** How requests ended, and how many. */
  private final Map<String, LongAdder> ends = new ConcurrentHashMap<>();

  @TempDir Path folder;

  @AfterEach
  void close() {
    vertx.close().await();
  }

  /** A request after which the server was not as it should be. */
  private static final class Found extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Found(String what) {
      super(what);
    }
  }

  @Test
  @Timeout(value = 3, unit = TimeUnit.HOURS) // for many requests; each has its own end
  void broken_requests_are_answered_and_leave_nothing_behind() throws Exception {
    int port =
        vertx
            .createHttpServer()
            .requestHandler(request -> request.response().end())
            .listen(0, "127.0.0.1")
            .await()
            .actualPort();
    String participant = "http://127.0.0.1:" + port + "/";
    int grpcPort = ServerProcess.freePort();
    Setup setup = Setup.in(folder);
    try (ServerProcess server = setup.serve("--grpc-port=" + grpcPort)) {
      var doors = new Doors(setup.port(), grpcPort, participant);
      send(0, Math.min(WARM_UP, REQUESTS), doors);
      long heap = usedHeap(server);
      long sockets = files(server, "socket:");
      long files = files(server, "");

      send(WARM_UP, REQUESTS, doors);

      assertThat(server.output()).doesNotContain(" ERROR ");
      if (REQUESTS >= ENOUGH_FOR_ALL_KINDS) {
        assertThat(ends).containsKeys(ENDS);
      }
      saga(setup, participant);
      Await.until("sockets are closed", SOON, () -> files(server, "socket:") <= sockets);
      assertThat(files(server, "")).isLessThan(files + MOST_NEW_FILES);
      assertThat(usedHeap(server)).isLessThan(heap + MOST_HEAP_GROWTH);
    }
  }

  private static void saga(Setup setup, String participant) {
    ObjectNode saga =
        new ObjectMapper()
            .createObjectNode()
            .put("gid", "normal")
            .put("trans_type", "saga")
            .put("wait_result", true);
    saga.putArray("steps").addObject().put("action", participant + "a");
    saga.putArray("payloads").add("{}");

    Api.Answer answer = new Api(setup.url()).post("submit", saga);

    assertThat(answer.known()).as("%s", answer).isEqualTo(Api.Known.ACCEPTED);
  }

  // ---- the server's memory and files

  /** Bytes of what is reachable. */
  private static long usedHeap(ServerProcess server) throws IOException, InterruptedException {
    String jcmd =
        Path.of(requireNonNull(System.getProperty("java.home")), "bin", "jcmd").toString();
    Process process =
        new ProcessBuilder(jcmd, Long.toString(server.pid()), "GC.class_histogram")
            .redirectErrorStream(true)
            .start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    process.waitFor();
    String total = text.lines().filter(line -> line.startsWith("Total")).findFirst().orElseThrow();
    return Long.parseLong(total.split("\\s+", -1)[2]);
  }

  private static long files(ServerProcess server, String kind) {
    try (Stream<Path> all = Files.list(Path.of("/proc/" + server.pid() + "/fd"))) {
      return all.filter(file -> pointsTo(file).startsWith(kind)).count();
    } catch (IOException e) {
      throw new AssertionError("no list of open files", e);
    }
  }

  private static String pointsTo(Path file) {
    try {
      return Files.readSymbolicLink(file).toString();
    } catch (IOException e) {
      return ""; // closed meanwhile
    }
  }

  // ---- the clients

  private record Doors(int http, int grpc, String participant) {}

  private void send(long from, long to, Doors doors) throws Exception {
    var next = new AtomicLong(from);
    try (ExecutorService clients = Executors.newFixedThreadPool(CLIENTS)) {
      List<Future<?>> all = new ArrayList<>();
      for (int i = 0; i < CLIENTS; i++) {
        all.add(
            clients.submit(
                () -> {
                  try (var client = new Client(doors, found, ends)) {
                    for (long n = next.getAndIncrement(); n < to; n = next.getAndIncrement()) {
                      if (found.size() >= MOST_FOUND) {
                        return null;
                      }
                      client.send(n);
                    }
                    client.finish(to >= ENOUGH_FOR_ALL_KINDS);
                  }
                  return null;
                }));
      }
      for (Future<?> one : all) {
        one.get();
      }
    }
    assertThat(found).isEmpty();
  }

  private static String described(long number, byte[] request) {
    String text = new String(request, StandardCharsets.ISO_8859_1);
    var shown = new StringBuilder("seed " + SEED + ", request " + number + ":\n");
    for (int i = 0; i < Math.min(text.length(), SHOWN); i++) {
      char c = text.charAt(i);
      shown.append((c >= ' ' && c <= '~') || c == '\n' ? "" + c : "\\x%02x".formatted((int) c));
    }
    return shown.toString();
  }

  /** Sends one request after the other; slow ones are on their way meanwhile. */
  private static final class Client implements AutoCloseable {
    private final Doors doors;
    private final Queue<String> found;
    private final Map<String, LongAdder> ends;
    private final BrokenHttp http;
    private final BrokenGrpc grpc;
    private final Queue<Slow> slow = new ArrayDeque<>();
    private final Queue<Silent> silent = new ArrayDeque<>();
    private @Nullable RawHttp connection;
    private @Nullable RawHttp2 grpcConnection;

    Client(Doors doors, Queue<String> found, Map<String, LongAdder> ends) {
      this.doors = doors;
      this.found = found;
      this.ends = ends;
      http = new BrokenHttp(doors.participant());
      grpc = new BrokenGrpc(doors.participant());
    }

    /** A request that is sent a few bytes at a time. */
    private abstract static class Slow implements AutoCloseable {
      final long number;
      final byte[] bytes;
      int sent;

      Slow(long number, byte[] bytes) {
        this.number = number;
        this.bytes = bytes;
      }

      /** False: the server does not listen any more. */
      abstract boolean write(byte[] part) throws IOException;

      /** Nothing more is sent: takes what the server says. */
      abstract void end() throws IOException;

      @Override
      public abstract void close();
    }

    private final class SlowHttp extends Slow {
      private final RawHttp connection = new RawHttp(doors.http(), HANGS_AFTER_MILLIS);

      SlowHttp(long number, byte[] bytes) throws IOException {
        super(number, bytes);
      }

      @Override
      boolean write(byte[] part) throws IOException {
        return connection.write(part);
      }

      @Override
      void end() throws IOException {
        readAll(connection);
      }

      @Override
      public void close() {
        connection.close();
      }
    }

    /** Its message comes in many frames, cut anywhere. */
    private final class SlowGrpc extends Slow {
      private final BrokenGrpc.Call call;
      private final RawHttp2 connection = new RawHttp2(doors.grpc(), HANGS_AFTER_MILLIS);

      SlowGrpc(long number, BrokenGrpc.Call call, int piece) throws IOException {
        super(number, RawHttp2.frames(call, 1, piece));
        this.call = call;
      }

      @Override
      boolean write(byte[] part) throws IOException {
        return connection.write(part);
      }

      @Override
      void end() throws IOException {
        readEnd(call, connection, 1);
      }

      @Override
      public void close() {
        connection.close();
      }
    }

    /** A call of gRPC that has begun, and no message follows. */
    private record Silent(long number, RawHttp2 connection, int stream, long since) {}

    void send(long number) throws IOException {
      RandomGenerator random =
          RandomGeneratorFactory.of("L64X128MixRandom").create(SEED * 31 + number);
      if (random.nextInt(4) == 0) {
        sendGrpc(number, random);
      } else {
        sendHttp(number, random);
      }
      if (!slow.isEmpty()) {
        goOn(slow.remove(), random.nextInt(1, 200));
      }
      endSilent();
    }

    private void sendGrpc(long number, RandomGenerator random) {
      BrokenGrpc.Call call = grpc.next(random);
      int manner = random.nextInt(20);
      guarded(
          number,
          call.shown(),
          () -> {
            if (manner == 0 && slow.size() < SLOW_ONES) {
              slow.add(new SlowGrpc(number, call, random.nextInt(1, LARGEST_PIECE)));
            } else if (manner == 1 && silent.size() < SILENT_ONES) {
              beginSilent(number);
            } else if (manner == 2) {
              vanishAfter(call);
            } else {
              send(call);
            }
          });
    }

    private void sendHttp(long number, RandomGenerator random) {
      BrokenHttp.Request request = http.next(random);
      int manner = random.nextInt(20);
      guarded(
          number,
          request.bytes(),
          () -> {
            if (manner == 0 && slow.size() < SLOW_ONES && request.bytes().length < LONGEST_SLOW) {
              slow.add(new SlowHttp(number, request.bytes()));
            } else if (manner == 1) {
              vanishAfter(request.bytes());
            } else if (request.whole()) {
              askWhole(request.bytes());
            } else {
              askBroken(request.bytes());
            }
          });
    }

    /**
     * Ends what is slow.
     *
     * @param late and waits, where all was fast, for the first of the silent calls to be given up
     */
    void finish(boolean late) throws Exception {
      while (!slow.isEmpty()) {
        goOn(slow.remove(), Integer.MAX_VALUE);
      }
      Silent oldest = silent.peek();
      if (late && oldest != null && !ends.containsKey(GIVEN_UP)) {
        long passed = System.nanoTime() - oldest.since();
        TimeUnit.NANOSECONDS.sleep(GIVEN_UP_WITHIN.toNanos() - passed + 1);
      }
      endSilent();
    }

    private void beginSilent(long number) throws IOException {
      var opened = new RawHttp2(doors.grpc(), HANGS_AFTER_MILLIS);
      silent.add(new Silent(number, opened, opened.send(BrokenGrpc.silent()), System.nanoTime()));
    }

    /** Takes the ends of silent calls that the server must have given up by now. */
    private void endSilent() {
      for (Silent one = silent.peek();
          one != null && System.nanoTime() - one.since() > GIVEN_UP_WITHIN.toNanos();
          one = silent.peek()) {
        Silent over = silent.remove();
        guarded(
            over.number(),
            BrokenGrpc.silent().shown(),
            () -> {
              try (RawHttp2 ended = over.connection()) {
                Map<String, String> end = ended.end(over.stream());
                if (end == null || !"BAD_REQUEST".equals(end.get("dtm-error-code"))) {
                  throw new Found("a call without a message ended with " + end);
                }
                count(GIVEN_UP);
              }
            });
      }
    }

    private void count(String end) {
      ends.computeIfAbsent(end, _ -> new LongAdder()).increment();
    }

    private interface Sending {
      void send() throws IOException;
    }

    private void guarded(long number, byte[] request, Sending sending) {
      try {
        sending.send();
      } catch (SocketTimeoutException e) {
        found.add("no end in " + HANGS_AFTER_MILLIS + " ms, " + described(number, request));
        giveUp();
      } catch (IOException | Found e) {
        found.add(e.getMessage() + ", " + described(number, request));
        giveUp();
      }
    }

    /** Who knows what comes next on these. */
    private void giveUp() {
      if (connection != null) {
        connection.close();
        connection = null;
      }
      if (grpcConnection != null) {
        grpcConnection.close();
        grpcConnection = null;
      }
    }

    private void askWhole(byte[] request) throws IOException {
      RawHttp kept = connection;
      connection = null;
      RawHttp.Answer answer = kept == null ? null : kept.ask(request);
      RawHttp used = kept;
      if (used == null || answer == null) { // a kept connection may have been closed meanwhile
        if (kept != null) {
          kept.close();
        }
        used = new RawHttp(doors.http(), HANGS_AFTER_MILLIS);
        answer = used.ask(request);
      }
      if (answer != null && answer.keeps()) {
        connection = used;
      } else {
        used.close();
      }
      if (answer == null) {
        throw new Found("no answer");
      }
      check(answer);
    }

    private void askBroken(byte[] request) throws IOException {
      try (var broken = new RawHttp(doors.http(), HANGS_AFTER_MILLIS)) {
        broken.write(request);
        readAll(broken);
      }
    }

    private void readAll(RawHttp ending) throws IOException {
      ending.halfClose();
      for (RawHttp.Answer a = ending.read(); a != null; a = ending.read()) {
        check(a);
      }
    }

    private void vanishAfter(byte[] request) throws IOException {
      try (var vanishing = new RawHttp(doors.http(), HANGS_AFTER_MILLIS)) {
        vanishing.write(request);
      }
    }

    private void vanishAfter(BrokenGrpc.Call call) throws IOException {
      try (var vanishing = new RawHttp2(doors.grpc(), HANGS_AFTER_MILLIS)) {
        vanishing.send(call);
      }
    }

    private void goOn(Slow one, int bytes) throws IOException {
      int length = Math.min(bytes, one.bytes.length - one.sent);
      byte[] part = new byte[length];
      System.arraycopy(one.bytes, one.sent, part, 0, length);
      one.sent += length;
      guarded(
          one.number,
          one.bytes,
          () -> {
            boolean taken = one.write(part);
            if (taken && one.sent < one.bytes.length) {
              slow.add(one);
              return;
            }
            try (Slow ended = one) {
              ended.end();
            }
          });
    }

    private void check(RawHttp.Answer answer) {
      count("HTTP " + answer.status());
      if (answer.status() >= SERVER_ERROR && !answer.body().contains("\"code\":\"")) {
        throw new Found("answered " + answer);
      }
    }

    private void send(BrokenGrpc.Call call) throws IOException {
      if (!call.gentle()) {
        sendAlone(call);
        return;
      }
      RawHttp2 used = grpcConnection;
      if (used == null || !used.isUsable()) {
        if (used != null) {
          used.close();
        }
        used = new RawHttp2(doors.grpc(), HANGS_AFTER_MILLIS);
        grpcConnection = used;
      }
      Map<String, String> end = used.end(used.send(call));
      if (end == null) {
        throw new Found("a call without an end");
      }
      check(end);
    }

    private void sendAlone(BrokenGrpc.Call call) throws IOException {
      try (var alone = new RawHttp2(doors.grpc(), HANGS_AFTER_MILLIS)) {
        readEnd(call, alone, alone.send(call));
      }
    }

    private void readEnd(BrokenGrpc.Call call, RawHttp2 alone, int stream) throws IOException {
      if (!call.ends()) {
        alone.halfClose();
      }
      Map<String, String> end = alone.end(stream);
      if (end != null && (call.gentle() || end.containsKey("grpc-status"))) {
        check(end);
      } else if (call.gentle()) {
        throw new Found("a call without an end");
      }
    }

    private void check(Map<String, String> end) {
      if (end.getOrDefault(":status", "").startsWith("4")) {
        return; // it was no gRPC, which is the client's fault
      }
      String status = end.getOrDefault("grpc-status", "");
      count("gRPC " + (status.isEmpty() ? "reset" : status));
      boolean coded = end.containsKey("dtm-error-code");
      boolean misframed = end.getOrDefault("grpc-message", "").matches(NOT_FRAMED);
      boolean ended = !status.isEmpty() || end.containsKey(RawHttp2.BROKEN_OFF);
      if (!ended || (SERVER_ERRORS.contains(status) && !coded && !misframed)) {
        throw new Found("ended with " + end);
      }
    }

    @Override
    public void close() {
      giveUp();
      slow.forEach(Slow::close);
      silent.forEach(one -> one.connection().close());
    }
  }
}
