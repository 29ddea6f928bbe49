import type { Reader, Transaction } from "../../store/store.ts";
import type { ExecutionKey } from "../arns.ts";

/** A map run's child waits to be redriven as PENDING_REDRIVE. */
export type Status = "PENDING_REDRIVE" | "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED";

/** What the API tells of an execution. */
export type ExecutionRow = ExecutionKey & {
  readonly revision: string;
  readonly status: Status;
  readonly input: string;
  readonly output: string | null;
  readonly error: string | null;
  readonly cause: string | null;
  readonly started_at: number;
  /** Orders executions by their start, also within one millisecond; see `Serials`. */
  readonly serial: number;
  readonly stopped_at: number | null;
  readonly trace: string;
  readonly trace_header: string | null;
  /** The map run that it is a child of. */
  readonly map_run?: string | null;
  /** Its place among the run's children, and how many items it was given. */
  readonly map_index?: number | null;
  readonly item_count?: number | null;
  /** The version that it runs, and the alias that chose it, where it was started through them. */
  readonly version?: number | null;
  readonly alias?: string | null;
  /** How often it was redriven, and when the last time. */
  readonly redrives?: number | null;
  readonly redriven_at?: number | null;
  readonly last_event?: number;
  /** 0 if no snapshot is left to redrive it from. */
  readonly kept?: number;
};
/** What the interpreter needs to go on. */
export type RunRow = Pick<
  ExecutionRow,
  | "revision"
  | "status"
  | "input"
  | "started_at"
  | "trace"
  | "version"
  | "alias"
  | "map_run"
  | "item_count"
  | "redrives"
  | "redriven_at"
> & {
  readonly last_event: number;
  readonly run: string | null;
  readonly callers: string | null;
};
export type ListedRow = Pick<
  ExecutionRow,
  "name" | "status" | "started_at" | "serial" | "stopped_at" | "version" | "alias" | "redrives" | "redriven_at"
>;

/** By the primary key; 0 if there is one of that name already. */
export function insertExecution(
  transaction: Transaction,
  row: ExecutionRow & { readonly last_event: number; readonly run: string | null; readonly events: string },
): Promise<number> {
  return transaction.run(
    "insert into states_execution (machine, name, revision, status, input, output, error, cause, started_at, serial, stopped_at, trace, trace_header, last_event, run, events, map_run, map_index, item_count, version, alias) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21) on conflict (machine, name) do nothing",
    [
      row.machine,
      row.name,
      row.revision,
      row.status,
      row.input,
      row.output,
      row.error,
      row.cause,
      row.started_at,
      row.serial,
      row.stopped_at,
      row.trace,
      row.trace_header,
      row.last_event,
      row.run,
      row.events,
      row.map_run ?? null,
      row.map_index ?? null,
      row.item_count ?? null,
      row.version ?? null,
      row.alias ?? null,
    ],
  );
}

/** By the primary key. */
export function executionByKey(reader: Reader, key: ExecutionKey): Promise<ExecutionRow | undefined> {
  return reader.get<ExecutionRow>(
    "select machine, name, revision, status, input, output, error, cause, started_at, serial, stopped_at, trace, trace_header, version, alias, redrives, redriven_at, last_event, case when run is null then 0 else 1 end as kept, map_run, map_index, item_count from states_execution where machine = $1 and name = $2",
    [key.machine, key.name],
  );
}

/** By the primary key; no other signal is worked on before this transaction ends. */
export function runByKey(reader: Transaction, key: ExecutionKey): Promise<RunRow | undefined> {
  return reader.get<RunRow>(
    "select revision, status, input, started_at, trace, version, alias, last_event, run, callers, map_run, item_count, redrives, redriven_at from states_execution where machine = $1 and name = $2 for update",
    [key.machine, key.name],
  );
}

/** By the primary key: who waits for the execution's end; it does not end before this transaction does. */
export function callersOf(
  reader: Transaction,
  key: ExecutionKey,
): Promise<{ status: Status; callers: string | null } | undefined> {
  return reader.get("select status, callers from states_execution where machine = $1 and name = $2 for update", [
    key.machine,
    key.name,
  ]);
}

/** By the primary key. */
export function updateCallers(transaction: Transaction, key: ExecutionKey, callers: string): Promise<number> {
  return transaction.run("update states_execution set callers = $1 where machine = $2 and name = $3", [
    callers,
    key.machine,
    key.name,
  ]);
}

/** By the primary key; 0 if another writer was first. */
export function updateRun(
  transaction: Transaction,
  key: ExecutionKey,
  expected: number,
  row: { readonly last_event: number; readonly run: string },
): Promise<number> {
  return transaction.run(
    "update states_execution set run = $1, last_event = $2 where machine = $3 and name = $4 and last_event = $5",
    [row.run, row.last_event, key.machine, key.name, expected],
  );
}

/** By the primary key; 0 if another writer was first. */
export function endExecution(
  transaction: Transaction,
  key: ExecutionKey,
  expected: number,
  row: Pick<ExecutionRow, "status" | "output" | "error" | "cause" | "stopped_at"> & {
    readonly last_event: number;
    /** Kept for a redrive. */
    readonly run: string | null;
  },
): Promise<number> {
  return transaction.run(
    "update states_execution set status = $1, output = $2, error = $3, cause = $4, stopped_at = $5, last_event = $6, run = $7 where machine = $8 and name = $9 and last_event = $10",
    [
      row.status,
      row.output,
      row.error,
      row.cause,
      row.stopped_at,
      row.last_event,
      row.run,
      key.machine,
      key.name,
      expected,
    ],
  );
}

/** What a redrive starts from. */
export type EndedRow = ExecutionRow & {
  readonly last_event: number;
  readonly run: string | null;
  readonly callers: string | null;
  readonly redrive_tokens: string | null;
};

/** By the primary key; nobody else redrives it before this transaction ends. */
export function endedByKey(reader: Transaction, key: ExecutionKey): Promise<EndedRow | undefined> {
  return reader.get<EndedRow>(
    "select machine, name, revision, status, input, output, error, cause, started_at, serial, stopped_at, trace, trace_header, version, alias, map_run, map_index, item_count, last_event, run, callers, redrives, redriven_at, redrive_tokens from states_execution where machine = $1 and name = $2 for update",
    [key.machine, key.name],
  );
}

/** By the primary key: an ended execution runs again. */
export function reviveExecution(
  transaction: Transaction,
  key: ExecutionKey,
  row: { readonly redrives: number; readonly redriven_at: number; readonly redrive_tokens: string | null },
): Promise<number> {
  return transaction.run(
    "update states_execution set status = 'RUNNING', output = null, error = null, cause = null, stopped_at = null, callers = null, redrives = $1, redriven_at = $2, redrive_tokens = $3 where machine = $4 and name = $5 and status <> 'RUNNING'",
    [row.redrives, row.redriven_at, row.redrive_tokens, key.machine, key.name],
  );
}

/** Walks states_execution_kept: snapshots that come too late for a redrive. */
export function dropSnapshots(
  transaction: Transaction,
  machine: string,
  before: number,
  limit: number,
): Promise<number> {
  return transaction.run(
    "update states_execution set run = null where machine = $1 and name in (select name from states_execution where machine = $1 and stopped_at is not null and run is not null and stopped_at < $2 limit $3)",
    [machine, before, limit],
  );
}

/** By the primary key. */
export function insertHistory(
  transaction: Transaction,
  key: ExecutionKey,
  first: number,
  events: string,
): Promise<number> {
  return transaction.run("insert into states_history (machine, name, first, events) values ($1, $2, $3, $4)", [
    key.machine,
    key.name,
    first,
    events,
  ]);
}

/** By the primary key: the history of the first transition, and how many events there are. */
export function firstEvents(
  reader: Reader,
  key: ExecutionKey,
): Promise<{ events: string; last_event: number; input: string } | undefined> {
  return reader.get("select events, last_event, input from states_execution where machine = $1 and name = $2", [
    key.machine,
    key.name,
  ]);
}

/** Walks the primary key of states_history forwards: the transitions that begin before `before`, from the last that begins at or before `from`. */
export function historyBetween(
  reader: Reader,
  key: ExecutionKey,
  from: number,
  before: number,
): Promise<{ first: number; events: string }[]> {
  return reader.all(
    "select first, events from states_history where machine = $1 and name = $2 and first < $4 and first >= coalesce((select max(first) from states_history where machine = $1 and name = $2 and first <= $3), 0) order by first",
    [key.machine, key.name, from, before],
  );
}

/** Which executions a list wants; absent members do not matter. */
export type Filter = { readonly status?: string; readonly version?: number; readonly alias?: string };

/** Walks states_execution_list backwards from a place; statuses are decided in the index. */
export function executionsBefore(
  reader: Reader,
  machine: string,
  place: { readonly before: number; readonly since: number },
  filter: Filter,
  limit: number,
): Promise<ListedRow[]> {
  const wanted = Object.entries(filter);
  const conditions = wanted.map(([column], index) => ` and ${column} = $${index + 5}`).join("");
  return reader.all<ListedRow>(
    `select name, status, started_at, serial, stopped_at, version, alias, redrives, redriven_at from states_execution where machine = $1 and serial >= $2 and serial < $3${conditions} order by serial desc limit $4`,
    [machine, place.since, place.before, limit, ...wanted.map(([, value]) => value)],
  );
}

/** Walks states_execution_list, deciding by the index. */
export function runningOf(reader: Reader, machine: string, limit: number): Promise<{ name: string }[]> {
  return reader.all(
    "select name from states_execution where machine = $1 and status = 'RUNNING' order by serial limit $2",
    [machine, limit],
  );
}

/** Walks states_execution_list from its old end. */
export function endedBefore(
  reader: Reader,
  machine: string,
  before: number,
  limit: number,
): Promise<{ name: string }[]> {
  return reader.all(
    "select name from states_execution where machine = $1 and serial < $2 and status <> 'RUNNING' and stopped_at < $3 order by serial limit $4",
    [machine, firstSerialOf(before), before, limit],
  );
}

/** By the primary key. */
export async function deleteExecution(transaction: Transaction, key: ExecutionKey): Promise<void> {
  await transaction.run("delete from states_history where machine = $1 and name = $2", [key.machine, key.name]);
  await transaction.run("delete from states_execution where machine = $1 and name = $2", [key.machine, key.name]);
}

/** As many executions may begin in one millisecond before serials run ahead of the clock. */
const SERIALS_A_MILLISECOND = 4096;

/** The first serial that a start at this time can have. */
export function firstSerialOf(ms: number): number {
  return ms * SERIALS_A_MILLISECOND;
}

/** Numbers that grow with every start: the time, and a counter within its millisecond. */
export class Serials {
  #last = 0;
  next(now: number): number {
    this.#last = Math.max(this.#last + 1, firstSerialOf(now));
    return this.#last;
  }
}
