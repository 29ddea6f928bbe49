-- EventBridge connections: how requests to a web server are authorised. `secrets` is JSON of the AuthParameters as they
-- were given, null once the connection was deauthorised.
create table events_connection (
  account text not null,
  region text not null,
  name text not null,
  arn text not null,
  description text,
  state text not null,
  type text not null,
  secret_arn text not null,
  secrets text,
  created_at bigint not null,
  modified_at bigint not null,
  authorized_at bigint not null,
  primary key (account, region, name)
) /*sqlite: without rowid*/;
