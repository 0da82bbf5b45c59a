package io.dtm4j.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.buffer.Buffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(ReplaceUnderscores.class)
class BodyTest {
  private static String textOf(Body body) {
    return new String(body.bytes(), 0, body.size(), StandardCharsets.UTF_8);
  }

  @Test
  void pieces_come_together_in_their_order() {
    var body = new Body(20);

    assertThat(textOf(body)).isEmpty();
    assertThat(body.add(Buffer.buffer())).isTrue();
    assertThat(body.add(Buffer.buffer("abc"))).isTrue();
    assertThat(textOf(body)).isEqualTo("abc");
    assertThat(body.add(Buffer.buffer("de"))).isTrue();
    assertThat(body.add(Buffer.buffer())).isTrue();
    assertThat(body.add(Buffer.buffer("f"))).isTrue();
    assertThat(textOf(body)).isEqualTo("abcdef");
  }

  @Test
  void what_exceeds_the_limit_is_said_and_left_out() {
    var body = new Body(5);
    assertThat(body.add(Buffer.buffer("123"))).isTrue();
    assertThat(body.add(Buffer.buffer("45"))).isTrue();
    assertThat(body.add(Buffer.buffer("6"))).isFalse();
    assertThat(textOf(body)).isEqualTo("12345");

    var other = new Body(5);
    assertThat(other.add(Buffer.buffer("123456"))).isFalse();
    assertThat(textOf(other)).isEqualTo("12345");
  }

  @Test
  void an_announced_length_is_believed_when_enough_has_come() {
    var body = new Body(8 << 20);
    body.announce(8 << 20);
    byte[] piece = new byte[40_000];
    Arrays.fill(piece, (byte) 'x');

    body.add(Buffer.buffer(piece));
    body.add(Buffer.buffer(piece));
    assertThat(body.bytes()).hasSize(80_000);
    body.add(Buffer.buffer(piece));
    assertThat(body.bytes()).hasSize(8 << 20);
    assertThat(textOf(body)).isEqualTo("x".repeat(120_000));
  }
}
