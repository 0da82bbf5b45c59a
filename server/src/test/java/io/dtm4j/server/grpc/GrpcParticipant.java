package io.dtm4j.server.grpc;

import io.dtm4j.protocol.Payload;
import io.grpc.Context;
import io.grpc.Grpc;
import io.grpc.HandlerRegistry;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerMethodDefinition;
import io.grpc.Status;
import io.grpc.netty.NettyServerBuilder;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A participant that takes every method, remembers what it was called with, and answers. */
final class GrpcParticipant implements AutoCloseable {
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

  /**
   * What came.
   *
   * @param millisLeft until the deadline of the call
   * @param connection on which it came
   */
  record Came(
      String method, Metadata headers, Payload message, long millisLeft, String connection) {
    private static final Metadata.Key<String> GID =
        Metadata.Key.of("dtm-gid", Metadata.ASCII_STRING_MARSHALLER);

    String gid() {
      return String.valueOf(headers.get(GID));
    }
  }

  final LinkedBlockingQueue<Came> calls = new LinkedBlockingQueue<>();

  /** How calls end; null: never. */
  volatile @Nullable Status status = Status.OK;

  /** What is answered before OK. */
  volatile byte[] reply = {};

  private final Server server;

  GrpcParticipant(int port) throws IOException {
    this(InetAddress.getLoopbackAddress(), port);
  }

  GrpcParticipant(InetAddress address, int port) throws IOException {
    this(address, port, Integer.MAX_VALUE);
  }

  /**
   * One that takes a few calls at a time on a connection.
   *
   * @param callsAtOnce of a connection; the others wait
   */
  static GrpcParticipant narrow(int callsAtOnce) throws IOException {
    return new GrpcParticipant(InetAddress.getLoopbackAddress(), 0, callsAtOnce);
  }

  private GrpcParticipant(InetAddress address, int port, int callsAtOnce) throws IOException {
    server =
        NettyServerBuilder.forAddress(new InetSocketAddress(address, port))
            .maxConcurrentCallsPerConnection(callsAtOnce)
            .fallbackHandlerRegistry(
                new HandlerRegistry() {
                  @Override
                  public ServerMethodDefinition<?, ?> lookupMethod(
                      String name, @Nullable String authority) {
                    return method(name);
                  }
                })
            .build()
            .start();
  }

  private ServerMethodDefinition<byte[], byte[]> method(String name) {
    return ServerMethodDefinition.create(
        MethodDescriptor.newBuilder(BYTES, BYTES)
            .setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName(name)
            .build(),
        (call, headers) -> {
          call.request(2);
          return new ServerCall.Listener<>() {
            @Override
            public void onMessage(byte[] message) {
              var deadline = Context.current().getDeadline();
              calls.add(
                  new Came(
                      name,
                      headers,
                      Payload.of(message),
                      deadline == null ? -1 : deadline.timeRemaining(TimeUnit.MILLISECONDS),
                      String.valueOf(call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR))));
            }

            @Override
            public void onHalfClose() {
              Status end = status;
              if (end == null) {
                return;
              }
              if (end.isOk()) {
                call.sendHeaders(new Metadata());
                call.sendMessage(reply);
              }
              call.close(end, new Metadata());
            }
          };
        });
  }

  int port() {
    return server.getPort();
  }

  String url() {
    return "127.0.0.1:" + port() + "/bank.Bank/TransIn";
  }

  @Override
  public void close() {
    server.shutdownNow();
    try {
      server.awaitTermination(5, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
