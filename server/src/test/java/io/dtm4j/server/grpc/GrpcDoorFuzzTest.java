package io.dtm4j.server.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import com.google.protobuf.Empty;
import com.google.protobuf.MessageLite;
import io.dtm4j.protocol.ErrorCode;
import io.dtm4j.protocol.Reply;
import io.dtm4j.server.http.AddressPolicy;
import io.dtm4j.server.http.FakeDoors;
import io.dtm4j.server.http.InMemory;
import io.dtm4j.server.http.Loops;
import io.dtm4j.server.metrics.Metrics;
import io.dtm4j.stubs.DtmBranchRequest;
import io.dtm4j.stubs.DtmGrpc;
import io.dtm4j.stubs.DtmRequest;
import io.dtm4j.stubs.DtmTopicRequest;
import io.dtm4j.stubs.DtmTransOptions;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(ReplaceUnderscores.class)
class GrpcDoorFuzzTest {
  private static final long SEED = 20_261_129;
  private static final int CALLS = 4_000;
  private static final int AT_ONCE = 100;
  private static final int CONNECTIONS = 100;
  private static final int LIMIT = 4 << 10;

  private static final byte[] PREFACE =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

  private static final DtmRequest REQUEST =
      DtmRequest.newBuilder()
          .setGid("g1")
          .setTransType("saga")
          .setTransOptions(
              DtmTransOptions.newBuilder()
                  .setWaitResult(true)
                  .setTimeoutToFail(7)
                  .putBranchHeaders("x", "y"))
          .setCustomedData("{\"concurrent\":true}")
          .addBinPayloads(ByteString.copyFromUtf8("{}"))
          .setSteps("[{\"action\":\"http://a\",\"compensate\":\"http://c\"}]")
          .putReqExtra("status", "succeed")
          .build();

  private static final DtmBranchRequest BRANCH =
      DtmBranchRequest.newBuilder()
          .setGid("g1")
          .setTransType("tcc")
          .setBranchID("01")
          .putData("confirm", "http://k")
          .putData("cancel", "http://x")
          .setBusiPayload(ByteString.copyFromUtf8("payload"))
          .build();

  private static final DtmTopicRequest TOPIC =
      DtmTopicRequest.newBuilder().setTopic("t").setURL("http://u").setRemark("r").build();

  private static final List<Map.Entry<String, MessageLite>> GOOD =
      List.of(
          Map.entry("NewGid", Empty.getDefaultInstance()),
          Map.entry("Submit", REQUEST),
          Map.entry("Prepare", REQUEST),
          Map.entry("Abort", REQUEST),
          Map.entry("RegisterBranch", BRANCH),
          Map.entry("PrepareWorkflow", REQUEST),
          Map.entry("Subscribe", TOPIC),
          Map.entry("Unsubscribe", TOPIC),
          Map.entry("DeleteTopic", TOPIC));

  private final RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(SEED);
  private final Loops loops = Loops.start(2);
  private final InMemory memory = new InMemory();
  private final FakeDoors doors = new FakeDoors();
  private GrpcDoor door;
  private ManagedChannel channel;

  @BeforeEach
  void open() throws IOException {
    var config =
        new GrpcConfig(
            "127.0.0.1",
            0,
            LIMIT,
            1 << 20,
            1 << 20,
            Duration.ofMillis(500),
            Duration.ofSeconds(5),
            true);
    door =
        GrpcDoor.open(
            loops,
            config,
            new GrpcDoor.Operations(
                doors, memory.behind(doors).subscriptions(), () -> memory.notReady),
            AddressPolicy.ALL,
            new Metrics("", ""));
    channel = NettyChannelBuilder.forAddress("127.0.0.1", door.port()).usePlaintext().build();
  }

  @AfterEach
  void close() throws InterruptedException {
    channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    door.close();
    memory.close();
    loops.close();
  }

  @Test
  void whatever_message_comes_is_answered_with_a_status_that_fits() {
    doors.answer = new Reply.Failed(ErrorCode.GID_NOT_FOUND, "FAILURE: who is that?");
    var client = new RawClient(channel);
    int refused = 0;
    for (int done = 0; done < CALLS; done += AT_ONCE) {
      List<RawClient.Call> calls = new ArrayList<>();
      for (int i = done; i < done + AT_ONCE; i++) {
        Map.Entry<String, MessageLite> good = GOOD.get(i % GOOD.size());
        byte[] message = mutated(good.getValue().toByteArray());
        calls.add(client.begin(good.getKey()).send(message).end());
      }
      for (int i = 0; i < AT_ONCE; i++) {
        RawClient.Outcome outcome = calls.get(i).outcome.join();
        check("seed " + SEED + ", call " + (done + i), outcome);
        refused += outcome.status().isOk() ? 0 : 1;
      }
    }

    assertThat(refused).as("calls that were refused").isBetween(CALLS / 4, CALLS - 1);
    assertAlive();
  }

  private static void check(String what, RawClient.Outcome outcome) {
    assertThat(outcome.status().getCode())
        .as(what + ": " + outcome.status())
        .isIn(
            Status.Code.OK,
            Status.Code.INVALID_ARGUMENT,
            Status.Code.NOT_FOUND,
            Status.Code.UNKNOWN,
            Status.Code.RESOURCE_EXHAUSTED);
    if (!outcome.status().isOk()) {
      assertThat(String.valueOf(outcome.status().getDescription()))
          .as(what)
          .isNotEmpty()
          .doesNotContain("FAILURE", "ONGOING", "xception");
      if (outcome.status().getCode() != Status.Code.RESOURCE_EXHAUSTED) {
        assertThat(outcome.code()).as(what).matches("[A-Z_]+");
      }
    }
  }

  @Test
  void whatever_comes_on_a_connection_harms_nobody_else() throws IOException {
    for (int i = 0; i < CONNECTIONS; i++) {
      try (var socket = new Socket(InetAddress.getLoopbackAddress(), door.port())) {
        socket.setSoTimeout(20_000);
        if (random.nextInt(4) > 0) {
          socket.getOutputStream().write(PREFACE);
        }
        for (int frames = random.nextInt(8); frames > 0; frames--) {
          socket.getOutputStream().write(frame());
        }
        socket.shutdownOutput();
        InputStream in = socket.getInputStream();
        while (in.read() >= 0) {
          // whatever is said, it comes to an end
        }
      } catch (SocketException e) {
        // cut off: as good an answer as any
      }
    }

    assertAlive();
  }

  /** A frame of HTTP/2 that may mean something, or nothing. */
  private byte[] frame() {
    int length = random.nextInt(40);
    byte[] frame = new byte[9 + length];
    random.nextBytes(frame);
    frame[0] = 0;
    frame[1] = (byte) (random.nextInt(50) == 0 ? 1 : 0);
    frame[2] = (byte) length;
    frame[3] = (byte) random.nextInt(12);
    frame[4] = (byte) (random.nextBoolean() ? random.nextInt(64) : 0);
    frame[5] = 0;
    frame[6] = 0;
    frame[7] = 0;
    frame[8] = (byte) random.nextInt(4);
    return frame;
  }

  private void assertAlive() {
    assertThat(DtmGrpc.newBlockingStub(channel).newGid(Empty.getDefaultInstance()).getGid())
        .isNotEmpty();
    long until = System.nanoTime() + Duration.ofSeconds(10).toNanos();
    while (door.openCalls() > 0 || door.receivedBytes() > 0) {
      assertThat(System.nanoTime()).as("time until all calls have ended").isLessThan(until);
      Thread.onSpinWait();
    }
  }

  /** A message with some bytes changed, doubled, added or taken out; now and then a long one. */
  private byte[] mutated(byte[] good) {
    byte[] message = good;
    for (int change = random.nextInt(5); change > 0; change--) {
      int from = random.nextInt(message.length + 1);
      int to = Math.min(message.length, from + random.nextInt(1, 8));
      var changed = new ByteArrayOutputStream();
      changed.write(message, 0, from);
      switch (random.nextInt(5)) {
        case 0 -> changed.write(random.nextInt(256));
        case 1 -> changed.write(message, from, to - from);
        case 2 -> from = to;
        case 3 -> {
          changed.write(random.nextInt(256));
          from = Math.min(message.length, from + 1);
        }
        default -> {
          if (random.nextInt(20) == 0) {
            changed.writeBytes(new byte[random.nextInt(2 * LIMIT)]);
          }
        }
      }
      changed.write(message, from, message.length - from);
      message = changed.toByteArray();
    }
    return message;
  }
}
