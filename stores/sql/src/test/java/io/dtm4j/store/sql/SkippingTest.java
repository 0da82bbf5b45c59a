package io.dtm4j.store.sql;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator.ReplaceUnderscores;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@DisplayNameGeneration(ReplaceUnderscores.class)
class SkippingTest {
  @ParameterizedTest
  @CsvSource({
    "10.11.6-MariaDB-0+deb12u1, true",
    "5.5.5-10.11.6-MariaDB, true",
    "10.6.0-MariaDB, true",
    "10.5.23-MariaDB-log, false",
    "11.4.2-MariaDB, true",
    "8.0.36, true",
    "8.0.15-log, true",
    "9.1.0, true",
    "5.7.44-log, false",
    "8.0.11-TiDB-v8.5.0, false",
    "5.7.25-TiDB-v7.1.0, false",
    "unheard of, false",
  })
  void the_version_tells_whether_a_server_leaves_out_what_is_locked(
      String version, boolean skipsLocked) {
    assertThat(MySqlDialect.skipsLocked(version)).isEqualTo(skipsLocked);
  }
}
