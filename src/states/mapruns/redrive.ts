/** A map run is redriven with the execution that waits for it: the children that did not succeed run again. */
import type { Parts } from "../../flow.ts";
import { DONE, type Outcome, type PureWorker } from "../../relay/relay.ts";
import type { Transaction } from "../../store/store.ts";
import type { Executions } from "../executions.ts";
import {
  childrenWith,
  lockedMapRun,
  pendingChildren,
  releaseChildren,
  reviveMapRun,
  suspendChildren,
} from "../rows/mapRuns.ts";
import type { MapRunWork } from "./begin.ts";
import { freeSlots } from "./tally.ts";

/** Children that run again in one transaction. */
const REDRIVEN_AT_ONCE = 25;
const LOOK_EVERY_MS = 500;

/** The run goes on: what did not succeed waits for its turn, and the data set is read on where reading had stopped. */
export async function redriveMapRun({ relay, clock }: Parts, transaction: Transaction, arn: string): Promise<void> {
  const run = await lockedMapRun(transaction, arn);
  if (run === undefined || run.status === "RUNNING") return;
  // Children that have not been stopped yet simply run on; those that have ended are counted anew.
  await relay.cancel(transaction, "states.mapRunStop", arn);
  await relay.cancel(transaction, "states.mapRunChild", arn);
  await suspendChildren(transaction, arn);
  const done = await childrenWith(transaction, arn, "SUCCEEDED");
  const reading = run.items_total === null || run.items_read < run.items_total ? 1 : 0;
  await reviveMapRun(transaction, {
    arn,
    reading,
    redrive_count: run.redrive_count + 1,
    redriven_at: clock.now(),
    succeeded: done.children,
    items_succeeded: done.items,
  });
  const body: MapRunWork = { mapRun: arn };
  await relay.append(transaction, { kind: "states.mapRunRedrive", key: arn, trace: run.trace, body });
  if (reading === 1) await relay.append(transaction, { kind: "states.mapRun", key: arn, trace: run.trace, body });
}

/** `states.mapRunRedrive`: lets children run again, as many as may run at once. */
export function redriveWorker({ clock }: Parts, executions: Executions): PureWorker {
  return async (transaction, work): Promise<Outcome> => {
    const { mapRun } = work.body as MapRunWork;
    const run = await lockedMapRun(transaction, mapRun);
    if (run === undefined || run.status !== "RUNNING" || run.error !== null) return DONE;
    const { children: pending } = await childrenWith(transaction, mapRun, "PENDING_REDRIVE");
    if (pending === 0) return DONE;
    // What waits for its turn counts as running in the tally.
    const free = freeSlots(run) + pending;
    const next = free > 0 ? await pendingChildren(transaction, mapRun, Math.min(free, REDRIVEN_AT_ONCE)) : [];
    for (const child of next) await executions.redriveChild(transaction, child);
    return { kind: "again", dueAt: clock.now() + (next.length > 0 ? 0 : LOOK_EVERY_MS) };
  };
}

/** The run is given up: what waits for its turn does not get it. Answers how many children and items that were. */
export async function releasePending(
  transaction: Transaction,
  arn: string,
): Promise<{ readonly children: number; readonly items: number }> {
  const waiting = await childrenWith(transaction, arn, "PENDING_REDRIVE");
  if (waiting.children > 0) await releaseChildren(transaction, arn);
  return waiting;
}
