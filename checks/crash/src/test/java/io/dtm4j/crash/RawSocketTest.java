package io.dtm4j.crash;

import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.SocketTimeoutException;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the fuzz test relies on, so that a server that hangs does not hang it, too. */
@DisplayNameGeneration(ReplaceUnderscores.class)
@Timeout(60)
class RawSocketTest {
  private static final int MORE_THAN_BUFFERS_HOLD = 64 << 20;

  @Test
  void a_write_that_nobody_reads_comes_to_an_end() throws Exception {
    try (var deaf = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        var socket = new RawSocket(deaf.getLocalPort(), 100)) {
      assertThatExceptionOfType(SocketTimeoutException.class)
          .isThrownBy(() -> socket.write(new byte[MORE_THAN_BUFFERS_HOLD]));
    }
  }
}
