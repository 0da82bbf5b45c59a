package io.dtm4j.store.contract;

import static io.dtm4j.store.contract.Samples.FUTURE;
import static io.dtm4j.store.contract.Samples.claim;
import static io.dtm4j.store.contract.Samples.ofPass;
import static io.dtm4j.store.contract.Samples.saga;
import static io.dtm4j.store.contract.Samples.setStatus;
import static org.assertj.core.api.Assertions.assertThat;

import io.dtm4j.model.Stored;
import io.dtm4j.protocol.GlobalStatus;
import io.dtm4j.store.TransactionStore;
import org.junit.jupiter.api.Test;

/** What a store does that still has everything after a restart. */
public abstract class DurableStoreContract extends TransactionStoreContract {
  /** Closes the store and opens it again, over the same data. */
  protected abstract TransactionStore reopen(TransactionStore store) throws Exception;

  @Test
  void everything_is_there_after_a_restart() throws Exception {
    Stored first = saved(saga("first", GlobalStatus.SUBMITTED, FUTURE), claim("c1"));
    Stored second = saved(saga("second", GlobalStatus.SUBMITTED, FUTURE), claim("c2"));
    committed(ofPass(second, setStatus(GlobalStatus.SUCCEED)));
    Stored done = found("second");
    store().createKeyValue("topics", "t", "[]");

    use(reopen(store()));

    assertThat(found("first").transaction().branches()).isEqualTo(first.transaction().branches());
    assertThat(found("second")).isEqualTo(done);
    assertThat(store().findKeyValue("topics", "t")).isPresent();
  }
}
