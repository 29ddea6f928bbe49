-- Trails. `logging` and `flushing` are 0 or 1; `flushing` says that a piece of work delivers this trail's log files.
-- `settings` is JSON; what the delivery of log files writes stands in columns of its own.
create table trail_trails (
  id text not null,
  account text not null,
  region text not null,
  name text not null,
  logging bigint not null,
  flushing bigint not null,
  settings text not null,
  delivered_at bigint,
  attempted_at bigint,
  delivery_error text,
  primary key (account, region, name)
) /*sqlite: without rowid*/;
create unique index trail_trails_id on trail_trails (id);

-- The event history: management events of 90 days. Event IDs begin with their moment, so their order is that of time.
create table trail_events (
  account text not null,
  region text not null,
  id text not null,
  name text not null,
  source text not null,
  username text not null,
  access_key text not null,
  read_only bigint not null,
  resources text not null,
  record text not null,
  primary key (account, region, id)
) /*sqlite: without rowid*/;

-- Records that wait to be written into a trail's log files.
create table trail_pending (
  trail text not null,
  id text not null,
  region text not null,
  record text not null,
  primary key (trail, id)
) /*sqlite: without rowid*/;

-- Recurring work that was begun once for the installation.
create table trail_chores (
  name text primary key
);
