package io.dtm4j.crash;

import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http2.DefaultHttp2HeadersDecoder;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Headers;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A connection on which frames are sent as they are, right or wrong. Blocks; one thread. */
final class RawHttp2 implements AutoCloseable {
  /** Stands for the code with which a stream was reset. */
  static final String BROKEN_OFF = ":reset";

  private static final int DATA = 0;
  private static final int HEADERS = 1;
  private static final int RESET = 3;
  private static final int SETTINGS = 4;
  private static final int PING = 6;
  private static final int GOAWAY = 7;
  private static final int ACK = 1;
  private static final int END_STREAM = 1;
  private static final int END_HEADERS = 4;
  private static final int LARGEST_FRAME = 16_384;
  private static final int MOST_CALLS = 500;
  private static final int MOST_BYTES = 500_000; // the server opens its window by as much
  private static final byte[] PREFACE =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

  private final RawSocket socket;
  private final DataInputStream in;
  private final DefaultHttp2HeadersDecoder decoder = new DefaultHttp2HeadersDecoder(false);
  private int calls;
  private long bytes;
  private boolean over;

  RawHttp2(int port, int timeoutMillis) throws IOException {
    socket = new RawSocket(port, timeoutMillis);
    in = new DataInputStream(socket.in());
    var hello = new ByteArrayOutputStream();
    hello.writeBytes(PREFACE);
    hello.writeBytes(frame(SETTINGS, 0, 0, new byte[0]));
    socket.write(hello.toByteArray());
  }

  /** Whether another call may be sent. */
  boolean isUsable() {
    return !over && calls < MOST_CALLS && bytes < MOST_BYTES;
  }

  /** Sends a call; the number of its stream. */
  int send(BrokenGrpc.Call call) throws IOException {
    int stream = 2 * calls++ + 1;
    byte[] frames = frames(call, stream, LARGEST_FRAME);
    bytes += frames.length;
    write(frames);
    return stream;
  }

  /**
   * A call as it is sent.
   *
   * @param stream its number
   * @param largest the most bytes of its messages that a frame carries
   */
  static byte[] frames(BrokenGrpc.Call call, int stream, int largest) {
    var all = new ByteArrayOutputStream();
    if (!call.headers().isEmpty()) {
      boolean empty = call.ends() && call.body().length == 0;
      all.writeBytes(
          frame(HEADERS, END_HEADERS | (empty ? END_STREAM : 0), stream, block(call.headers())));
      for (int from = 0; from < call.body().length; from += largest) {
        int length = Math.min(largest, call.body().length - from);
        boolean last = call.ends() && from + length == call.body().length;
        var part = new byte[length];
        System.arraycopy(call.body(), from, part, 0, length);
        all.writeBytes(frame(DATA, last ? END_STREAM : 0, stream, part));
      }
    }
    all.writeBytes(call.frames());
    return all.toByteArray();
  }

  /** Sends frames, or a part of one; false: the server has closed, which the next read says. */
  boolean write(byte[] frames) throws IOException {
    try {
      socket.write(frames);
    } catch (SocketException e) {
      over = true;
    }
    return !over;
  }

  /** Says that nothing more will come. */
  void halfClose() throws IOException {
    try {
      socket.halfClose();
    } catch (SocketException e) {
      over = true;
    }
  }

  /**
   * All headers with which a stream ended, {@link #BROKEN_OFF} if it was reset; null: the
   * connection has ended.
   */
  @Nullable Map<String, String> end(int stream) throws IOException {
    Map<String, String> headers = new HashMap<>();
    try {
      while (true) {
        int length = in.readUnsignedByte() << 16 | in.readUnsignedShort();
        int type = in.readUnsignedByte();
        int flags = in.readUnsignedByte();
        int of = in.readInt() & Integer.MAX_VALUE;
        byte[] content = in.readNBytes(length);
        switch (type) {
          case HEADERS -> {
            Http2Headers read = decoder.decodeHeaders(of, Unpooled.wrappedBuffer(content));
            if (of == stream) {
              read.forEach(
                  header -> headers.put(header.getKey().toString(), header.getValue().toString()));
            }
          }
          case SETTINGS -> acknowledge(SETTINGS, flags, new byte[0]);
          case PING -> acknowledge(PING, flags, content);
          case GOAWAY -> over = true;
          default -> {}
        }
        boolean ends = (type == HEADERS || type == DATA) && (flags & END_STREAM) != 0;
        if (of == stream && ends) {
          return headers;
        }
        if (of == stream && type == RESET) {
          headers.put(BROKEN_OFF, HexFormat.of().formatHex(content));
          return headers;
        }
      }
    } catch (EOFException | SocketException e) {
      over = true;
      return null;
    } catch (Http2Exception e) {
      throw new IOException("the server sent headers that cannot be read", e);
    }
  }

  private void acknowledge(int type, int flags, byte[] content) throws IOException {
    if ((flags & ACK) == 0) {
      write(frame(type, ACK, 0, content));
    }
  }

  private static byte[] frame(int type, int flags, int stream, byte[] content) {
    var bytes = new ByteArrayOutputStream();
    bytes.write(content.length >>> 16);
    bytes.write(content.length >>> 8);
    bytes.write(content.length);
    bytes.write(type);
    bytes.write(flags);
    bytes.write(stream >>> 24);
    bytes.write(stream >>> 16);
    bytes.write(stream >>> 8);
    bytes.write(stream);
    bytes.writeBytes(content);
    return bytes.toByteArray();
  }

  /** Headers as HPACK has them at its simplest: no table, no compression. */
  private static byte[] block(List<Map.Entry<String, String>> headers) {
    var bytes = new ByteArrayOutputStream();
    for (Map.Entry<String, String> header : headers) {
      bytes.write(0);
      string(bytes, header.getKey());
      string(bytes, header.getValue());
    }
    return bytes.toByteArray();
  }

  private static void string(ByteArrayOutputStream to, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
    int rest = bytes.length - 0x7f;
    if (rest < 0) {
      to.write(bytes.length);
    } else {
      to.write(0x7f);
      for (; rest > 0x7f; rest >>>= 7) {
        to.write((rest & 0x7f) | 0x80);
      }
      to.write(rest);
    }
    to.writeBytes(bytes);
  }

  @Override
  public void close() {
    socket.close();
  }
}
