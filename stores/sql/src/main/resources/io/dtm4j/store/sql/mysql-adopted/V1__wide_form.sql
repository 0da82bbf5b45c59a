-- Brings tables that a DTM in Go has made into the wide form: exact names, milliseconds, no short columns, ord. Times stay
-- in the wall clock of their zone. Begins again after a failure: each statement may be run twice.

-- A row may have another spelling of its gid, which the old collation takes for the same.
update trans_branch_op b join trans_global g on b.gid = g.gid set b.gid = g.gid where binary b.gid <> binary g.gid;

update trans_branch_op set bin_data = '' where bin_data is null;

alter table trans_global
  convert to character set utf8mb4 collate ${collation},
  modify status varchar(45) not null,
  modify query_prepared longtext not null,
  modify create_time datetime(3) null,
  modify update_time datetime(3) null,
  modify finish_time datetime(3) null,
  modify rollback_time datetime(3) null,
  modify options longtext null,
  modify custom_data longtext null,
  modify next_cron_interval bigint null,
  modify next_cron_time datetime(3) null,
  modify ext_data longtext null,
  modify result longtext null,
  modify rollback_reason longtext null,
  drop index status_next_cron_time,
  add index status_next_cron_time (status, next_cron_time, gid);

alter table trans_branch_op
  convert to character set utf8mb4 collate ${collation},
  modify url longtext not null,
  modify bin_data longblob null,
  modify op varchar(128) not null,
  modify finish_time datetime(3) null,
  modify rollback_time datetime(3) null,
  modify create_time datetime(3) null,
  modify update_time datetime(3) null,
  add column ${ifNotExists} ord int not null default -1;

alter table kv
  convert to character set utf8mb4 collate ${collation},
  modify v longtext null,
  modify create_time datetime(3) null,
  modify update_time datetime(3) null;

update trans_branch_op b
  join (select id, row_number() over (partition by gid order by id) - 1 as place from trans_branch_op) p on p.id = b.id
  set b.ord = p.place;

alter table trans_branch_op alter column ord drop default;
