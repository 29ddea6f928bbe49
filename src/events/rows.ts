/** The events room's SQL: one statement a function. */
import type { Reader, Transaction } from "../store/store.ts";

export type BusRow = {
  readonly arn: string;
  readonly account: string;
  readonly region: string;
  readonly name: string;
  readonly description: string | null;
  readonly policy: string | null;
  readonly created_at: number;
  readonly updated_at: number;
};
export type RuleRow = {
  readonly bus: string;
  readonly name: string;
  readonly arn: string;
  readonly description: string | null;
  readonly pattern: string | null;
  readonly schedule: string | null;
  readonly state: string;
  readonly role_arn: string | null;
  readonly created_by: string;
};
export type TargetRow = {
  readonly bus: string;
  readonly rule: string;
  readonly id: string;
  readonly arn: string;
  readonly spec: string;
};
export type ChangeRow = { readonly name: string; readonly seq: number; readonly stamp: string };
export type DeadEndRow = {
  readonly id: string;
  readonly rule_arn: string;
  readonly target_id: string;
  readonly target_arn: string;
  readonly trace: string;
  readonly event: string;
  readonly code: string;
  readonly message: string;
  readonly exhausted: string | null;
  readonly attempts: number;
  readonly at: number;
};

/** By primary key. */
export const busRow = (reader: Reader, arn: string): Promise<BusRow | undefined> =>
  reader.get<BusRow>("select * from events_bus where arn = $1", [arn]);

/** By events_bus_name: after a name, in order. */
export const busRows = (
  reader: Reader,
  account: string,
  region: string,
  after: string,
  limit: number,
): Promise<BusRow[]> =>
  reader.all<BusRow>(
    "select * from events_bus where account = $1 and region = $2 and name > $3 order by name limit $4",
    [account, region, after, limit],
  );

/** By primary key. */
export const putBus = (transaction: Transaction, row: BusRow): Promise<number> =>
  transaction.run(
    "insert into events_bus (arn, account, region, name, description, policy, created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8) " +
      "on conflict (arn) do update set description = excluded.description, policy = excluded.policy, updated_at = excluded.updated_at",
    [row.arn, row.account, row.region, row.name, row.description, row.policy, row.created_at, row.updated_at],
  );

/** By primary key. */
export const deleteBus = (transaction: Transaction, arn: string): Promise<number> =>
  transaction.run("delete from events_bus where arn = $1", [arn]);

/** By primary key. */
export const ruleRow = (reader: Reader, bus: string, name: string): Promise<RuleRow | undefined> =>
  reader.get<RuleRow>("select * from events_rule where bus = $1 and name = $2", [bus, name]);

/** By primary key; nobody changes the rule before this transaction ends. */
export const lockRuleRow = (transaction: Transaction, bus: string, name: string): Promise<RuleRow | undefined> =>
  transaction.get<RuleRow>("select * from events_rule where bus = $1 and name = $2 for update", [bus, name]);

/** By primary key: from a name on, up to but not including another. */
export const ruleRows = (
  reader: Reader,
  bus: string,
  from: string,
  before: string,
  limit: number,
): Promise<RuleRow[]> =>
  reader.all<RuleRow>("select * from events_rule where bus = $1 and name >= $2 and name < $3 order by name limit $4", [
    bus,
    from,
    before,
    limit,
  ]);

/** By primary key's first column; stops counting at the quota. */
export const countRules = async (reader: Reader, bus: string, limit: number): Promise<number> =>
  (await reader.all("select name from events_rule where bus = $1 limit $2", [bus, limit])).length;

/** By primary key. */
export const putRule = (transaction: Transaction, row: RuleRow): Promise<number> =>
  transaction.run(
    "insert into events_rule (bus, name, arn, description, pattern, schedule, state, role_arn, created_by) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) " +
      "on conflict (bus, name) do update set description = excluded.description, pattern = excluded.pattern, schedule = excluded.schedule, " +
      "state = excluded.state, role_arn = excluded.role_arn",
    [row.bus, row.name, row.arn, row.description, row.pattern, row.schedule, row.state, row.role_arn, row.created_by],
  );

/** By primary key. */
export const deleteRule = (transaction: Transaction, bus: string, name: string): Promise<number> =>
  transaction.run("delete from events_rule where bus = $1 and name = $2", [bus, name]);

/** By primary key; a rule has few targets. */
export const targetRows = (
  reader: Reader,
  bus: string,
  rule: string,
  after: string,
  limit: number,
): Promise<TargetRow[]> =>
  reader.all<TargetRow>("select * from events_target where bus = $1 and rule = $2 and id > $3 order by id limit $4", [
    bus,
    rule,
    after,
    limit,
  ]);

/** By primary key. */
export const putTarget = (transaction: Transaction, row: TargetRow): Promise<number> =>
  transaction.run(
    "insert into events_target (bus, rule, id, arn, spec) values ($1, $2, $3, $4, $5) " +
      "on conflict (bus, rule, id) do update set arn = excluded.arn, spec = excluded.spec",
    [row.bus, row.rule, row.id, row.arn, row.spec],
  );

/** By primary key. */
export const deleteTarget = (transaction: Transaction, bus: string, rule: string, id: string): Promise<number> =>
  transaction.run("delete from events_target where bus = $1 and rule = $2 and id = $3", [bus, rule, id]);

/** By events_target_arn. */
export const rulesByTarget = (
  reader: Reader,
  bus: string,
  arn: string,
  after: string,
  limit: number,
): Promise<{ rule: string }[]> =>
  reader.all<{ rule: string }>(
    "select distinct rule from events_target where bus = $1 and arn = $2 and rule > $3 order by rule limit $4",
    [bus, arn, after, limit],
  );

/** By events_change_seq, backwards: the last change of a bus. */
export const lastChange = async (reader: Reader, bus: string): Promise<number> =>
  (await reader.get<{ seq: number }>("select seq from events_change where bus = $1 order by seq desc limit 1", [bus]))
    ?.seq ?? 0;

/** By primary key. */
export const putChange = (transaction: Transaction, bus: string, row: ChangeRow): Promise<number> =>
  transaction.run(
    "insert into events_change (bus, name, seq, stamp) values ($1, $2, $3, $4) on conflict (bus, name) do update set seq = excluded.seq, stamp = excluded.stamp",
    [bus, row.name, row.seq, row.stamp],
  );

/** By events_change_seq: what changed after a change, in order. */
export const changesAfter = (reader: Reader, bus: string, seq: number, limit: number): Promise<ChangeRow[]> =>
  reader.all<ChangeRow>(
    "select name, seq, stamp from events_change where bus = $1 and seq > $2 order by seq limit $3",
    [bus, seq, limit],
  );

/** By primary key. */
export const changeOf = (reader: Reader, bus: string, name: string): Promise<ChangeRow | undefined> =>
  reader.get<ChangeRow>("select name, seq, stamp from events_change where bus = $1 and name = $2", [bus, name]);

/** By events_change_seq, and events_rule's primary key: changes between two, and the rule each tells of, null if it is gone. */
export const changesOfPage = (
  reader: Reader,
  bus: string,
  after: number,
  before: number,
  limit: number,
): Promise<{ name: string; seq: number; rule: string | null }[]> =>
  reader.all<{ name: string; seq: number; rule: string | null }>(
    "select c.name, c.seq, r.name as rule from events_change c left join events_rule r on r.bus = c.bus and r.name = c.name " +
      "where c.bus = $1 and c.seq > $2 and c.seq < $3 order by c.seq limit $4",
    [bus, after, before, limit],
  );

/** By primary key. */
export const deleteChange = (transaction: Transaction, bus: string, name: string): Promise<number> =>
  transaction.run("delete from events_change where bus = $1 and name = $2", [bus, name]);

/** By primary key's first column: the next bus of which a change is on record. */
export const nextChangedBus = async (reader: Reader, after: string): Promise<string | undefined> =>
  (await reader.get<{ bus: string }>("select bus from events_change where bus > $1 order by bus limit 1", [after]))
    ?.bus;

/** No rule has an empty name; its place holds a bus's floor, and a number that no reader of changes asks for. */
const FLOOR = "";
const FLOOR_SEQ = -1_000_000;

/** By primary key: changes up to this one may have been forgotten. */
export const putFloor = (transaction: Transaction, bus: string, floor: number): Promise<number> =>
  putChange(transaction, bus, { name: FLOOR, seq: FLOOR_SEQ, stamp: String(floor) });

/** By primary key. */
export const floorOf = async (reader: Reader, bus: string): Promise<number> =>
  Number((await changeOf(reader, bus, FLOOR))?.stamp ?? 0);

/** By primary key's first column; a resource has at most 50 tags. */
export const tagRows = (reader: Reader, arn: string): Promise<{ key: string; value: string }[]> =>
  reader.all<{ key: string; value: string }>("select key, value from events_tag where arn = $1 order by key limit 50", [
    arn,
  ]);

/** By primary key. */
export const putTag = (transaction: Transaction, arn: string, key: string, value: string): Promise<number> =>
  transaction.run(
    "insert into events_tag (arn, key, value) values ($1, $2, $3) on conflict (arn, key) do update set value = excluded.value",
    [arn, key, value],
  );

/** By primary key. */
export const deleteTag = (transaction: Transaction, arn: string, key: string): Promise<number> =>
  transaction.run("delete from events_tag where arn = $1 and key = $2", [arn, key]);

/** By primary key's first column. */
export const deleteTags = (transaction: Transaction, arn: string): Promise<number> =>
  transaction.run("delete from events_tag where arn = $1", [arn]);

/** Appends. */
export const putDeadEnd = (transaction: Transaction, row: DeadEndRow): Promise<number> =>
  transaction.run(
    "insert into events_dead_end (id, rule_arn, target_id, target_arn, trace, event, code, message, exhausted, attempts, at) " +
      "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    [
      row.id,
      row.rule_arn,
      row.target_id,
      row.target_arn,
      row.trace,
      row.event,
      row.code,
      row.message,
      row.exhausted,
      row.attempts,
      row.at,
    ],
  );

/** By events_dead_end_rule. */
export const deadEnds = (reader: Reader, arn: string, limit: number): Promise<DeadEndRow[]> =>
  reader.all<DeadEndRow>("select * from events_dead_end where rule_arn = $1 order by at limit $2", [arn, limit]);

/** By primary key, whose UUIDs are in the order of time: the oldest dead ends before an id. */
export const deleteDeadEndsBefore = (transaction: Transaction, before: string, limit: number): Promise<number> =>
  transaction.run(
    "delete from events_dead_end where id in (select id from events_dead_end where id < $1 order by id limit $2)",
    [before, limit],
  );
