import type { Reader, Transaction } from "../../store/store.ts";
import type { ExecutionKey } from "../arns.ts";

export type ActivityRow = {
  readonly arn: string;
  readonly account: string;
  readonly region: string;
  readonly name: string;
  readonly created_at: number;
  /** JSON of the EncryptionConfiguration, if one was given. */
  readonly encryption: string | null;
  /** JSON: [[key, value], …] */
  readonly tags: string;
};
/** A task that waits for a worker. */
export type WaitingTask = ExecutionKey & {
  readonly activity: string;
  readonly serial: number;
  readonly id: string;
  readonly token: string;
  readonly input: string;
};

/** By the primary key. */
export function activityByArn(reader: Reader, arn: string): Promise<ActivityRow | undefined> {
  return reader.get<ActivityRow>(
    "select arn, account, region, name, created_at, encryption, tags from states_activity where arn = $1",
    [arn],
  );
}

/** Walks states_activity_names from a name on. */
export function activitiesAfter(
  reader: Reader,
  account: string,
  region: string,
  after: string,
  limit: number,
): Promise<{ arn: string; name: string; created_at: number }[]> {
  return reader.all(
    "select arn, name, created_at from states_activity where account = $1 and region = $2 and name > $3 order by name limit $4",
    [account, region, after, limit],
  );
}

/** Walks states_activity_names up to the limit. */
export async function countActivities(reader: Reader, account: string, region: string, limit: number): Promise<number> {
  const row = await reader.get<{ count: number }>(
    "select count(*) as count from (select name from states_activity where account = $1 and region = $2 limit $3) as counted",
    [account, region, limit],
  );
  return row?.count ?? 0;
}

export function insertActivity(transaction: Transaction, row: ActivityRow): Promise<number> {
  return transaction.run(
    "insert into states_activity (arn, account, region, name, created_at, encryption, tags) values ($1, $2, $3, $4, $5, $6, $7)",
    [row.arn, row.account, row.region, row.name, row.created_at, row.encryption, row.tags],
  );
}

/** By the primary key. */
export function updateActivityTags(transaction: Transaction, arn: string, tags: string): Promise<number> {
  return transaction.run("update states_activity set tags = $1 where arn = $2", [tags, arn]);
}

/** By the primary key. */
export function deleteActivity(transaction: Transaction, arn: string): Promise<number> {
  return transaction.run("delete from states_activity where arn = $1", [arn]);
}

export function insertWaitingTask(transaction: Transaction, row: WaitingTask): Promise<number> {
  return transaction.run(
    "insert into states_activity_task (activity, serial, id, token, input, machine, name) values ($1, $2, $3, $4, $5, $6, $7)",
    [row.activity, row.serial, row.id, row.token, row.input, row.machine, row.name],
  );
}

/** By the primary key's first part: whether anything waits. */
export async function anyWaitingTask(reader: Reader, activity: string): Promise<boolean> {
  const row = await reader.get("select serial from states_activity_task where activity = $1 limit 1", [activity]);
  return row !== undefined;
}

/** Walks the primary key: the oldest tasks of an activity that no other node is taking. */
export function oldestWaitingTasks(transaction: Transaction, activity: string, limit: number): Promise<WaitingTask[]> {
  return transaction.all<WaitingTask>(
    "select activity, serial, id, token, input, machine, name from states_activity_task where activity = $1 order by serial, id limit $2 for update skip locked",
    [activity, limit],
  );
}

/** By the primary key. */
export function deleteWaitingTask(
  transaction: Transaction,
  row: Pick<WaitingTask, "activity" | "serial" | "id">,
): Promise<number> {
  return transaction.run("delete from states_activity_task where activity = $1 and serial = $2 and id = $3", [
    row.activity,
    row.serial,
    row.id,
  ]);
}

/** By index states_activity_task_execution: one task, or all that the execution has waiting. */
export function withdrawWaitingTasks(transaction: Transaction, key: ExecutionKey, token?: string): Promise<number> {
  const which = token === undefined ? "" : " and token = $3";
  return transaction.run(`delete from states_activity_task where machine = $1 and name = $2${which}`, [
    key.machine,
    key.name,
    ...(token === undefined ? [] : [token]),
  ]);
}

/** By the primary key. */
export async function secretByName(reader: Reader, name: string): Promise<string | undefined> {
  return (await reader.get<{ value: string }>("select value from states_secret where name = $1", [name]))?.value;
}

/** By the primary key; the first node's secret stays. */
export function insertSecret(transaction: Transaction, name: string, value: string): Promise<number> {
  return transaction.run("insert into states_secret (name, value) values ($1, $2) on conflict (name) do nothing", [
    name,
    value,
  ]);
}
