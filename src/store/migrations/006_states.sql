-- State machines as they are now. `revision` names the row of states_revision that new executions run.
create table states_machine (
  arn text primary key,
  account text not null,
  region text not null,
  name text not null,
  created_at bigint not null,
  updated_at bigint,
  revision text not null,
  logging text not null,
  tracing bigint not null,
  encryption text,
  tags text not null
) /*sqlite: without rowid*/;
-- ListStateMachines: an account's machines by name.
create index states_machine_names on states_machine (account, region, name);

-- What a machine was at some time: executions keep running the revision they were started with.
-- `visible` is 0 for the first revision, which AWS shows no revisionId for. `retired_at` is set once no new execution uses it.
create table states_revision (
  id text primary key,
  machine text not null,
  visible bigint not null,
  role_arn text not null,
  definition text not null,
  created_at bigint not null,
  retired_at bigint
) /*sqlite: without rowid*/;
-- trim and delete: the revisions of a machine.
create index states_revision_machine on states_revision (machine);

-- Executions. `events` holds the first transition's history, so that an execution that ends at once is one row;
-- `run` is the interpreter's snapshot, null once the execution has ended; `last_event` guards against two writers.
create table states_execution (
  machine text not null,
  name text not null,
  revision text not null,
  status text not null,
  input text not null,
  output text,
  error text,
  cause text,
  started_at bigint not null,
  serial bigint not null,
  stopped_at bigint,
  trace text not null,
  trace_header text,
  last_event bigint not null,
  run text,
  events text not null,
  primary key (machine, name)
);
-- ListExecutions: newest first; the status stands in the index, so that a filter reads no rows it does not want.
create index states_execution_list on states_execution (machine, serial, status);

-- The history after the first transition: one row a transition, its events as a JSON array.
create table states_history (
  machine text not null,
  name text not null,
  first bigint not null,
  events text not null,
  primary key (machine, name, first)
) /*sqlite: without rowid*/;
