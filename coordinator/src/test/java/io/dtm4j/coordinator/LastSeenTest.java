package io.dtm4j.coordinator;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.engine.Creation;
import io.dtm4j.engine.RefusedException;
import io.dtm4j.engine.Topics;
import io.dtm4j.model.Owner;
import io.dtm4j.model.Stored;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(ReplaceUnderscores.class)
class LastSeenTest {
  private final LastSeen lastSeen = new LastSeen();

  @Test
  void a_small_prepared_transaction_is_remembered() throws Exception {
    Stored small = stored(Map.of());

    lastSeen.note(small);

    assertThat(lastSeen.of(small.transaction().gid())).isEqualTo(small);
  }

  @Test
  void large_branch_headers_are_not_remembered() throws Exception {
    Stored large = stored(Map.of("token", "x".repeat(5_000)));

    lastSeen.note(large);

    assertThat(lastSeen.of(large.transaction().gid())).isNull();
  }

  private static Stored stored(Map<String, String> headers) throws RefusedException {
    return new Stored(
        Creation.of(
            Requests.tcc("g").headers(headers).request(), Topics.NONE, Instant.ofEpochSecond(1)),
        new Owner(Owner.Mark.RESTING, "server", "claim-1", 1));
  }
}
