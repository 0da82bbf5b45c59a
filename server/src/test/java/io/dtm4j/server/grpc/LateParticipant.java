package io.dtm4j.server.grpc;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;

/** Takes one connection, speaks HTTP/2 on it when told to, and never answers a call. */
final class LateParticipant implements AutoCloseable {
  /** The type of a frame with which a call begins. */
  static final int HEADERS = 1;

  private static final int PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".length();
  private static final byte[] EMPTY_SETTINGS = {0, 0, 0, 4, 0, 0, 0, 0, 0};

  /** Settings with one value, the first window of a stream, which is to follow. */
  private static final byte[] WINDOW = {0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4};

  private static final int END_STREAM = 1;

  final CompletableFuture<Socket> connected = new CompletableFuture<>();

  /** When a call comes. */
  final CompletableFuture<Boolean> called = new CompletableFuture<>();

  /** One for each call that has come as a whole. */
  final BlockingQueue<Boolean> whole = new LinkedBlockingQueue<>();

  /** The types of all frames that came, once the connection is closed. */
  final CompletableFuture<List<Integer>> frames = new CompletableFuture<>();

  private final ServerSocket listener;

  LateParticipant() throws IOException {
    listener = new ServerSocket(0, 1, InetAddress.getByAddress(new byte[] {127, 0, 0, 1}));
    Thread.ofVirtual().start(this::serve);
  }

  private void serve() {
    List<Integer> types = new ArrayList<>();
    try (Socket socket = listener.accept()) {
      connected.complete(socket);
      var in = new DataInputStream(socket.getInputStream());
      in.skipNBytes(PREFACE);
      while (true) {
        int length = in.readUnsignedByte() << 16 | in.readUnsignedShort();
        int type = in.readUnsignedByte();
        int flags = in.readUnsignedByte();
        types.add(type);
        if (type <= HEADERS && (flags & END_STREAM) != 0) {
          whole.add(true);
        }
        if (type == HEADERS) {
          called.complete(true);
        }
        in.skipNBytes((long) Integer.BYTES + length);
      }
    } catch (IOException e) {
      frames.complete(types); // closed
    }
  }

  void speak() throws IOException {
    connected.join().getOutputStream().write(EMPTY_SETTINGS);
  }

  /** Takes so many bytes of each message, less of what it has taken. */
  void takeUpTo(int bytes) throws IOException {
    connected
        .join()
        .getOutputStream()
        .write(
            ByteBuffer.allocate(WINDOW.length + Integer.BYTES).put(WINDOW).putInt(bytes).array());
  }

  /** Says of the call with that stream that it has not looked at it. */
  void refuse(int stream) throws IOException {
    byte[] reset = {0, 0, 4, 3, 0, 0, 0, 0, (byte) stream, 0, 0, 0, 7};
    connected.join().getOutputStream().write(reset);
  }

  String url() {
    return "127.0.0.1:" + listener.getLocalPort() + "/bank.Bank/TransIn";
  }

  @Override
  public void close() throws IOException {
    listener.close();
    if (connected.isDone()) {
      connected.join().close();
    }
  }
}
