package io.dtm4j.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.net.HostAndPort;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayNameGeneration(ReplaceUnderscores.class)
class TargetTest {

  @Test
  void an_address_alone_takes_label_and_durability_from_the_options() {
    assertThat(Target.parse("http://db1:26789/api/dtmsvr", "A", "sync"))
        .isEqualTo(
            new Target(
                "db1", 26789, "/api/dtmsvr", HostAndPort.create("db1", 26790), 0, "A", "sync"));
  }

  @Test
  void all_parts_may_be_given_and_the_last_may_hold_commas() {
    assertThat(Target.parse("http://db1/api/dtmsvr/,17,mine,fsync, really", "A", "sync"))
        .isEqualTo(
            new Target(
                "db1",
                80,
                "/api/dtmsvr",
                HostAndPort.create("db1", 81),
                17,
                "mine",
                "fsync, really"));
  }

  @Test
  void a_part_in_the_middle_may_be_left_out() {
    assertThat(Target.parse("http://db1:1/x,,mine", "A", "sync"))
        .isEqualTo(new Target("db1", 1, "/x", HostAndPort.create("db1", 2), 0, "mine", "sync"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "db1:26789", "https://db1/api", "http://", "http://a b/", "http://a?b=c"})
  void what_is_no_plain_http_address_is_refused(String address) {
    assertThatThrownBy(() -> Target.of(address, 0, "A", "sync"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(address + " (expected: http://host:port/api/dtmsvr)");
  }
}
