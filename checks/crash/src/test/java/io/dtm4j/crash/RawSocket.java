package io.dtm4j.crash;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A connection to a port of this machine on which neither a read nor a write waits for ever.
 * Blocks; one thread.
 */
final class RawSocket implements AutoCloseable {
  /** Ends writes that the other side does not read: sockets have no time-out for these. */
  private static final ScheduledThreadPoolExecutor LATE =
      new ScheduledThreadPoolExecutor(
          1, Thread.ofPlatform().name("late-writes").daemon().factory());

  static {
    LATE.setRemoveOnCancelPolicy(true);
  }

  private final Socket socket;
  private final int timeoutMillis;
  private final OutputStream out;
  private final InputStream in;

  /**
   * @param timeoutMillis how long a read or a write may wait
   */
  RawSocket(int port, int timeoutMillis) throws IOException {
    this.timeoutMillis = timeoutMillis;
    socket = new Socket(InetAddress.getLoopbackAddress(), port);
    socket.setSoTimeout(timeoutMillis);
    socket.setTcpNoDelay(true);
    socket.setSoLinger(true, 0); // a hundred thousand of them would use up all ports
    out = socket.getOutputStream();
    in = socket.getInputStream();
  }

  /** What comes; a read that waits too long throws a {@link SocketTimeoutException}. */
  InputStream in() {
    return in;
  }

  /**
   * Writes all of it.
   *
   * @throws SocketTimeoutException when the other side does not read; the connection is closed then
   */
  void write(byte[] bytes) throws IOException {
    var late = new AtomicBoolean();
    ScheduledFuture<?> end =
        LATE.schedule(
            () -> {
              late.set(true);
              close();
            },
            timeoutMillis,
            TimeUnit.MILLISECONDS);
    try {
      out.write(bytes);
    } catch (IOException e) {
      if (late.get()) {
        throw new SocketTimeoutException("a write did not end");
      }
      throw e;
    } finally {
      end.cancel(false);
    }
  }

  /** Says that nothing more will come. */
  void halfClose() throws IOException {
    socket.shutdownOutput();
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      // it is gone, which is all that is wanted
    }
  }
}
