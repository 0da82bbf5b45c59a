package io.dtm4j.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayNameGeneration(ReplaceUnderscores.class)
class GrpcAddressTest {
  @ParameterizedTest
  @CsvSource({
    "localhost:8081/busi.Busi/TransIn, localhost:8081, busi.Busi/TransIn",
    "my_bank.svc-1:1/x.X/A, my_bank.svc-1:1, x.X/A",
    "[::1]:65535/x.X/A, [::1]:65535, x.X/A",
    "10.0.0.1:80/a/b/C?x=1, 10.0.0.1:80, a/b/C?x=1"
  })
  void the_target_is_what_stands_before_the_first_slash(String url, String target, String method) {
    assertThat(GrpcAddress.of(url)).isEqualTo(new GrpcAddress(target, method));
    assertThat(GrpcAddress.isOne(url)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "host:1",
        "host:1/",
        "/x.X/A",
        ":1/x.X/A",
        "host/x.X/A",
        "host:/x.X/A",
        "host:65536/x.X/A",
        "host:+1/x.X/A",
        "a,b:1/x.X/A",
        "u@host:1/x.X/A",
        "[::1:1/x.X/A",
        "etcd://host:1/x.X/A",
        "host:1/x.X/A b",
        "host:1/x.X/größe"
      })
  void other_urls_are_none(String url) {
    assertThatIllegalArgumentException().isThrownBy(() -> GrpcAddress.of(url));
    assertThat(GrpcAddress.isOne(url)).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "http, host:1/x.X/A, HTTP",
    "http, http://h, HTTP",
    "grpc, http://h, HTTP",
    "grpc, HTTPS://h, HTTP",
    "grpc, host:1/x.X/A, GRPC",
    "json-rpc, host:1/x.X/A, GRPC"
  })
  void the_transport_follows_from_protocol_and_url(
      String protocol, String url, Transport transport) {
    assertThat(Transport.of(protocol, url)).isEqualTo(transport);
  }
}
