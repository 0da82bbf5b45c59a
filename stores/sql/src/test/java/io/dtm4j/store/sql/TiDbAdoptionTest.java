package io.dtm4j.store.sql;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.dtm4j.store.StoreUnavailableException;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("tidb")
class TiDbAdoptionTest extends MySqlFamilyAdoptionTest {
  TiDbAdoptionTest() {
    super(SharedServer.TIDB);
  }

  /** It is not made there. */
  @Override
  void the_wide_form_is_made_on_request_only_and_keeps_what_is_there() {}

  @Override
  void a_widening_that_ended_anywhere_goes_on_when_it_is_run_again() {}

  @Override
  void a_widening_that_failed_goes_on_when_it_is_run_again() {}

  @Test
  void the_wide_form_is_refused_and_the_tables_stay_as_they_are() throws Exception {
    SqlStoreConfig config = adopted(false);
    SqlStore.open(config).close();
    List<String> structure = DtmTables.structure(config);

    assertThatExceptionOfType(StoreUnavailableException.class)
        .isThrownBy(() -> SqlMigration.plan(config))
        .withMessageContaining("stay as they are");
    assertThatExceptionOfType(StoreUnavailableException.class)
        .isThrownBy(() -> SqlMigration.run(config))
        .withMessageContaining("cannot change the collation");

    assertThat(DtmTables.structure(config)).isEqualTo(structure);
    SqlStore.open(config).close();
  }
}
