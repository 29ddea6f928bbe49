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
import { endKind, type MapRunWork } from "./begin.ts";
import { freeSlots } from "./tally.ts";

/** Children that run again in one transaction. */
const REDRIVEN_AT_ONCE = 25;
const LOOK_EVERY_MS = 100;
/** All work that there is for a run. */
const KINDS = ["", "Stop", "Child", "End", "Write", "Redrive"].map((what) => `states.mapRun${what}`);

/** The body of `states.mapRunRedrive` work: how many children wait, all of them after a place. */
type RedriveWork = MapRunWork & { readonly waiting: number; readonly after: number };

/** The run goes on: what did not succeed waits for its turn, and the data set is read on where reading had stopped. */
export async function redriveMapRun({ relay, clock }: Parts, transaction: Transaction, arn: string): Promise<void> {
  const run = await lockedMapRun(transaction, arn);
  if (run === undefined || run.status === "RUNNING") return;
  // Children that have not been stopped yet simply run on; those that have ended are counted anew.
  for (const kind of KINDS) await relay.cancel(transaction, kind, arn);
  const waiting = await suspendChildren(transaction, arn);
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
  const redrive: RedriveWork = { ...body, waiting, after: -1 };
  await relay.append(transaction, { kind: "states.mapRunRedrive", key: arn, trace: run.trace, body: redrive });
  if (reading === 0 && done.children === run.children)
    await relay.append(transaction, { kind: endKind(run), key: arn, trace: run.trace, body });
  if (reading === 1) await relay.append(transaction, { kind: "states.mapRun", key: arn, trace: run.trace, body });
}

/** `states.mapRunRedrive`: lets children run again, as many as may run at once. */
export function redriveWorker({ clock }: Parts, executions: Executions): PureWorker {
  return async (transaction, work): Promise<Outcome> => {
    const { mapRun, waiting, after } = work.body as RedriveWork;
    const run = await lockedMapRun(transaction, mapRun);
    if (run === undefined || run.status !== "RUNNING" || run.error !== null) return DONE;
    if (waiting === 0) return DONE;
    // What waits for its turn counts as running in the tally.
    const most = Math.min(freeSlots(run) + waiting, REDRIVEN_AT_ONCE);
    if (most <= 0) return { kind: "again", dueAt: clock.now() + LOOK_EVERY_MS };
    const next = await pendingChildren(transaction, mapRun, after, most);
    for (const child of next) await executions.redriveChild(transaction, child);
    const last = next.at(-1);
    if (last === undefined) return DONE;
    const body: RedriveWork = { mapRun, waiting: waiting - next.length, after: last.map_index };
    return { kind: "again", dueAt: clock.now(), body };
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
