import type { Parts } from "../flow.ts";
import type { Transaction } from "../store/store.ts";
import { DONE, type PureWorker } from "../relay/relay.ts";
import type { ExecutionKey } from "./arns.ts";
import type { Executions, SignalWork } from "./executions.ts";
import { machineScope } from "./definitions.ts";
import { REDRIVE_WINDOW_MS } from "./redrive.ts";
import { deleteAliases } from "./rows/aliases.ts";
import { deleteExecution, dropSnapshots, endedBefore, runningOf } from "./rows/executions.ts";
import { childrenAfter, deleteMapRun, mapRunsOf } from "./rows/mapRuns.ts";
import {
  deleteMachine,
  deleteRetiredRevisions,
  machineByArn,
  nextMachineWithRevisions,
  retireRevisions,
} from "./rows/machines.ts";
import { deleteVersions } from "./rows/versions.ts";

const DAY_MS = 86_400_000;
/** AWS keeps closed executions for 90 days. */
const RETENTION_MS = 90 * DAY_MS;
/** An execution may run for a year, so its definition must outlive its machine by that and the retention. */
const DEFINITION_RETENTION_MS = RETENTION_MS + 366 * DAY_MS;
const TRIM_EVERY_MS = 3_600_000;
const TRIM_AT_ONCE = 200;
const END_AT_ONCE = 50;

/** A timer that fell due, or an execution that paused within its budget. */
export function signalWorker(executions: Executions): PureWorker {
  return async (transaction, work) => {
    const { machine, name, signal } = work.body as SignalWork;
    await executions.signal(transaction, { machine, name }, signal);
    return DONE;
  };
}

/** Deletes a machine: its running executions are ended first, some at a time, then the machine leaves. */
export function deleteWorker({ clock }: Parts, executions: Executions): PureWorker {
  return async (transaction, work) => {
    const { machine } = work.body as { machine: string };
    const row = await machineByArn(transaction, machine);
    if (!row) return DONE;
    const running = await runningOf(transaction, machine, END_AT_ONCE);
    for (const { name } of running) await executions.signal(transaction, { machine, name }, { kind: "stop" });
    if (running.length === END_AT_ONCE) return { kind: "again", dueAt: clock.now() };
    await retireRevisions(transaction, machine, clock.now());
    await deleteVersions(transaction, machine);
    await deleteAliases(transaction, machine);
    await deleteMachine(transaction, machine);
    transaction.bump(machineScope(machine));
    return DONE;
  };
}

/** Removes what is older than the retention, one machine after the other, then rests. */
export function trimWorker({ clock }: Parts): PureWorker {
  return async (transaction, work) => {
    const { after } = work.body as { after: string };
    const now = clock.now();
    const machine = await nextMachineWithRevisions(transaction, after);
    if (machine === undefined) return { kind: "again", dueAt: now + TRIM_EVERY_MS, body: { after: "" } };
    const old = await endedBefore(transaction, machine, now - RETENTION_MS, TRIM_AT_ONCE);
    let left = TRIM_AT_ONCE;
    for (const { name } of old) {
      left -= await trimMapRuns(transaction, { machine, name }, left);
      // Its map runs have more children than are deleted at once.
      if (left <= 0) return { kind: "again", dueAt: now, body: { after } };
      await deleteExecution(transaction, { machine, name });
    }
    const dropped = await dropSnapshots(transaction, machine, now - REDRIVE_WINDOW_MS, TRIM_AT_ONCE);
    if (old.length === TRIM_AT_ONCE || dropped === TRIM_AT_ONCE) return { kind: "again", dueAt: now, body: { after } };
    await deleteRetiredRevisions(transaction, machine, now - DEFINITION_RETENTION_MS);
    return { kind: "again", dueAt: now, body: { after: machine } };
  };
}

/** Deletes the map runs of an execution, and their children with what these have; answers how many rows that was. */
async function trimMapRuns(transaction: Transaction, key: ExecutionKey, limit: number): Promise<number> {
  let deleted = 0;
  for (const { arn } of await mapRunsOf(transaction, key, "", limit)) {
    for (const child of await childrenAfter(transaction, arn, -1, limit - deleted)) {
      deleted += 1 + (await trimMapRuns(transaction, child, limit - deleted));
      if (deleted >= limit) return deleted;
      await deleteExecution(transaction, child);
    }
    if (deleted >= limit) return deleted;
    await deleteMapRun(transaction, arn);
    deleted += 1;
  }
  return deleted;
}

/** Begins the trimming afresh: exactly one piece of this work exists, whatever was there before. */
export function startTrimming({ relay, clock }: Parts): Promise<void> {
  return relay.transact(async (transaction) => {
    await relay.cancel(transaction, "states.trim", "retention");
    const dueAt = clock.now() + TRIM_EVERY_MS;
    await relay.append(transaction, { kind: "states.trim", key: "retention", trace: "", body: { after: "" }, dueAt });
  });
}
