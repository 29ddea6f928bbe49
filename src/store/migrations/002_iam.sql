-- Accounts, who is in them, what they may do, and the keys they prove it with.

create table iam_account (
  account text primary key,
  alias text,
  created_at bigint not null
);

-- Secrets of the whole installation, such as the key that seals session tokens.
create table iam_installation (
  name text primary key,
  value text not null
);

-- Users, groups and roles. Names that differ by case alone are the same name: `name_key` is it in lower case.
create table iam_entity (
  account text not null,
  kind text not null,
  name_key text not null,
  name text not null,
  id text not null,
  path text not null,
  created_at bigint not null,
  tags text not null,
  boundary text,
  description text,
  trust text,
  trust_principals text,
  max_session bigint,
  primary key (account, kind, name_key)
) /*sqlite: without rowid*/;
create unique index iam_entity_id on iam_entity (id);
create index iam_entity_boundary on iam_entity (boundary);

create table iam_member (
  user_id text not null,
  group_id text not null,
  primary key (user_id, group_id)
) /*sqlite: without rowid*/;
create index iam_member_group on iam_member (group_id, user_id);

create table iam_inline (
  owner_id text not null,
  name text not null,
  document text not null,
  primary key (owner_id, name)
) /*sqlite: without rowid*/;

create table iam_attached (
  owner_id text not null,
  policy_arn text not null,
  primary key (owner_id, policy_arn)
) /*sqlite: without rowid*/;
create index iam_attached_policy on iam_attached (policy_arn, owner_id);

create table iam_policy (
  arn text primary key,
  account text not null,
  name_key text not null,
  name text not null,
  id text not null,
  path text not null,
  description text,
  default_version bigint not null,
  latest_version bigint not null,
  created_at bigint not null,
  updated_at bigint not null,
  tags text not null
);
create unique index iam_policy_name on iam_policy (account, name_key);

create table iam_policy_version (
  arn text not null,
  version bigint not null,
  document text not null,
  created_at bigint not null,
  primary key (arn, version)
) /*sqlite: without rowid*/;

-- Long-term access keys; `user_id` is empty for keys of the account's root user.
create table iam_key (
  id text primary key,
  account text not null,
  user_id text not null,
  secret text not null,
  status text not null,
  created_at bigint not null
);
create index iam_key_user on iam_key (account, user_id, id);

-- When a key or a role was last used, written now and then.
create table iam_usage (
  subject text primary key,
  at bigint not null,
  service text not null,
  region text not null
);
