-- The nodes that share this store; `beat` counts up while a node lives. Work that it leases bears its number.
create table relay_node (
  number bigint primary key,
  beat bigint not null
);
