package io.dtm4j.databases;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/**
 * The three tables of a DTM (docs/spec/storage.md 3), as it makes them, and what a database says of
 * them, to the last word.
 */
public final class DtmStructure {
  private static final List<String> TABLES = List.of("trans_global", "trans_branch_op", "kv");
  private static final String MINE =
      " where table_name in ('trans_global', 'trans_branch_op', 'kv') and table_schema = %s"
          + " order by 1, 2, 3, 4";

  /** What such a database compares by: letter case and accents do not matter. */
  private static final String[] MARIADB = {
    """
    create table trans_global (
      id bigint(22) not null auto_increment,
      gid varchar(128) not null,
      trans_type varchar(45) not null,
      status varchar(12) not null,
      query_prepared varchar(1024) not null,
      protocol varchar(45) not null,
      create_time datetime default null,
      update_time datetime default null,
      finish_time datetime default null,
      rollback_time datetime default null,
      options varchar(1024) default '',
      custom_data varchar(1024) default '',
      next_cron_interval int(11) default null,
      next_cron_time datetime default null,
      owner varchar(128) not null default '',
      ext_data text,
      result varchar(1024) default '',
      rollback_reason varchar(1024) default '',
      primary key (id),
      unique key gid (gid),
      key owner (owner),
      key status_next_cron_time (status, next_cron_time)
    ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_general_ci""",
    """
    create table trans_branch_op (
      id bigint(22) not null auto_increment,
      gid varchar(128) not null,
      url varchar(1024) not null,
      data text,
      bin_data blob,
      branch_id varchar(128) not null,
      op varchar(45) not null,
      status varchar(45) not null,
      finish_time datetime default null,
      rollback_time datetime default null,
      create_time datetime default null,
      update_time datetime default null,
      primary key (id),
      unique key gid_uniq (gid, branch_id, op)
    ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_general_ci""",
    """
    create table kv (
      id bigint(22) not null auto_increment,
      cat varchar(45) not null,
      k varchar(128) not null,
      v text,
      version bigint(22) default 1,
      create_time datetime default null,
      update_time datetime default null,
      primary key (id),
      unique key uniq_k (cat, k)
    ) engine = InnoDB default charset = utf8mb4 collate = utf8mb4_general_ci"""
  };

  private static final String[] POSTGRES = {
    "create sequence trans_global_seq",
    """
    create table trans_global (
      id bigint not null default nextval('trans_global_seq'),
      gid varchar(128) not null,
      trans_type varchar(45) not null,
      status varchar(45) not null,
      query_prepared varchar(1024) not null,
      protocol varchar(45) not null,
      create_time timestamp(0) with time zone default null,
      update_time timestamp(0) with time zone default null,
      finish_time timestamp(0) with time zone default null,
      rollback_time timestamp(0) with time zone default null,
      options varchar(1024) default '',
      custom_data varchar(1024) default '',
      next_cron_interval int default null,
      next_cron_time timestamp(0) with time zone default null,
      owner varchar(128) not null default '',
      ext_data text,
      result varchar(1024) default '',
      rollback_reason varchar(1024) default '',
      primary key (id),
      constraint gid unique (gid)
    )""",
    "create index owner on trans_global (owner)",
    "create index status_next_cron_time on trans_global (status, next_cron_time)",
    "create sequence trans_branch_op_seq",
    """
    create table trans_branch_op (
      id bigint not null default nextval('trans_branch_op_seq'),
      gid varchar(128) not null,
      url varchar(1024) not null,
      data text,
      bin_data bytea,
      branch_id varchar(128) not null,
      op varchar(45) not null,
      status varchar(45) not null,
      finish_time timestamp(0) with time zone default null,
      rollback_time timestamp(0) with time zone default null,
      create_time timestamp(0) with time zone default null,
      update_time timestamp(0) with time zone default null,
      primary key (id),
      constraint gid_branch_uniq unique (gid, branch_id, op)
    )""",
    "create sequence kv_seq",
    """
    create table kv (
      id bigint not null default nextval('kv_seq'),
      cat varchar(45) not null,
      k varchar(128) not null,
      v text,
      version bigint default 1,
      create_time timestamp(0) with time zone default null,
      update_time timestamp(0) with time zone default null,
      primary key (id),
      constraint uniq_k unique (cat, k)
    )"""
  };

  private DtmStructure() {}

  /** Makes them, empty, in the database, or schema, of a connection to MariaDB or PostgreSQL. */
  public static void make(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      for (String one : isPostgres(connection) ? POSTGRES : MARIADB) {
        statement.execute(one);
      }
    }
  }

  private static boolean isPostgres(Connection connection) throws SQLException {
    return connection.getMetaData().getDatabaseProductName().equals("PostgreSQL");
  }

  /**
   * The structure of those in the database, or schema, of a connection to MariaDB or PostgreSQL.
   */
  public static List<String> of(Connection connection) throws SQLException {
    var all = new ArrayList<String>();
    if (isPostgres(connection)) {
      String mine = MINE.formatted("current_schema()");
      read(connection, "select * from information_schema.columns" + mine, all);
      read(
          connection,
          "select indexname, indexdef from pg_indexes where tablename in"
              + " ('trans_global', 'trans_branch_op', 'kv') order by indexname",
          all);
      read(
          connection,
          "select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid in"
              + " ('trans_global'::regclass, 'trans_branch_op'::regclass, 'kv'::regclass)"
              + " order by conname",
          all);
      read(connection, "select * from information_schema.sequences order by sequence_name", all);
    } else {
      String mine = MINE.formatted("database()");
      for (String table : TABLES) {
        read(connection, "show create table " + table, all);
      }
      // What an insert counts on with is no structure.
      all.replaceAll(row -> row.replaceAll(" AUTO_INCREMENT=\\d+", ""));
      read(connection, "select * from information_schema.columns" + mine, all);
      read(
          connection,
          "select table_name, index_name, seq_in_index, column_name, collation, non_unique"
              + " from information_schema.statistics"
              + mine,
          all);
    }
    return List.copyOf(all);
  }

  private static void read(Connection connection, String select, List<String> all)
      throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(select)) {
      while (rows.next()) {
        var row = new ArrayList<String>();
        for (int i = 1; i <= rows.getMetaData().getColumnCount(); i++) {
          row.add(String.valueOf(rows.getString(i)));
        }
        all.add(String.join("|", row));
      }
    }
  }
}
