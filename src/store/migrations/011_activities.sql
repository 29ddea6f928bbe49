-- Activities by ARN.
create table states_activity (
  arn text primary key,
  account text not null,
  region text not null,
  name text not null,
  created_at bigint not null,
  encryption text,
  tags text not null
) /*sqlite: without rowid*/;
-- ListActivities: an account's activities by name.
create index states_activity_names on states_activity (account, region, name);

-- Tasks that no worker has taken yet, oldest first within their activity.
create table states_activity_task (
  activity text not null,
  serial bigint not null,
  id text not null,
  token text not null,
  input text not null,
  machine text not null,
  name text not null,
  primary key (activity, serial, id)
);
-- The tasks of an execution that ends or that does not want them any more.
create index states_activity_task_execution on states_activity_task (machine, name);

-- What this installation seals task tokens with.
create table states_secret (
  name text primary key,
  value text not null
);

-- JSON: the tasks of other executions that wait for this one's end.
alter table states_execution add column callers text;
