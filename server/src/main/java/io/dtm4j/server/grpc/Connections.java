package io.dtm4j.server.grpc;

import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelFactory;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http2.Http2ConnectionDecoder;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2FrameListenerDecorator;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.util.AsciiString;
import java.net.SocketAddress;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The connections to one target, as they are below gRPC, which says neither whether one came up nor
 * what a service answered that it does not understand. Only on the loop of the target.
 */
final class Connections implements ChannelFactory<Channel> {
  private final ChannelFactory<? extends Channel> factory;

  /** Those that are open, by their address on this side. */
  private final Map<SocketAddress, Watch> open = new HashMap<>();

  private boolean failed;

  /**
   * None yet.
   *
   * @param factory makes the connections
   */
  Connections(ChannelFactory<? extends Channel> factory) {
    this.factory = factory;
  }

  @Override
  public Channel newChannel() {
    Channel channel = factory.newChannel();
    channel.pipeline().addFirst(new Watch());
    return channel;
  }

  /** Whether one is open, whatever is spoken on it. */
  boolean areUp() {
    return !open.isEmpty();
  }

  /** Whether none is open and the last attempt to open one failed. */
  boolean areDown() {
    return open.isEmpty() && failed;
  }

  /**
   * Notes a call that has a connection and of which nothing has been written. gRPC writes later, at
   * the end of what its loop is doing, or when another call of a connection has ended; when the
   * server stands still in between, others may long have taken over.
   *
   * @param connection its address on this side; null or unknown: one that nobody watches
   */
  void leaving(@Nullable SocketAddress connection, Leaving call) {
    Watch watch = open.get(connection);
    if (watch != null) {
      watch.leaving.add(call);
    }
  }

  /** A call has left, or never will. */
  void noMore(@Nullable SocketAddress connection, Leaving call) {
    Watch watch = open.get(connection);
    if (watch != null) {
      watch.leaving.remove(call);
    }
  }

  /** A call between its connection and the wire; equal to itself only. */
  interface Leaving {
    /** Whether the server still has the right to it. */
    boolean hasRight();

    /** It does not leave, and its connection is closed. */
    void heldBack();
  }

  /** Sees one connection come and go, before gRPC does. */
  private final class Watch extends ChannelDuplexHandler {
    private final Set<Leaving> leaving = new HashSet<>();
    private @Nullable SocketAddress address;
    private boolean listens;

    @Override
    public void connect(
        ChannelHandlerContext context,
        SocketAddress remote,
        SocketAddress local,
        ChannelPromise promise)
        throws Exception {
      promise.addListener(connected -> failed = !connected.isSuccess());
      super.connect(context, remote, local, promise);
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
      address = context.channel().localAddress();
      open.put(address, this);
      context.fireChannelActive();
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
      open.remove(address, this);
      context.fireChannelInactive();
    }

    /**
     * Nothing of a call may leave to which the server has lost the right (R7). What has been
     * written of it cannot be taken out again, so the connection goes with it, and the other calls
     * on it end as unknown.
     */
    @Override
    public void flush(ChannelHandlerContext context) throws Exception {
      if (mayAllLeave()) {
        context.flush();
        return;
      }
      List<Leaving> late = leaving.stream().filter(call -> !call.hasRight()).toList();
      late.forEach(Leaving::heldBack);
      super.close(context, context.newPromise());
    }

    private boolean mayAllLeave() {
      for (Leaving call : leaving) {
        if (!call.hasRight()) {
          return false;
        }
      }
      return true;
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object bytes) {
      if (!listens) {
        listens = true;
        Http2ConnectionHandler http2 = context.pipeline().get(Http2ConnectionHandler.class);
        if (http2 != null) {
          Http2ConnectionDecoder decoder = http2.decoder();
          decoder.frameListener(new Translator(decoder));
        }
      }
      context.fireChannelRead(bytes);
    }
  }

  /**
   * Services made with dtm-php end calls with the codes of HTTP, of which gRPC would only tell that
   * it knows none such (docs/spec/sdk-matrix.md 3.6).
   */
  private static final class Translator extends Http2FrameListenerDecorator {
    private static final AsciiString STATUS = AsciiString.cached("grpc-status");
    private static final AsciiString CONFLICT = AsciiString.cached("409");
    private static final AsciiString TOO_EARLY = AsciiString.cached("425");
    private static final AsciiString ABORTED = AsciiString.cached("10");
    private static final AsciiString FAILED_PRECONDITION = AsciiString.cached("9");

    Translator(Http2ConnectionDecoder decoder) {
      super(decoder.frameListener());
    }

    @Override
    public void onHeadersRead(
        ChannelHandlerContext context, int stream, Http2Headers headers, int padding, boolean ends)
        throws Http2Exception {
      super.onHeadersRead(context, stream, translated(headers), padding, ends);
    }

    @Override
    public void onHeadersRead(
        ChannelHandlerContext context,
        int stream,
        Http2Headers headers,
        int dependency,
        short weight,
        boolean exclusive,
        int padding,
        boolean ends)
        throws Http2Exception {
      super.onHeadersRead(
          context, stream, translated(headers), dependency, weight, exclusive, padding, ends);
    }

    private static Http2Headers translated(Http2Headers headers) {
      CharSequence status = headers.get(STATUS);
      if (status == null || status.length() != CONFLICT.length()) {
        return headers;
      }
      if (CONFLICT.contentEquals(status)) {
        return headers.set(STATUS, ABORTED);
      }
      return TOO_EARLY.contentEquals(status) ? headers.set(STATUS, FAILED_PRECONDITION) : headers;
    }
  }
}
