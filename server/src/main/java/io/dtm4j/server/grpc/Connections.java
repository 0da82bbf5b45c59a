package io.dtm4j.server.grpc;

import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelFactory;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http2.Http2ConnectionAdapter;
import io.netty.handler.codec.http2.Http2ConnectionDecoder;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2FrameListenerDecorator;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2Stream;
import io.netty.util.AsciiString;
import java.net.SocketAddress;
import java.util.ArrayList;
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
   * Notes a call that has a connection and of which nothing has been written. gRPC writes later: at
   * the end of what its loop is doing, when another call of a connection has ended, or when the
   * participant takes more of its message; when the server stands still in between, others may long
   * have taken over.
   *
   * @param connection its address on this side; null or unknown: one that nobody watches
   * @return the connection, which is to be told how the call goes on; null: nobody watches it
   */
  @Nullable Watch leaving(@Nullable SocketAddress connection, Leaving call) {
    Watch watch = open.get(connection);
    if (watch != null) {
      watch.unsent.add(call);
    }
    return watch;
  }

  /** A call between its connection and the wire; equal to itself only. */
  interface Leaving {
    /** Whether the server still has the right to it. */
    boolean hasRight();

    /** It does not leave as a whole, and its connection is closed. */
    void heldBack();
  }

  /** Sees one connection come and go, before gRPC does. */
  final class Watch extends ChannelDuplexHandler {
    /** Calls of which something may not have left yet. */
    private final Set<Leaving> unsent = new HashSet<>();

    /** Those of them whose beginning has left; their rest may wait for the participant. */
    private final Set<Leaving> begun = new HashSet<>();

    /** Streams whose end has not been written. */
    private final Set<Http2Stream> sending = new HashSet<>();

    private @Nullable SocketAddress address;
    private boolean listens;

    /** The beginning of a call has left; mostly all of it has. */
    void begun(Leaving call) {
      if (sending.isEmpty()) {
        unsent.remove(call);
      } else if (unsent.contains(call)) {
        begun.add(call); // gRPC does not say which stream is its own
      }
    }

    /** Nothing of a call will leave any more. */
    void over(Leaving call) {
      unsent.remove(call);
      begun.remove(call);
    }

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
      List<Leaving> late = late();
      if (late.isEmpty()) {
        context.flush();
        if (!begun.isEmpty() && sending.isEmpty()) {
          unsent.removeAll(begun);
          begun.clear();
        }
      } else {
        late.forEach(Leaving::heldBack);
        super.close(context, context.newPromise());
      }
    }

    private List<Leaving> late() { // at each flush: no streams
      List<Leaving> late = List.of();
      for (Leaving call : unsent) {
        if (!call.hasRight()) {
          late = late.isEmpty() ? new ArrayList<>() : late;
          late.add(call);
        }
      }
      return late;
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object bytes) {
      if (!listens) {
        Http2ConnectionHandler http2 = context.pipeline().get(Http2ConnectionHandler.class);
        if (http2 != null) { // TLS comes before it
          listens = true;
          Http2ConnectionDecoder decoder = http2.decoder();
          decoder.frameListener(new Translator(decoder));
          http2.connection().addListener(new Streams(sending));
        }
      }
      context.fireChannelRead(bytes);
    }
  }

  /** Notes which streams have not been sent to their end. */
  private static final class Streams extends Http2ConnectionAdapter {
    private final Set<Http2Stream> sending;

    Streams(Set<Http2Stream> sending) {
      this.sending = sending;
    }

    @Override
    public void onStreamActive(Http2Stream stream) {
      if (stream.state().localSideOpen()) {
        sending.add(stream);
      }
    }

    @Override
    public void onStreamHalfClosed(Http2Stream stream) {
      if (!stream.state().localSideOpen()) {
        sending.remove(stream);
      }
    }

    @Override
    public void onStreamClosed(Http2Stream stream) {
      sending.remove(stream);
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
