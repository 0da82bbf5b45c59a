package io.dtm4j.store.rocksdb;

import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Batch;
import io.dtm4j.model.Branch;
import io.dtm4j.model.Stored;
import io.dtm4j.model.Transaction;
import io.dtm4j.protocol.Gid;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.api.Test;

@DisplayNameGeneration(ReplaceUnderscores.class)
class RecentTest {
  private static final Stored STORED =
      ((Batch.Applied.Changed) Sagas.batch("g", 0, Instant.EPOCH).applyTo(null)).stored();

  private final Recent recent = new Recent(10_000);

  @Test
  void what_was_not_used_for_longest_gives_way() {
    put("a", 3_000);
    put("b", 3_000);
    recent.get(new Gid("a"));

    put("c", 3_000);

    assertThat(recent.get(new Gid("b"))).isNull();
    assertThat(recent.get(new Gid("a"))).isNotNull();
    assertThat(recent.get(new Gid("c"))).isNotNull();
  }

  @Test
  void what_grows_or_leaves_is_weighed_anew() {
    for (int i = 0; i < 100; i++) {
      put("a", 1_000 + i);
      put("b", 5_000);
      recent.remove(new Gid("b"));
    }
    put("b", 5_000);

    assertThat(recent.get(new Gid("a"))).isNotNull();
    assertThat(recent.get(new Gid("b"))).isNotNull();
  }

  @Test
  void what_is_too_large_is_not_kept() {
    put("a", 10_000);

    assertThat(recent.get(new Gid("a"))).isNull();
  }

  @Test
  void many_branches_weigh_more_than_their_rows() {
    Transaction one = STORED.transaction();
    List<Branch> many = Collections.nCopies(100, one.branches().getFirst());
    var large =
        new Stored(new Transaction(one.gid(), one.definition(), one.state(), many), STORED.owner());

    recent.put(new Gid("a"), new Known(1, large, 1_000));

    assertThat(recent.get(new Gid("a"))).isNull();
  }

  private void put(String gid, int weight) {
    recent.put(new Gid(gid), new Known(1, STORED, weight));
  }
}
