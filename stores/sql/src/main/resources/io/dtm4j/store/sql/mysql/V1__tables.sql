-- DTM's tables in the wide form: exact names, milliseconds in UTC, no short columns.

create table if not exists trans_global (
  id bigint not null auto_increment,
  gid varchar(128) not null,
  trans_type varchar(45) not null,
  status varchar(45) not null,
  query_prepared longtext not null,
  protocol varchar(45) not null,
  create_time datetime(3) not null,
  update_time datetime(3) not null,
  finish_time datetime(3) null,
  rollback_time datetime(3) null,
  options longtext not null,
  custom_data longtext not null,
  next_cron_interval bigint not null,
  next_cron_time datetime(3) not null,
  owner varchar(128) not null default '',
  ext_data longtext not null,
  result longtext not null,
  rollback_reason longtext not null,
  primary key (id),
  unique key gid (gid),
  key status_next_cron_time (status, next_cron_time, gid)
) engine = InnoDB default character set utf8mb4 collate ${collation};

-- A bin_data that is null is that of the row before it.
create table if not exists trans_branch_op (
  id bigint not null auto_increment,
  gid varchar(128) not null,
  ord int not null,
  url longtext not null,
  data longtext null,
  bin_data longblob null,
  branch_id varchar(128) not null,
  op varchar(128) not null,
  status varchar(45) not null,
  finish_time datetime(3) null,
  rollback_time datetime(3) null,
  create_time datetime(3) not null,
  update_time datetime(3) not null,
  primary key (id),
  unique key gid_uniq (gid, branch_id, op)
) engine = InnoDB default character set utf8mb4 collate ${collation};

create table if not exists kv (
  id bigint not null auto_increment,
  cat varchar(45) not null,
  k varchar(128) not null,
  v longtext not null,
  version bigint not null default 1,
  create_time datetime(3) not null,
  update_time datetime(3) not null,
  primary key (id),
  unique key uniq_k (cat, k)
) engine = InnoDB default character set utf8mb4 collate ${collation};
