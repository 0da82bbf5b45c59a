-- DTM's tables in the wide form: exact names, milliseconds, no short columns.

create sequence if not exists trans_global_seq;

create table if not exists trans_global (
  id bigint not null default nextval('trans_global_seq') primary key,
  gid varchar(128) collate "C" not null,
  trans_type varchar(45) not null,
  status varchar(45) collate "C" not null,
  query_prepared text not null,
  protocol varchar(45) not null,
  create_time timestamp(3) with time zone not null,
  update_time timestamp(3) with time zone not null,
  finish_time timestamp(3) with time zone null,
  rollback_time timestamp(3) with time zone null,
  options text not null,
  custom_data text not null,
  next_cron_interval bigint not null,
  next_cron_time timestamp(3) with time zone not null,
  owner varchar(128) collate "C" not null default '',
  ext_data text not null,
  result text not null,
  rollback_reason text not null,
  constraint gid unique (gid)
);

create index if not exists status_next_cron_time on trans_global (status, next_cron_time, gid);

create sequence if not exists trans_branch_op_seq;

-- A bin_data that is null is that of the row before it.
create table if not exists trans_branch_op (
  id bigint not null default nextval('trans_branch_op_seq') primary key,
  gid varchar(128) collate "C" not null,
  ord int not null,
  url text not null,
  data text null,
  bin_data bytea null,
  branch_id varchar(128) collate "C" not null,
  op varchar(128) collate "C" not null,
  status varchar(45) not null,
  finish_time timestamp(3) with time zone null,
  rollback_time timestamp(3) with time zone null,
  create_time timestamp(3) with time zone not null,
  update_time timestamp(3) with time zone not null,
  constraint gid_branch_uniq unique (gid, branch_id, op)
);

create sequence if not exists kv_seq;

create table if not exists kv (
  id bigint not null default nextval('kv_seq') primary key,
  cat varchar(45) collate "C" not null,
  k varchar(128) collate "C" not null,
  v text not null,
  version bigint not null default 1,
  create_time timestamp(3) with time zone not null,
  update_time timestamp(3) with time zone not null,
  constraint uniq_k unique (cat, k)
);
