package io.dtm4j.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(ReplaceUnderscores.class)
class PlainTextTest {
  @Test
  void what_every_store_keeps_stays_as_it_is() {
    String text = "größe 🙂 \u0001\uFFFD\r\n";

    assertThat(PlainText.isOne(text)).isTrue();
    assertThat(PlainText.of(text)).isSameAs(text);
    assertThat(PlainText.beginning(text, 100)).isSameAs(text);
  }

  @Test
  void nul_and_halves_of_pairs_are_replaced_one_by_one() {
    String text = "\0a\uDC00\uD800b\uD83D\uDE42\uD800";

    assertThat(PlainText.isOne(text)).isFalse();
    assertThat(PlainText.of(text)).isEqualTo("\uFFFDa\uFFFD\uFFFDb🙂\uFFFD");
  }

  @Test
  void a_text_is_cut_before_a_pair_and_not_through_it() {
    assertThat(PlainText.beginning("ab🙂", 3)).isEqualTo("ab");
    assertThat(PlainText.beginning("ab🙂", 4)).isEqualTo("ab🙂");
    assertThat(PlainText.beginning("ab\uD800c", 3)).isEqualTo("ab\uFFFD");
    assertThat(PlainText.beginning("a\0bc", 3)).isEqualTo("a\uFFFDb");
  }
}
