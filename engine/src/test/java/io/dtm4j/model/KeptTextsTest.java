package io.dtm4j.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.protocol.PlainText;
import java.time.Instant;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(ReplaceUnderscores.class)
class KeptTextsTest {
  private static final Instant NOW = Instant.EPOCH;

  @Test
  void whatever_a_participant_refuses_with_can_be_kept() {
    var write = new Write.SetStatus(GlobalStatus.ABORTING, "no\0 \uD800", null, NOW);

    assertThat(write.reason()).isEqualTo("no\uFFFD \uFFFD");
    assertThat(State.shortened("r".repeat(1_023) + "🙂")).hasSize(1_023).matches(PlainText::isOne);
  }

  @Test
  void whatever_a_participant_answers_can_be_kept() {
    var broken = new Attempt(1, NOW, Attempt.Kind.UNKNOWN, "\0");
    var cut = new Attempt(1, NOW, Attempt.Kind.UNKNOWN, "t".repeat(499) + "🙂");

    assertThat(broken.text()).isEqualTo("\uFFFD");
    assertThat(cut.text()).isEqualTo("t".repeat(499));
  }
}
