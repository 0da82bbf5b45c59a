package io.dtm4j.server.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayNameGeneration(ReplaceUnderscores.class)
class AddressTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "http://shop/a|shop:80|shop|/a",
        "HTTP://shop:8080/a/b?x=1&y|shop:8080|shop:8080|/a/b?x=1&y",
        "https://shop|shop:443|shop|/",
        "https://shop:8443?x=1#part|shop:8443|shop:8443|/?x=1",
        "http://shop#part|shop:80|shop|/",
        "http://shop/a#part?x|shop:80|shop|/a",
        "http://shop:/a|shop:80|shop|/a",
        "http://shop:80/a|shop:80|shop:80|/a",
        "http://[::1]:8080/a|[::1]:8080|[::1]:8080|/a",
        "http://[2001:db8::7]/|[2001:db8::7]:80|[2001:db8::7]|/",
        "http://user:p@ss@shop:1/a@b|shop:1|shop:1|/a@b",
        "http://bücher.example/größe x?q=世 b%20%zz|xn--bcher-kva.example:80|xn--bcher-kva.example"
            + "|/gr%C3%B6%C3%9Fe%20x?q=%E4%B8%96%20b%20%25zz",
        "http://shop/<a>\"{b}|shop:80|shop|/%3Ca%3E%22%7Bb%7D",
        "http://under_score/a|under_score:80|under_score|/a",
      })
  void a_url_in_pieces(String url, String origin, String authority, String target) {
    Address address = Address.of(url, false);

    assertThat(address.origin()).hasToString(origin);
    assertThat(address.origin().tls()).isEqualTo(url.startsWith("https"));
    assertThat(address.authority()).isEqualTo(authority);
    assertThat(address.target()).isEqualTo(target);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "shop/a",
        "ftp://shop/a",
        "http:/shop",
        "http://",
        "http:///a",
        "http://?x",
        "http://:80/a",
        "http://shop:0/",
        "http://shop:65536/",
        "http://shop:99999999999999999999/",
        "http://shop:8a/",
        "http://shop:-1/",
        "http://a b/",
        "http://a\r\nHost: b/",
        "http://a%41/",
        "http://[::1/",
        "http://[::1%25lo]/",
        "http://[shop]/",
        "http://a:b:80/",
      })
  void what_cannot_be_called(String url) {
    assertThatIllegalArgumentException().isThrownBy(() -> Address.of(url, false));
  }

  @ParameterizedTest
  @CsvSource({
    "http://localhost:1/localhost?x=127.0.0.1, host.docker.internal:1, /localhost?x=127.0.0.1",
    "http://LOCALHOST/, host.docker.internal:80, /",
    "http://127.0.0.1/a, host.docker.internal:80, /a",
    "http://localhost.example/a, localhost.example:80, /a",
    "http://127.0.0.10/a, 127.0.0.10:80, /a"
  })
  void inside_docker_only_the_host_is_replaced(String url, String origin, String target) {
    Address address = Address.of(url, true);

    assertThat(address.origin()).hasToString(origin);
    assertThat(address.target()).isEqualTo(target);
  }

  @ParameterizedTest
  @CsvSource({
    "http://shop/a, /a?branch_id=01&gid=g&op=action&trans_type=saga",
    "http://shop, /?branch_id=01&gid=g&op=action&trans_type=saga",
    "http://shop/a?, /a?branch_id=01&gid=g&op=action&trans_type=saga",
    "http://shop/a?op=mine, /a?op=mine&branch_id=01&gid=g&op=action&trans_type=saga",
    "http://shop/a?x&, /a?x&branch_id=01&gid=g&op=action&trans_type=saga",
  })
  void parameters_are_appended(String url, String target) {
    assertThat(Address.of(url, false).targetWith("01", "g", "action", "saga")).isEqualTo(target);
  }

  @Test
  void parameters_are_encoded() {
    String gid = "a b'\"ü世🚀%41+&=?#;*~-._\n";

    assertThat(Address.of("http://shop/a", false).targetWith("01", gid, "buy it", "workflow"))
        .isEqualTo(
            "/a?branch_id=01&gid=a+b%27%22%C3%BC%E4%B8%96%F0%9F%9A%80%2541%2B%26%3D%3F%23%3B%2A~-._%0A"
                + "&op=buy+it&trans_type=workflow");
  }

  @ParameterizedTest
  @CsvSource({
    "http://user:pass@shop/, Basic dXNlcjpwYXNz",
    "http://user@shop/, Basic dXNlcjo=",
    "http://%75ser:p%40ss@shop/, Basic dXNlcjpwQHNz",
    "http://shop/, "
  })
  void user_info_becomes_basic_authorization(String url, String header) {
    assertThat(Address.of(url, false).basicAuthorization()).isEqualTo(header);
  }

  @ParameterizedTest
  @CsvSource({
    "https://inn/b?y=2, https://inn/b?y=2",
    "//inn:9/b, http://inn:9/b",
    "/b?y=2, http://me:pw@shop:8/b?y=2",
    "?y=2, http://me:pw@shop:8/x/a?y=2",
    "b, http://me:pw@shop:8/x/b",
    "../b c, http://me:pw@shop:8/b%20c",
    "./b/../d?y=2, http://me:pw@shop:8/x/d?y=2",
    "#part, http://me:pw@shop:8/x/a#part",
    "ftp://inn/b, ftp://inn/b",
    "ftp://x/b, ftp://x/b",
    "aside:x, aside:x",
    "aside://y/b, aside://y/b"
  })
  void a_location_is_seen_from_where_it_was_named(String location, String url) {
    Address from = Address.of("http://me:pw@shop:8/x/a?branch_id=01", false);

    assertThat(from.resolve(location)).isEqualTo(url);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "http://..../",
        "http://a..b/",
        "http://.a/",
        "http://\u2024\u2024/",
        "http://\ud800/",
        "http://LONG.b/",
        "http://a.b.LONG/",
        "http://ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab."
            + "ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab."
            + "ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab.ab/"
      })
  void a_host_that_no_resolver_takes_is_refused(String url) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Address.of(url.replace("LONG", "x".repeat(64)), false))
        .withMessageMatching("the url has (no host|a host that is no name)");
  }

  @Test
  void a_host_may_end_with_a_dot_and_have_long_labels() {
    String host = "x".repeat(63) + ".shop.";

    assertThat(Address.of("http://" + host + "/", false).origin().host()).isEqualTo(host);
  }
}
