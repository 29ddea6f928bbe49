-- Everything that must still happen.
create table work (
  id text primary key,
  kind text not null,
  key text not null,
  trace text not null,
  body text not null,
  due_at bigint not null,
  since bigint not null,
  attempt bigint not null,
  fence bigint not null,
  leased bigint not null,
  failure text
) /*sqlite: without rowid*/;
-- claim: what is due, oldest first.
create index work_due on work (due_at, id);
-- cancel: what is still to happen for a key.
create index work_key on work (key, kind);

-- The story of every trace: one row for each transaction that told something.
create table flow (
  trace text not null,
  part bigint not null,
  at bigint not null,
  hops text not null,
  primary key (trace, part)
) /*sqlite: without rowid*/;
