package io.dtm4j.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayNameGeneration(ReplaceUnderscores.class)
class OwnerTest {
  private static final Owner OWNER = new Owner(Owner.Mark.LEASED, "eu-1", "c", 7);

  @ParameterizedTest
  @CsvSource({
    "LEASED,     eu-1, c-1, 1,                   dtm4j:l:eu-1:c-1:1",
    "RESTING,    '',   c-2, 9223372036854775807, dtm4j:r::c-2:9223372036854775807",
    "LOOK_AGAIN, a b,  c,   0,                   dtm4j:a:a b:c:0",
  })
  void a_token_is_read_back_as_it_was_written(
      Owner.Mark mark, String server, String claim, long revision, String text) {
    var owner = new Owner(mark, server, claim, revision);

    assertThat(owner).hasToString(text);
    assertThat(Owner.parse(text)).isEqualTo(owner);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "yfQu6ScN6iy6FDLLoR2cuc",
        "dtm4j",
        "dtm4j:l:s:c",
        "dtm4j:l:s:c:1:2",
        "dtm4j:l:s:c:one",
        "dtm4j:l:s:c:",
        "dtm4j:l:s:c:9223372036854775808",
        "dtm4j:x:s:c:1",
        "dtm4j::s:c:1",
        "dtm4j:l:01234567890123456789012345678901234567890:c:1",
        "dtm:l:s:c:1",
      })
  void what_is_none_of_ours_is_no_token(String text) {
    assertThat(Owner.parse(text)).isNull();
  }

  @Test
  void claim_and_revision_are_compared() {
    assertThat(OWNER.isSameWriteAs(new Owner(Owner.Mark.RESTING, "eu-2", "c", 7))).isTrue();
    assertThat(OWNER.isSameWriteAs(new Owner(Owner.Mark.LEASED, "eu-1", "c", 8))).isFalse();
    assertThat(OWNER.isSameWriteAs(new Owner(Owner.Mark.LEASED, "eu-1", "d", 7))).isFalse();
  }

  @ParameterizedTest
  @EnumSource
  void the_next_write_of_a_claim_has_the_next_revision(Owner.Mark mark) {
    assertThat(OWNER.next(mark)).isEqualTo(new Owner(mark, "eu-1", "c", 8));
  }

  @ParameterizedTest
  @CsvSource({"LEASED, true", "LOOK_AGAIN, true", "RESTING, false"})
  void it_is_held_unless_it_rests(Owner.Mark mark, boolean held) {
    assertThat(OWNER.marked(mark).isHeld()).isEqualTo(held);
  }

  /** Column {@code owner} is a varchar(128). */
  @Test
  void the_longest_token_fits_its_column() {
    var longest =
        new Owner(
            Owner.Mark.LEASED,
            "s".repeat(Owner.MAX_SERVER),
            "c".repeat(16) + "-" + Long.toString(Long.MAX_VALUE, 36),
            Long.MAX_VALUE);

    assertThat(longest.toString()).hasSizeLessThanOrEqualTo(128);
    assertThat(Owner.parse(longest.toString())).isEqualTo(longest);
  }

  @ParameterizedTest
  @ValueSource(strings = {"eu:1", "0123456789012345678901234567890123456789x"})
  void a_server_name_that_does_not_fit_is_refused(String server) {
    assertThatThrownBy(() -> new Owner(Owner.Mark.LEASED, server, "c", 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "server name: " + server + " (expected: at most 40 characters without a colon)");
  }
}
