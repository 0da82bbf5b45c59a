package io.dtm4j.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayNameGeneration(ReplaceUnderscores.class)
class TraceContextTest {
  private static final String PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

  @Test
  void a_parent_and_its_state_are_kept_as_they_came() {
    assertThat(TraceContext.of(List.of(PARENT), List.of("a=1", "b=2")))
        .isEqualTo(new TraceContext(PARENT, "a=1,b=2"));
    assertThat(TraceContext.of(List.of(PARENT), List.of())).isEqualTo(new TraceContext(PARENT, ""));
  }

  @Test
  void of_a_later_version_counts_what_is_known_today() {
    assertThat(TraceContext.of("cc" + PARENT.substring(2) + "-more", ""))
        .isEqualTo(new TraceContext(PARENT, ""));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "00",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 ",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more",
        "0g-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      })
  void what_is_no_parent_is_no_context(String parent) {
    assertThat(TraceContext.of(List.of(parent), List.of("a=1"))).isNull();
  }

  @Test
  void two_parents_are_none() {
    assertThat(TraceContext.of(List.of(PARENT, PARENT), List.of())).isNull();
    assertThat(TraceContext.of(List.of(), List.of())).isNull();
  }

  @Test
  void a_state_that_cannot_be_passed_on_is_left_out() {
    for (String state : List.of("a=\u00e9", "a=\n", "a=" + "x".repeat(TraceContext.MAX_STATE))) {
      assertThat(TraceContext.of(PARENT, state)).isEqualTo(new TraceContext(PARENT, ""));
    }
  }
}
