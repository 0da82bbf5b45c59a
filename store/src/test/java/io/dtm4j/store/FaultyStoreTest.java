package io.dtm4j.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayNameGeneration(ReplaceUnderscores.class)
class FaultyStoreTest {
  private final MemoryStore behind = new MemoryStore(() -> Instant.parse("2026-03-04T05:06:07Z"));

  /**
   * What became of so many writes: whether the caller knew, and whether each was stored at once.
   */
  private List<String> fates(String told, int writes) {
    var fates = new ArrayList<String>();
    try (var store = FaultyStore.asTold(behind, told)) {
      for (int i = 0; i < writes; i++) {
        String key = told + "-" + i;
        String answer = "known";
        try {
          var _ = store.createKeyValue("c", key, "v");
        } catch (OutcomeUnknownException _) {
          answer = "unknown";
        }
        fates.add(answer + (behind.findKeyValue("c", key).isPresent() ? ", stored" : ""));
      }
    }
    return fates;
  }

  @Test
  void one_that_is_told_to_fails_so_many_of_a_hundred_with_and_without_effect() {
    List<String> fates = fates("20", 500);

    assertThat(fates).containsOnly("known, stored", "unknown", "unknown, stored");
    assertThat(fates.stream().filter("unknown, stored"::equals).count()).isBetween(16L, 52L);
    assertThat(fates.stream().filter("unknown"::equals).count()).isBetween(40L, 95L);
  }

  @Test
  void one_that_is_told_zero_disturbs_nothing() {
    assertThat(fates("0", 200)).containsOnly("known, stored");
  }

  @Test
  void what_was_late_lands_before_a_later_write() {
    long atOnce = fates("20", 500).stream().filter(fate -> fate.endsWith("stored")).count();

    // A third of what failed never arrives; the late third does.
    assertThat(behind.findKeyValues("c", null)).hasSizeBetween((int) atOnce + 15, 490);
  }

  @Test
  void the_same_seed_makes_the_same_choices() {
    assertThat(fates("20,7", 200)).isEqualTo(fates("20,007", 200)).isNotEqualTo(fates("20,8", 200));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "five", "-1", "100", "5,", "5,x"})
  void what_it_does_not_understand_is_refused(String told) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> FaultyStore.asTold(behind, told))
        .withMessageContaining("expected: 5 or 5,17");
  }
}
