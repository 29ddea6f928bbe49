-- The runs of Distributed Maps. `plan` is what the state's fields came to, `scope` what ItemSelector sees; `reading` is 1
-- while the data set has items left; `items_read` of them were given to the first `children` child executions, in the
-- transaction that started these. The counters are of children that have ended, and of the items they had.
create table states_map_run (
  arn text primary key,
  machine text not null,
  name text not null,
  revision text not null,
  state text not null,
  status text not null,
  plan text not null,
  scope text not null,
  trace text not null,
  max_concurrency bigint not null,
  tolerated_count bigint,
  tolerated_percentage text,
  started_at bigint not null,
  stopped_at bigint,
  reading bigint not null,
  items_total bigint,
  items_read bigint not null,
  children bigint not null,
  succeeded bigint not null,
  failed bigint not null,
  timed_out bigint not null,
  aborted bigint not null,
  written bigint not null,
  items_succeeded bigint not null,
  items_failed bigint not null,
  items_timed_out bigint not null,
  items_aborted bigint not null,
  items_written bigint not null,
  error text,
  cause text,
  redrive_count bigint not null,
  redriven_at bigint
) /*sqlite: without rowid*/;
-- ListMapRuns, and trimming: the runs of an execution.
create index states_map_run_execution on states_map_run (machine, name, arn);

-- The children of a map run are executions; `map_index` is a child's place in the result.
alter table states_execution add column map_run text;
alter table states_execution add column map_index bigint;
alter table states_execution add column item_count bigint;
-- ListExecutions by map run, results in order, and children that still run.
create index states_execution_map_run on states_execution (map_run, map_index, status) where map_run is not null;
