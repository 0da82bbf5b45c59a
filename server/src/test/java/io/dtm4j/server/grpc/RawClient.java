package io.dtm4j.server.grpc;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.concurrent.CompletableFuture;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/** A client that sends whatever bytes it is told to, as no, one or many messages. */
final class RawClient {
  /** Kept, or its level would be forgotten. */
  private static final Logger GRPC = Logger.getLogger("io.grpc");

  static {
    GRPC.setLevel(Level.SEVERE); // each message that is too long would be a stack trace
  }

  private static final MethodDescriptor.Marshaller<byte[]> BYTES =
      new MethodDescriptor.Marshaller<>() {
        @Override
        public InputStream stream(byte[] value) {
          return new ByteArrayInputStream(value);
        }

        @Override
        public byte[] parse(InputStream stream) {
          try {
            return stream.readAllBytes();
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        }
      };

  /** How a call ended. */
  record Outcome(Status status, Metadata trailers) {
    @Nullable String code() {
      return trailers.get(Statuses.ERROR_CODE);
    }
  }

  /** A call that goes on. */
  static final class Call extends ClientCall.Listener<byte[]> {
    final CompletableFuture<Outcome> outcome = new CompletableFuture<>();
    final ClientCall<byte[], byte[]> call;

    Call(ClientCall<byte[], byte[]> call) {
      this.call = call;
    }

    Call send(byte[] message) {
      call.sendMessage(message);
      return this;
    }

    Call end() {
      call.halfClose();
      return this;
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      outcome.complete(new Outcome(status, trailers));
    }
  }

  private final Channel channel;

  RawClient(Channel channel) {
    this.channel = channel;
  }

  /** Begins a call of a method of the service. */
  Call begin(String method) {
    return begin(method, new Metadata());
  }

  Call begin(String method, Metadata headers) {
    ClientCall<byte[], byte[]> call =
        channel.newCall(
            MethodDescriptor.newBuilder(BYTES, BYTES)
                .setType(MethodDescriptor.MethodType.BIDI_STREAMING)
                .setFullMethodName("dtmgimp.Dtm/" + method)
                .build(),
            CallOptions.DEFAULT);
    var begun = new Call(call);
    call.start(begun, headers);
    call.request(2);
    return begun;
  }

  /** Calls with one message. */
  Outcome call(String method, byte[] message) {
    return begin(method).send(message).end().outcome.join();
  }
}
