-- Brings tables that a DTM in Go has made into the wide form: exact names, milliseconds, no short columns, ord. Times stay
-- in the wall clock of their zone. These databases commit each change of a table by itself, so this may end anywhere and
-- begin again: a statement that changes a table is run only where the table does not have it yet.

-- A row may have another spelling of its gid, which the old collation takes for the same.
update trans_branch_op b join trans_global g on b.gid = g.gid set b.gid = g.gid where binary b.gid <> binary g.gid;

update trans_branch_op set bin_data = '' where bin_data is null;

set @step = if((select count(*) from information_schema.columns where table_schema = database() and table_name = 'trans_global'
    and (column_name = 'gid' and collation_name = '${collation}'
      or column_name = 'next_cron_interval' and data_type = 'bigint'
      or (column_name, column_type) in (('status', 'varchar(45)'), ('query_prepared', 'longtext'), ('create_time', 'datetime(3)'),
        ('update_time', 'datetime(3)'), ('finish_time', 'datetime(3)'), ('rollback_time', 'datetime(3)'), ('options', 'longtext'),
        ('custom_data', 'longtext'), ('next_cron_time', 'datetime(3)'), ('ext_data', 'longtext'), ('result', 'longtext'),
        ('rollback_reason', 'longtext')))) = 14, 'do 0',
  'alter table trans_global
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
  modify rollback_reason longtext null');
prepare step from @step;
execute step;

set @step = if((select count(*) from information_schema.statistics where table_schema = database() and table_name = 'trans_global'
    and index_name = 'status_next_cron_time' and column_name = 'gid') = 1, 'do 0',
  'alter table trans_global
  drop index status_next_cron_time,
  add index status_next_cron_time (status, next_cron_time, gid)');
prepare step from @step;
execute step;

set @step = if((select count(*) from information_schema.columns where table_schema = database() and table_name = 'trans_branch_op'
    and (column_name = 'gid' and collation_name = '${collation}'
      or (column_name, column_type) in (('url', 'longtext'), ('bin_data', 'longblob'), ('op', 'varchar(128)'),
        ('finish_time', 'datetime(3)'), ('rollback_time', 'datetime(3)'), ('create_time', 'datetime(3)'),
        ('update_time', 'datetime(3)')))) = 8, 'do 0',
  'alter table trans_branch_op
  convert to character set utf8mb4 collate ${collation},
  modify url longtext not null,
  modify bin_data longblob null,
  modify op varchar(128) not null,
  modify finish_time datetime(3) null,
  modify rollback_time datetime(3) null,
  modify create_time datetime(3) null,
  modify update_time datetime(3) null');
prepare step from @step;
execute step;

set @step = if((select count(*) from information_schema.columns where table_schema = database() and table_name = 'trans_branch_op'
    and column_name = 'ord') = 1, 'do 0',
  'alter table trans_branch_op add column ord int not null default -1');
prepare step from @step;
execute step;

set @step = if((select count(*) from information_schema.columns where table_schema = database() and table_name = 'kv'
    and (column_name = 'k' and collation_name = '${collation}'
      or (column_name, column_type) in (('v', 'longtext'), ('create_time', 'datetime(3)'), ('update_time', 'datetime(3)')))) = 4,
  'do 0',
  'alter table kv
  convert to character set utf8mb4 collate ${collation},
  modify v longtext null,
  modify create_time datetime(3) null,
  modify update_time datetime(3) null');
prepare step from @step;
execute step;

update trans_branch_op b
  join (select id, row_number() over (partition by gid order by id) - 1 as place from trans_branch_op) p on p.id = b.id
  set b.ord = p.place;

alter table trans_branch_op alter column ord drop default;
