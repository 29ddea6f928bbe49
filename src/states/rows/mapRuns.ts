import type { Reader, Transaction } from "../../store/store.ts";
import type { ExecutionKey } from "../arns.ts";
import type { ExecutionRow, Status } from "./executions.ts";

export type MapRunStatus = "RUNNING" | "SUCCEEDED" | "FAILED" | "ABORTED";

/** Children that have ended, by how, and the items that they had. */
export type Counters = {
  readonly succeeded: number;
  readonly failed: number;
  readonly timed_out: number;
  readonly aborted: number;
  readonly items_succeeded: number;
  readonly items_failed: number;
  readonly items_timed_out: number;
  readonly items_aborted: number;
};
export const NOTHING_COUNTED: Counters = {
  succeeded: 0,
  failed: 0,
  timed_out: 0,
  aborted: 0,
  items_succeeded: 0,
  items_failed: 0,
  items_timed_out: 0,
  items_aborted: 0,
};

/** A map run; `machine` and `name` are those of the execution that waits for it. */
export type MapRunRow = ExecutionKey &
  Counters & {
    readonly arn: string;
    readonly revision: string;
    /** The name of the Map state. */
    readonly state: string;
    readonly status: MapRunStatus;
    /** JSON of the MapPlan. */
    readonly plan: string;
    /** JSON of the StoredScope. */
    readonly scope: string;
    readonly trace: string;
    readonly max_concurrency: number;
    readonly tolerated_count: number | null;
    readonly tolerated_percentage: string | null;
    readonly started_at: number;
    readonly stopped_at: number | null;
    readonly reading: number;
    readonly items_total: number | null;
    readonly items_read: number;
    readonly children: number;
    readonly written: number;
    readonly items_written: number;
    readonly error: string | null;
    readonly cause: string | null;
    readonly redrive_count: number;
    readonly redriven_at: number | null;
  };

const COLUMNS = [
  "arn",
  "machine",
  "name",
  "revision",
  "state",
  "status",
  "plan",
  "scope",
  "trace",
  "max_concurrency",
  "tolerated_count",
  "tolerated_percentage",
  "started_at",
  "stopped_at",
  "reading",
  "items_total",
  "items_read",
  "children",
  "succeeded",
  "failed",
  "timed_out",
  "aborted",
  "written",
  "items_succeeded",
  "items_failed",
  "items_timed_out",
  "items_aborted",
  "items_written",
  "error",
  "cause",
  "redrive_count",
  "redriven_at",
] as const satisfies readonly (keyof MapRunRow)[];
const LIST = COLUMNS.join(", ");
const INSERT = `insert into states_map_run (${LIST}) values (${COLUMNS.map((_, i) => `$${i + 1}`).join(", ")})`;

export function insertMapRun(transaction: Transaction, row: MapRunRow): Promise<number> {
  return transaction.run(
    INSERT,
    COLUMNS.map((column) => row[column]),
  );
}

/** By the primary key. */
export function mapRunByArn(reader: Reader, arn: string): Promise<MapRunRow | undefined> {
  return reader.get<MapRunRow>(`select ${LIST} from states_map_run where arn = $1`, [arn]);
}

/** By the primary key; nobody else changes the run before this transaction ends. */
export function lockedMapRun(transaction: Transaction, arn: string): Promise<MapRunRow | undefined> {
  return transaction.get<MapRunRow>(`select ${LIST} from states_map_run where arn = $1 for update`, [arn]);
}

/** By the primary key. */
export function updateProgress(
  transaction: Transaction,
  row: Pick<MapRunRow, "arn" | "reading" | "items_total" | "items_read" | "children" | "error" | "cause"> & Counters,
): Promise<number> {
  return transaction.run(
    "update states_map_run set reading = $1, items_total = $2, items_read = $3, children = $4, error = $5, cause = $6, succeeded = $7, failed = $8, timed_out = $9, aborted = $10, items_succeeded = $11, items_failed = $12, items_timed_out = $13, items_aborted = $14 where arn = $15",
    [
      row.reading,
      row.items_total,
      row.items_read,
      row.children,
      row.error,
      row.cause,
      row.succeeded,
      row.failed,
      row.timed_out,
      row.aborted,
      row.items_succeeded,
      row.items_failed,
      row.items_timed_out,
      row.items_aborted,
      row.arn,
    ],
  );
}

/** By the primary key. */
export function updateLimits(
  transaction: Transaction,
  row: Pick<MapRunRow, "arn" | "max_concurrency" | "tolerated_count" | "tolerated_percentage">,
): Promise<number> {
  return transaction.run(
    "update states_map_run set max_concurrency = $1, tolerated_count = $2, tolerated_percentage = $3 where arn = $4",
    [row.max_concurrency, row.tolerated_count, row.tolerated_percentage, row.arn],
  );
}

/** By the primary key. */
export function endMapRun(
  transaction: Transaction,
  row: Pick<MapRunRow, "arn" | "status" | "stopped_at" | "written" | "items_written">,
): Promise<number> {
  return transaction.run(
    "update states_map_run set status = $1, stopped_at = $2, written = $3, items_written = $4, reading = 0 where arn = $5",
    [row.status, row.stopped_at, row.written, row.items_written, row.arn],
  );
}

/** Walks states_map_run_execution. */
export function mapRunsOf(reader: Reader, key: ExecutionKey, after: string, limit: number): Promise<MapRunRow[]> {
  return reader.all<MapRunRow>(
    `select ${LIST} from states_map_run where machine = $1 and name = $2 and arn > $3 order by arn limit $4`,
    [key.machine, key.name, after, limit],
  );
}

/** By the primary key: an ended run goes on; nothing but success counts as ended any more. */
export function reviveMapRun(
  transaction: Transaction,
  row: Pick<MapRunRow, "arn" | "reading" | "redrive_count" | "redriven_at" | "succeeded" | "items_succeeded">,
): Promise<number> {
  return transaction.run(
    "update states_map_run set status = 'RUNNING', stopped_at = null, error = null, cause = null, reading = $1, redrive_count = $2, redriven_at = $3, succeeded = $4, items_succeeded = $5, failed = 0, timed_out = 0, aborted = 0, items_failed = 0, items_timed_out = 0, items_aborted = 0, written = 0, items_written = 0 where arn = $6",
    [row.reading, row.redrive_count, row.redriven_at, row.succeeded, row.items_succeeded, row.arn],
  );
}

/** Walks states_execution_map_run: children that did not succeed wait to be redriven. */
export function suspendChildren(transaction: Transaction, arn: string): Promise<number> {
  return transaction.run(
    "update states_execution set status = 'PENDING_REDRIVE' where map_run = $1 and status in ('FAILED', 'TIMED_OUT', 'ABORTED')",
    [arn],
  );
}

/** Walks states_execution_map_run: nobody redrives them any more. */
export function releaseChildren(transaction: Transaction, arn: string): Promise<number> {
  return transaction.run(
    "update states_execution set status = 'ABORTED' where map_run = $1 and status = 'PENDING_REDRIVE'",
    [arn],
  );
}

/** Walks states_execution_map_run from a place on, deciding by the index. */
export function pendingChildren(
  reader: Reader,
  arn: string,
  after: number,
  limit: number,
): Promise<(ExecutionKey & { readonly map_index: number })[]> {
  return reader.all(
    "select machine, name, map_index from states_execution where map_run = $1 and status = 'PENDING_REDRIVE' and map_index > $2 order by map_index limit $3",
    [arn, after, limit],
  );
}

/** Walks states_execution_map_run: children that did not succeed and cannot be redriven again, and their items. */
export async function childrenSpent(
  reader: Reader,
  arn: string,
  events: number,
  redrives: number,
): Promise<{ children: number; items: number }> {
  const row = await reader.get<{ children: number; items: number | null }>(
    "select count(*) as children, cast(sum(item_count) as bigint) as items from states_execution where map_run = $1 and status in ('FAILED', 'TIMED_OUT', 'ABORTED') and (run is null or last_event >= $2 or redrives >= $3)",
    [arn, events, redrives],
  );
  return { children: row?.children ?? 0, items: row?.items ?? 0 };
}

/** Walks states_execution_map_run: how many children have a status, and the items that they were given. */
export async function childrenWith(
  reader: Reader,
  arn: string,
  status: Status,
): Promise<{ children: number; items: number }> {
  const row = await reader.get<{ children: number; items: number | null }>(
    "select count(*) as children, cast(sum(item_count) as bigint) as items from states_execution where map_run = $1 and status = $2",
    [arn, status],
  );
  return { children: row?.children ?? 0, items: row?.items ?? 0 };
}

/** A child as results and lists tell of it. */
export type ChildRow = Pick<
  ExecutionRow,
  | "machine"
  | "name"
  | "status"
  | "input"
  | "output"
  | "error"
  | "cause"
  | "started_at"
  | "stopped_at"
  | "redrives"
  | "redriven_at"
> & { readonly map_index: number; readonly item_count: number };

const CHILD =
  "machine, name, status, input, output, error, cause, started_at, stopped_at, map_index, item_count, redrives, redriven_at from states_execution";

/** Walks states_execution_map_run forwards. */
export function childrenAfter(reader: Reader, arn: string, after: number, limit: number): Promise<ChildRow[]> {
  return reader.all<ChildRow>(`select ${CHILD} where map_run = $1 and map_index > $2 order by map_index limit $3`, [
    arn,
    after,
    limit,
  ]);
}

/** Walks states_execution_map_run backwards; statuses are decided in the index. */
export function childrenBefore(
  reader: Reader,
  arn: string,
  before: number,
  status: Status | undefined,
  limit: number,
  redriven?: boolean,
): Promise<ChildRow[]> {
  const again = redriven === undefined ? "" : ` and coalesce(redrives, 0) ${redriven ? ">" : "="} 0`;
  const filter = (status === undefined ? "" : " and status = $4") + again;
  return reader.all<ChildRow>(
    `select ${CHILD} where map_run = $1 and map_index < $2${filter} order by map_index desc limit $3`,
    [arn, before, limit, ...(status === undefined ? [] : [status])],
  );
}

/** Walks states_execution_map_run from a place on, deciding by the index. */
export function runningChildren(
  reader: Reader,
  arn: string,
  after: number,
  limit: number,
): Promise<{ machine: string; name: string; map_index: number }[]> {
  return reader.all(
    "select machine, name, map_index from states_execution where map_run = $1 and status = 'RUNNING' and map_index > $2 order by map_index limit $3",
    [arn, after, limit],
  );
}

/** By the primary key. */
export function deleteMapRun(transaction: Transaction, arn: string): Promise<number> {
  return transaction.run("delete from states_map_run where arn = $1", [arn]);
}
