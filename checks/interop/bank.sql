-- The bank of the participants, and the table of the barriers as the client libraries expect it (docs/spec/barrier.md 2.1).
create database bank;
create table bank.account (id varchar(100) primary key, balance int not null, trading int not null default 0);
create database dtm_barrier;
create table dtm_barrier.barrier (
  id bigint primary key auto_increment,
  trans_type varchar(45) default '',
  gid varchar(128) default '',
  branch_id varchar(128) default '',
  op varchar(45) default '',
  barrier_id varchar(45) default '',
  reason varchar(45) default '',
  create_time datetime default now(),
  update_time datetime default now(),
  unique key (gid, branch_id, op, barrier_id)
);
create user bank@'127.0.0.1' identified by 'bank';
grant all on *.* to bank@'127.0.0.1';
