-- Express machines, and logging: a revision keeps the type and the logging that its executions run with.
-- `logging` is the LoggingConfiguration as JSON, null for revisions from before there was logging.
alter table states_machine add column type text not null default 'STANDARD';
alter table states_revision add column type text not null default 'STANDARD';
alter table states_revision add column logging text;

-- Log events of CloudWatch Logs groups: what executions log. `serial` orders the events of one stream, also within one
-- millisecond; no two nodes write to the same stream. Times are in milliseconds.
create table logs_event (
  account text not null,
  region text not null,
  group_name text not null,
  timestamp bigint not null,
  serial bigint not null,
  stream_name text not null,
  ingestion bigint not null,
  message text not null,
  primary key (account, region, group_name, timestamp, serial, stream_name)
) /*sqlite: without rowid*/;
-- One stream's events in their order, and the names of a group's streams.
create index logs_event_stream on logs_event (account, region, group_name, stream_name, timestamp, serial);
