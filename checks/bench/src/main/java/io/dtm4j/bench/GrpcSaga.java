package io.dtm4j.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.vertx.core.buffer.Buffer;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Performs a saga of two gRPC branches as one waited Submit over gRPC. Of its message only the gid
 * differs from one transaction to the next, so it is encoded by hand, by the field numbers of
 * {@code DtmRequest} (docs/spec/grpc-api.md).
 */
final class GrpcSaga implements Work.Performer {
  private static final int GID = 1;
  private static final int TRANS_TYPE = 2;
  private static final int TRANS_OPTIONS = 3;
  private static final int BIN_PAYLOADS = 5;
  private static final int STEPS = 7;

  /** {@code WaitResult} = true, the field number 1 of {@code DtmTransOptions}. */
  private static final byte[] WAIT_RESULT = {1 << 3, 1};

  private static final byte[] PAYLOAD =
      ("bench payload of about one hundred bytes,"
              + " as binary as one likes it to be, and no longer than that")
          .getBytes(UTF_8);

  private final GrpcCalls grpc;
  private final Buffer behindGid;

  GrpcSaga(Work.Site site) {
    grpc = site.grpc();
    String branch = Work.Site.PARTICIPANT_HOST + ":" + site.participantPort() + "/bench.Bank/";
    String steps =
        """
        [{"action":"%1$sOut","compensate":"%1$sOutBack"},{"action":"%1$sIn","compensate":"%1$sInBack"}]"""
            .formatted(branch);
    behindGid = Buffer.buffer();
    append(behindGid, TRANS_TYPE, "saga".getBytes(UTF_8));
    append(behindGid, TRANS_OPTIONS, WAIT_RESULT);
    append(behindGid, BIN_PAYLOADS, PAYLOAD);
    append(behindGid, BIN_PAYLOADS, PAYLOAD);
    append(behindGid, STEPS, steps.getBytes(UTF_8));
  }

  @Override
  public void perform(String gid, Consumer<@Nullable String> done) {
    Buffer framed = Buffer.buffer(GrpcCalls.PREFIX_BYTES + 2 + gid.length() + behindGid.length());
    framed.appendBuffer(GrpcCalls.EMPTY);
    append(framed, GID, gid.getBytes(UTF_8));
    framed.appendBuffer(behindGid);
    framed.setInt(1, framed.length() - GrpcCalls.PREFIX_BYTES);
    grpc.call("Submit", framed, done);
  }

  /**
   * Appends a field that is a text, bytes or a message: its number and kind 2, its length, itself.
   */
  private static void append(Buffer message, int field, byte[] value) {
    message.appendByte((byte) (field << 3 | 2));
    int length = value.length;
    while (length > 0x7f) { // seven bits a byte, the lowest first
      message.appendByte((byte) (length | 0x80));
      length >>>= 7;
    }
    message.appendByte((byte) length).appendBytes(value);
  }
}
