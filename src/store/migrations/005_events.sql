-- Event buses that were made, and the default buses that have a policy or a description (else they are only implied).
create table events_bus (
  arn text primary key,
  account text not null,
  region text not null,
  name text not null,
  description text,
  policy text,
  created_at bigint not null,
  updated_at bigint not null
) /*sqlite: without rowid*/;
-- list: the buses of an account in a region, by name.
create unique index events_bus_name on events_bus (account, region, name);

-- Rules of a bus; the pattern is kept exactly as it was sent.
create table events_rule (
  bus text not null,
  name text not null,
  arn text not null,
  description text,
  pattern text,
  schedule text,
  state text not null,
  role_arn text,
  created_by text not null,
  primary key (bus, name)
) /*sqlite: without rowid*/;

-- Targets of a rule; `spec` is the Target document as it was sent.
create table events_target (
  bus text not null,
  rule text not null,
  id text not null,
  arn text not null,
  spec text not null,
  primary key (bus, rule, id)
) /*sqlite: without rowid*/;
-- ListRuleNamesByTarget.
create index events_target_arn on events_target (bus, arn, rule);

-- Which rules changed last, so that an index in memory can follow without reading all of them. One row a rule name.
create table events_change (
  bus text not null,
  name text not null,
  seq bigint not null,
  stamp text not null,
  primary key (bus, name)
) /*sqlite: without rowid*/;
create index events_change_seq on events_change (bus, seq);

create table events_tag (
  arn text not null,
  key text not null,
  value text not null,
  primary key (arn, key)
) /*sqlite: without rowid*/;

-- Deliveries that were given up, with what would have gone to a dead-letter queue.
create table events_dead_end (
  id text primary key,
  rule_arn text not null,
  target_id text not null,
  target_arn text not null,
  trace text not null,
  event text not null,
  code text not null,
  message text not null,
  exhausted text,
  attempts bigint not null,
  at bigint not null
) /*sqlite: without rowid*/;
-- the dead ends of a rule, oldest first.
create index events_dead_end_rule on events_dead_end (rule_arn, at);
