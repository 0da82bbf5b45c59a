-- Brings tables that a DTM in Go has made into the wide form: exact names, milliseconds, no short columns, ord.

update trans_branch_op set bin_data = '' where bin_data is null;

alter table trans_global
  alter column gid type varchar(128) collate "C",
  alter column status type varchar(45) collate "C",
  alter column query_prepared type text,
  alter column create_time type timestamp(3) with time zone,
  alter column update_time type timestamp(3) with time zone,
  alter column finish_time type timestamp(3) with time zone,
  alter column rollback_time type timestamp(3) with time zone,
  alter column options type text,
  alter column custom_data type text,
  alter column next_cron_interval type bigint,
  alter column next_cron_time type timestamp(3) with time zone,
  alter column owner type varchar(128) collate "C",
  alter column result type text,
  alter column rollback_reason type text;

drop index if exists status_next_cron_time;

create index status_next_cron_time on trans_global (status, next_cron_time, gid);

alter table trans_branch_op
  alter column gid type varchar(128) collate "C",
  alter column url type text,
  alter column branch_id type varchar(128) collate "C",
  alter column op type varchar(128) collate "C",
  alter column finish_time type timestamp(3) with time zone,
  alter column rollback_time type timestamp(3) with time zone,
  alter column create_time type timestamp(3) with time zone,
  alter column update_time type timestamp(3) with time zone,
  add column ord int not null default -1;

alter table kv
  alter column cat type varchar(45) collate "C",
  alter column k type varchar(128) collate "C",
  alter column create_time type timestamp(3) with time zone,
  alter column update_time type timestamp(3) with time zone;

update trans_branch_op b set ord = p.place
  from (select id, row_number() over (partition by gid order by id) - 1 as place from trans_branch_op) p
  where p.id = b.id;

alter table trans_branch_op alter column ord drop default;
