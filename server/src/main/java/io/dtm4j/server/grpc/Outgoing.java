package io.dtm4j.server.grpc;

import com.google.protobuf.ByteString;
import io.dtm4j.coordinator.Caller;
import io.dtm4j.engine.Call;
import io.dtm4j.protocol.BranchAnswer;
import io.dtm4j.protocol.GrpcAddress;
import io.dtm4j.protocol.GrpcAnswers;
import io.dtm4j.protocol.Payload;
import io.dtm4j.protocol.TransType;
import io.dtm4j.server.http.Room;
import io.dtm4j.store.EventLoop;
import io.dtm4j.stubs.WorkflowData;
import io.grpc.Attributes;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ClientStreamTracer;
import io.grpc.Deadline;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One call of a participant. Its payload is its message as it is; what comes back is not read.
 * Belongs to the loop of its target; whatever happens it ends once.
 */
final class Outgoing {
  private static final Logger log = LoggerFactory.getLogger(Outgoing.class);

  private static final String NO_RIGHT = "not called: the server has no right to it any more";

  /** A connection may end, or its participant say so, before it looked at a call. */
  private static final int MOST_REPEATS = 3;

  /** What the library says of calls that a participant refused to look at. */
  private static final List<String> UNPROCESSED =
      List.of(
          "REFUSED_STREAM",
          "closed unsent stream",
          "GOAWAY closed sent stream. HTTP/2 error code: NO_ERROR");

  /** The most characters that are kept of an answer. */
  private static final int LONGEST_TEXT = 16 << 10;

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
          "keep-alive",
          "proxy-connection",
          "te",
          "transfer-encoding",
          "upgrade",
          "user-agent");

  private static final String GRPC = "grpc-";

  private final Call call;
  private final GrpcAddress address;
  private final Metadata metadata;
  private final Caller.Ended ended;
  private final EventLoop loop;
  private final long beganAt;
  private final Deadline deadline;

  /** Bytes of the room for answers that it has taken. */
  private long held;

  private int repeats;

  private boolean starting = true;

  /** Where a call goes. */
  interface Target {
    /** What to call it on now. */
    Line line();

    /** Memory for answers that are on their way in. */
    Room answers();

    /**
     * A call has ended; told before anybody else is.
     *
     * @param beganAt by the monotonic clock
     */
    void ended(Status.Code code, long beganAt);
  }

  /**
   * What calls are sent on.
   *
   * @param connections those of the channel
   */
  record Line(ManagedChannel channel, Connections connections) {}

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
      Caller.Ended ended,
      EventLoop loop,
      long beganAt) {
    this.call = call;
    this.address = address;
    this.metadata = metadata;
    this.ended = ended;
    this.loop = loop;
    this.beganAt = beganAt;
    deadline = Deadline.after(call.timeout().toNanos(), TimeUnit.NANOSECONDS);
  }

  /**
   * A call that has not begun.
   *
   * @param loop the one of this thread
   * @param now by the monotonic clock
   * @throws IllegalArgumentException when it cannot be sent by gRPC
   */
  static Outgoing of(Call call, Caller.Ended ended, EventLoop loop, long now) {
    GrpcAddress address = GrpcAddress.of(call.url());
    var metadata = new Metadata();
    metadata.put(GID, sendable("gid", call.gid().value()));
    metadata.put(TRANS_TYPE, call.type().wireName());
    metadata.put(BRANCH_ID, sendable("branch_id", call.key().branchId()));
    metadata.put(OP, sendable("op", call.key().op().wireName()));
    metadata.put(SERVER, "");
    call.headers().forEach((name, value) -> add(metadata, name, value));
    return new Outgoing(call, address, metadata, ended, loop, now);
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

  /** Begins it. */
  void start(Target target) {
    new Attempt(target).begin();
    starting = false;
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

  private void end(BranchAnswer answer, boolean unreachable) {
    if (starting) {
      // Whoever sends does not expect the answer before its own method has returned.
      loop.execute(() -> ended.ended(answer, unreachable));
    } else {
      ended.ended(answer, unreachable);
    }
  }

  /**
   * The call as gRPC knows it. Mostly there is one; another one when the first would have left from
   * a thread on which nobody can say whether it may, or the participant has not looked at it.
   */
  private final class Attempt extends ClientCall.Listener<Ignored> {
    private final Target target;
    private final Line line;
    private final ClientCall<Payload, Ignored> sent;

    /** The library has taken it. */
    private volatile boolean started;

    /** Something of an answer has come. */
    private volatile boolean answered;

    /** It has a connection on which it may leave. */
    private volatile boolean left;

    /** Its beginning has left on it. */
    private volatile boolean begun;

    /** Why it was given up; null: it was not. */
    private volatile @Nullable GivenUp givenUp;

    Attempt(Target target) {
      this.target = target;
      line = target.line();
      sent =
          line.channel()
              .newCall(
                  MethodDescriptor.newBuilder(BYTES, NOTHING)
                      .setType(MethodDescriptor.MethodType.UNARY)
                      .setFullMethodName(address.method())
                      .build(),
                  CallOptions.DEFAULT
                      .withDeadline(deadline)
                      .withStreamTracerFactory(
                          new ClientStreamTracer.Factory() {
                            @Override
                            public ClientStreamTracer newClientStreamTracer(
                                ClientStreamTracer.StreamInfo info, Metadata headers) {
                              return new Tracer(Attempt.this);
                            }
                          }));
    }

    void begin() {
      sent.start(this, metadata);
      started = true;
      GivenUp why = givenUp;
      if (why != null) {
        sent.cancel(why.text, null);
        return;
      }
      try {
        sent.request(2);
        sent.sendMessage(message());
        sent.halfClose();
      } catch (IllegalStateException e) {
        if (givenUp == null) {
          throw e;
        }
      }
    }

    /** While the library starts a call it would not take note of its end. */
    void giveUp(GivenUp why) {
      givenUp = why;
      if (started) {
        sent.cancel(why.text, null);
      }
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      if (loop.isCurrent()) {
        end(status);
      } else {
        loop.execute(() -> end(status)); // a channel that cannot connect says so elsewhere
      }
    }

    private void end(Status status) {
      target.answers().give(held);
      held = 0;
      GivenUp why = givenUp;
      boolean isUnseen = why == null && mayRepeat(status);
      if (why == GivenUp.ON_ANOTHER_THREAD || (isUnseen && ended.mayLeave())) {
        again();
        return;
      }
      why = isUnseen ? GivenUp.HAS_NO_RIGHT : why;
      target.ended(status.getCode(), beganAt);
      if (why == null) {
        String text = status.getDescription() == null ? "" : status.getDescription();
        String message = text.substring(0, Math.min(text.length(), LONGEST_TEXT));
        Outgoing.this.end(
            GrpcAnswers.classify(status.getCode().value(), status.getCode().name(), message),
            isUnreachable(status));
      } else {
        Outgoing.this.end(new BranchAnswer.Unknown(why.text), false);
      }
    }

    /** Whether the participant certainly knows nothing of it, so that it need not wait. */
    private boolean mayRepeat(Status status) {
      String text = status.getDescription();
      return status.getCode() == Status.Code.UNAVAILABLE
          && left
          && !answered
          && (!begun || (text != null && UNPROCESSED.stream().anyMatch(text::contains)))
          && repeats++ < MOST_REPEATS;
    }

    private void again() {
      try {
        new Attempt(target).begin();
      } catch (RuntimeException e) {
        log.atError().setCause(e).addKeyValue("gid", call.gid()).log("a call failed by a defect");
        Outgoing.this.end(
            new BranchAnswer.Unknown("a defect of the server, its log has the cause"), false);
      }
    }

    private boolean isUnreachable(Status status) {
      if (left || line.connections().areUp()) {
        return false;
      }
      return switch (status.getCode()) {
        case DEADLINE_EXCEEDED -> true;
        case UNAVAILABLE -> line.connections().areDown() || isUnknownHost(status.getCause());
        default -> false;
      };
    }

    private static boolean isUnknownHost(@Nullable Throwable trouble) {
      Throwable cause = trouble;
      while (cause != null && !(cause instanceof UnknownHostException)) {
        cause = cause.getCause();
      }
      return cause != null;
    }
  }

  /** Why a call was given up. */
  private enum GivenUp {
    HAS_NO_RIGHT(NO_RIGHT),
    ON_ANOTHER_THREAD("to be sent again"),
    NO_ROOM("no memory for one more long answer");

    private final String text;

    GivenUp(String text) {
      this.text = text;
    }
  }

  /** What an attempt does on a connection; by the library's own repeats there may be several. */
  private final class Tracer extends ClientStreamTracer implements Connections.Leaving {
    private final Attempt attempt;
    private Connections.@Nullable Watch connection;
    private long size;

    Tracer(Attempt attempt) {
      this.attempt = attempt;
    }

    /** A connection is there, and nothing has been written. */
    @Override
    public void streamCreated(Attributes transport, Metadata headers) {
      if (!loop.isCurrent()) {
        attempt.giveUp(GivenUp.ON_ANOTHER_THREAD);
      } else if (ended.mayLeave()) {
        attempt.left = true;
        connection =
            attempt.line.connections().leaving(transport.get(Grpc.TRANSPORT_ATTR_LOCAL_ADDR), this);
      } else {
        attempt.giveUp(GivenUp.HAS_NO_RIGHT);
      }
    }

    @Override
    public void outboundHeaders() {
      attempt.begun = true;
      if (connection != null) {
        connection.begun(this);
      }
    }

    @Override
    public void inboundHeaders() {
      attempt.answered = true;
    }

    @Override
    public void inboundTrailers(Metadata trailers) {
      attempt.answered = true;
    }

    @Override
    public void streamClosed(Status status) {
      if (connection != null) {
        connection.over(this);
      }
    }

    @Override
    public boolean hasRight() {
      return ended.hasRight();
    }

    @Override
    public void heldBack() {
      attempt.giveUp(GivenUp.HAS_NO_RIGHT);
    }

    @Override
    public void inboundWireSize(long more) {
      if (attempt.givenUp != null) {
        return;
      }
      size += more;
      if (attempt.target.answers().take(more, size)) {
        held += more;
      } else {
        attempt.givenUp = GivenUp.NO_ROOM; // not while the library is reading
        loop.execute(() -> attempt.giveUp(GivenUp.NO_ROOM));
      }
    }
  }
}
