package io.dtm4j.store.sql;

import java.time.LocalDateTime;

abstract class MySqlFamilyAdoptionTest extends AdoptionTest {
  MySqlFamilyAdoptionTest(SharedServer server) {
    super(server);
  }

  @Override
  String written(LocalDateTime wall) {
    return "'" + wall + "'";
  }

  @Override
  SqlStoreConfig withoutRights(SqlStoreConfig config) throws Exception {
    String database = config.address().substring(config.address().lastIndexOf('/') + 1);
    String user = "poor_" + database;
    SqlStoreTest.execute(
        config,
        "create user '%s'@'127.0.0.1' identified by 'poor'".formatted(user),
        "grant select, insert, update, delete on %s.* to '%s'@'127.0.0.1'"
            .formatted(database, user));
    return new SqlStoreConfig(config.url(), user, "poor", 2, null, config.zone());
  }
}
