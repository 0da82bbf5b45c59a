package io.dtm4j.store.sql;

import java.time.LocalDateTime;

class PostgresAdoptionTest extends AdoptionTest {
  PostgresAdoptionTest() {
    super(SharedServer.POSTGRES);
  }

  @Override
  String written(LocalDateTime wall) {
    return "timestamp with time zone '" + wall + " Asia/Shanghai'";
  }

  @Override
  SqlStoreConfig withoutRights(SqlStoreConfig config) throws Exception {
    String database = config.address().substring(config.address().lastIndexOf('/') + 1);
    String user = "poor_" + database;
    OnSharedServer.execute(
        config,
        "create role %s login password 'poor'".formatted(user),
        "revoke create on schema public from public",
        "grant select, insert, update, delete on trans_global, trans_branch_op, kv to " + user,
        "grant usage on sequence trans_global_seq, trans_branch_op_seq, kv_seq to " + user);
    return new SqlStoreConfig(config.url(), user, "poor", 2, null, config.zone());
  }
}
