-- Published versions: a revision of a machine under a number, with the settings of that moment. Numbers are never given twice.
create table states_version (
  machine text not null,
  number bigint not null,
  revision text not null,
  description text,
  logging text not null,
  tracing bigint not null,
  encryption text,
  created_at bigint not null,
  primary key (machine, number)
);
-- Publishing is idempotent per revision; revisions that a version needs are kept.
create index states_version_revision on states_version (machine, revision);

-- Aliases: names that send executions to one or two versions. `routing` is JSON: [[number, weight], …]
create table states_alias (
  machine text not null,
  name text not null,
  description text,
  routing text not null,
  created_at bigint not null,
  updated_at bigint,
  primary key (machine, name)
) /*sqlite: without rowid*/;

-- The last number that was given to a version; `deleting` is 1 while running executions are ended;
-- `creation` is JSON: what the creation said of publishing.
alter table states_machine add column last_version bigint;
alter table states_machine add column deleting bigint;
alter table states_machine add column creation text;

-- What an execution was started through.
alter table states_execution add column version bigint;
alter table states_execution add column alias text;

-- Redrives: how many, when the last, and JSON of the last client tokens: [[token, when], …]
alter table states_execution add column redrives bigint;
alter table states_execution add column redriven_at bigint;
alter table states_execution add column redrive_tokens text;
-- The snapshots of executions that could be redriven, dropped when it is too late for that.
create index states_execution_kept on states_execution (machine, stopped_at) where stopped_at is not null and run is not null;
