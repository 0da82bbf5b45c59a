package io.dtm4j.store.contract;

import io.dtm4j.store.TransactionStore;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;

/**
 * What every store does. A store extends this, or {@link DurableStoreContract} when it keeps what
 * it has over a restart. The rules stand in the interfaces.
 */
@DisplayNameGeneration(ReplaceUnderscores.class)
public abstract class TransactionStoreContract
    implements SavedRecords,
        Guards,
        Changes,
        Groups,
        Leases,
        Resets,
        Lists,
        Deletions,
        KeyValues,
        Races,
        UnknownOutcomes {
  private @Nullable TransactionStore store;

  /** A store that holds nothing. Called once for each test. */
  protected abstract TransactionStore emptyStore() throws Exception;

  /**
   * Whether several threads write at the same time, as lanes and servers of a shared store do. If
   * not, they hand over to the one lane of a committer.
   */
  @Override
  public boolean takesWritesOfSeveralThreads() {
    return false;
  }

  @Override
  public Duration tick() {
    return Duration.ofMillis(1);
  }

  @Override
  public boolean tellsSpellingsApart() {
    return true;
  }

  @Override
  public int longestPayload() {
    return SavedRecords.MAX_BYTES;
  }

  @BeforeEach
  final void openStore() throws Exception {
    store = emptyStore();
  }

  @AfterEach
  final void closeStore() {
    store().close();
  }

  @Override
  public final TransactionStore store() {
    return Objects.requireNonNull(store);
  }

  /** From now on the tests work on that one. */
  final void use(TransactionStore other) {
    store = other;
  }
}
