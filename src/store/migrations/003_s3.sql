-- Buckets of every account: their names are one namespace.
create table s3_bucket (
  name text primary key,
  account text not null,
  region text not null,
  created bigint not null
) /*sqlite: without rowid*/;
-- ListBuckets: an account's buckets by name.
create index s3_bucket_account on s3_bucket (account, name);

-- Sub-resources of a bucket, one row each: policy, notification, tagging.
create table s3_setting (
  bucket text not null,
  name text not null,
  value text not null,
  primary key (bucket, name)
) /*sqlite: without rowid*/;

-- The current version of every key. Keys are UTF-8 bytes, so that their order is byte order on every engine.
-- `sequence` grows with every write of a key; `version` is 'null' while the bucket keeps no versions.
-- `parts` lists the blobs of an object too large for a row; `bytes` holds the others, and comes last so that
-- listing does not read it.
create table s3_object (
  bucket text not null,
  key bytea not null,
  version text not null,
  sequence bigint not null,
  size bigint not null,
  etag text not null,
  modified bigint not null,
  storage_class text not null,
  checksum text,
  headers text,
  tags text,
  trace text not null,
  operation text not null,
  parts text,
  bytes bytea,
  primary key (bucket, key)
);

-- Every blob that a committed object or part names; what is in the blob store but not here is garbage.
create table s3_blob (
  id text primary key
) /*sqlite: without rowid*/;

-- Multipart uploads; `completed` holds the answer of a completion, to be given again to a client that asks again.
create table s3_upload (
  id text primary key,
  bucket text not null,
  key bytea not null,
  started bigint not null,
  initiator text not null,
  storage_class text not null,
  algorithm text,
  checksum_type text,
  headers text,
  tags text,
  completed text
) /*sqlite: without rowid*/;
-- ListMultipartUploads: by key, and the oldest first because ids begin with the time.
create index s3_upload_key on s3_upload (bucket, key, id);

create table s3_part (
  upload text not null,
  number bigint not null,
  size bigint not null,
  etag text not null,
  modified bigint not null,
  checksum text not null,
  blob text not null,
  primary key (upload, number)
) /*sqlite: without rowid*/;
