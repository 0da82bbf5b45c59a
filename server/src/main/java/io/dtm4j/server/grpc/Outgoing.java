package io.dtm4j.server.grpc;

import com.google.protobuf.ByteString;
import io.dtm4j.engine.Call;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.GrpcAddress;
import io.dtm4j.protocol.GrpcAnswers;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import io.dtm4j.store.EventLoop;
import io.dtm4j.stubs.WorkflowData;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** One call of a participant. Its payload is its message as it is; what comes back is not read. */
final class Outgoing extends ClientCall.Listener<Outgoing.Ignored> {
  private static final Metadata.Key<String> GID = key("dtm-gid");
  private static final Metadata.Key<String> TRANS_TYPE = key("dtm-trans_type");
  private static final Metadata.Key<String> BRANCH_ID = key("dtm-branch_id");
  private static final Metadata.Key<String> OP = key("dtm-op");
  private static final Metadata.Key<String> SERVER = key("dtm-dtm");

  /** Headers that belong to the connection or to gRPC itself: never a client's. */
  private static final Set<String> OURS =
      Set.of(
          "connection",
          "content-type",
          "content-length",
          "host",
          "te",
          "transfer-encoding",
          "user-agent");

  private static final String GRPC = "grpc-";

  private final Call call;
  private final GrpcAddress address;
  private final Metadata metadata;
  private final Consumer<BranchAnswer> answered;
  private final long beganAt;
  private @Nullable EventLoop loop;
  private @Nullable Ended ended;

  /** Told of the end of a call, before anybody else. */
  interface Ended {
    /**
     * A call has ended.
     *
     * @param beganAt by the monotonic clock
     */
    void ended(Status.Code code, long beganAt);
  }

  /** The message of an answer, whatever it is. */
  enum Ignored {
    INSTANCE
  }

  private static final MethodDescriptor.Marshaller<Payload> BYTES =
      new MethodDescriptor.Marshaller<>() {
        @Override
        public InputStream stream(Payload payload) {
          return new ByteArrayInputStream(payload.bytes());
        }

        @Override
        public Payload parse(InputStream bytes) {
          throw new UnsupportedOperationException("a caller only sends them");
        }
      };

  private static final MethodDescriptor.Marshaller<Ignored> NOTHING =
      new MethodDescriptor.Marshaller<>() {
        @Override
        public InputStream stream(Ignored value) {
          throw new UnsupportedOperationException("a caller only receives them");
        }

        @Override
        public Ignored parse(InputStream bytes) {
          return Ignored.INSTANCE;
        }
      };

  private Outgoing(
      Call call,
      GrpcAddress address,
      Metadata metadata,
      Consumer<BranchAnswer> answered,
      long beganAt) {
    this.call = call;
    this.address = address;
    this.metadata = metadata;
    this.answered = answered;
    this.beganAt = beganAt;
  }

  /**
   * A call that has not begun.
   *
   * @param now by the monotonic clock
   * @throws IllegalArgumentException when it cannot be sent by gRPC
   */
  static Outgoing of(Call call, GrpcAddress address, Consumer<BranchAnswer> answered, long now) {
    var metadata = new Metadata();
    metadata.put(GID, sendable("gid", call.gid().value()));
    metadata.put(TRANS_TYPE, call.type().wireName());
    metadata.put(BRANCH_ID, sendable("branch_id", call.key().branchId()));
    metadata.put(OP, sendable("op", call.key().op().wireName()));
    metadata.put(SERVER, "");
    call.headers().forEach((name, value) -> add(metadata, name, value));
    return new Outgoing(call, address, metadata, answered, now);
  }

  private static void add(Metadata metadata, String name, String value) {
    String key = name.toLowerCase(Locale.ROOT);
    if (OURS.contains(key) || key.startsWith(GRPC)) {
      return;
    }
    if (!GrpcAddress.isMetadataKey(name)) {
      throw new IllegalArgumentException("branch_headers: a name that gRPC cannot send");
    }
    if (key.endsWith(Metadata.BINARY_HEADER_SUFFIX)) {
      metadata.put(
          Metadata.Key.of(key, Metadata.BINARY_BYTE_MARSHALLER),
          value.getBytes(StandardCharsets.UTF_8));
    } else {
      metadata.put(key(key), sendable("branch_headers", value));
    }
  }

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }

  /** gRPC leaves out what it cannot send, and a call without its gid would do harm. */
  private static String sendable(String what, String value) {
    if (!GrpcAddress.isMetadata(value)) {
      throw new IllegalArgumentException(what + " has characters that gRPC cannot send");
    }
    return value;
  }

  GrpcAddress address() {
    return address;
  }

  /**
   * Begins it.
   *
   * @param answersOn where its answer is told
   * @param told of its end, there, too
   */
  void start(Channel channel, EventLoop answersOn, Ended told) {
    loop = answersOn;
    ended = told;
    ClientCall<Payload, Ignored> sent =
        channel.newCall(
            MethodDescriptor.newBuilder(BYTES, NOTHING)
                .setType(MethodDescriptor.MethodType.UNARY)
                .setFullMethodName(address.method())
                .build(),
            CallOptions.DEFAULT.withDeadlineAfter(call.timeout().toNanos(), TimeUnit.NANOSECONDS));
    sent.start(this, metadata);
    sent.request(2);
    sent.sendMessage(message());
    sent.halfClose();
  }

  /** A workflow is resumed with its input in a message (docs/spec/grpc-api.md 7). */
  private Payload message() {
    if (call.type() != TransType.WORKFLOW || call.row() != Call.NO_ROW) {
      return call.payload();
    }
    return Payload.of(
        WorkflowData.newBuilder()
            .setData(ByteString.copyFrom(call.payload().bytes()))
            .build()
            .toByteArray());
  }

  @Override
  public void onClose(Status status, Metadata trailers) {
    EventLoop own = loop;
    if (own == null || own.isCurrent()) {
      end(status);
    } else {
      own.execute(() -> end(status)); // a channel that cannot connect says so elsewhere
    }
  }

  private void end(Status status) {
    if (ended != null) {
      ended.ended(status.getCode(), beganAt);
    }
    String message = status.getDescription() == null ? "" : status.getDescription();
    answered.accept(
        GrpcAnswers.classify(status.getCode().value(), status.getCode().name(), message));
  }
}
