/** What executions do with map runs in their own transactions: begin one, give one up, and, as children, end. */
import type { Parts } from "../../flow.ts";
import type { Transaction } from "../../store/store.ts";
import type { Effect, MapPlan } from "../asl/types.ts";
import type { ExecutionKey } from "../arns.ts";
import type { Status } from "../rows/executions.ts";
import { endMapRun, insertMapRun, lockedMapRun, NOTHING_COUNTED, type MapRunRow } from "../rows/mapRuns.ts";

/** The body of `states.mapRun`, `states.mapRunStop` and `states.mapRunEnd` work. */
export type MapRunWork = { readonly mapRun: string };
/** The body of `states.mapRunChild` work: a child has ended. */
export type ChildWork = MapRunWork & { readonly status: Status; readonly items: number };

/** Writes down what the state wants, and leaves the rest to the relay. */
export async function beginMapRun(
  { relay, clock }: Parts,
  transaction: Transaction,
  effect: Extract<Effect, { kind: "mapRun" }>,
  waiting: ExecutionKey & { readonly revision: string; readonly trace: string },
): Promise<void> {
  const { mapRunArn: arn, plan } = effect;
  await insertMapRun(transaction, {
    ...NOTHING_COUNTED,
    arn,
    machine: waiting.machine,
    name: waiting.name,
    revision: waiting.revision,
    state: effect.stateName,
    status: "RUNNING",
    plan: JSON.stringify(plan),
    scope: JSON.stringify(effect.scope),
    trace: waiting.trace,
    max_concurrency: plan.maxConcurrency,
    tolerated_count: plan.toleratedFailureCount ?? null,
    tolerated_percentage:
      plan.toleratedFailurePercentage === undefined ? null : String(plan.toleratedFailurePercentage),
    started_at: clock.now(),
    stopped_at: null,
    reading: 1,
    items_total: effect.length ?? null,
    items_read: 0,
    children: 0,
    written: 0,
    items_written: 0,
    error: null,
    cause: null,
    redrive_count: 0,
    redriven_at: null,
  });
  const body: MapRunWork = { mapRun: arn };
  await relay.append(transaction, { kind: "states.mapRun", key: arn, trace: waiting.trace, body });
}

/** The execution does not wait for the run any more: it is aborted, and its children are stopped. */
export async function cancelMapRun({ relay, clock }: Parts, transaction: Transaction, arn: string): Promise<void> {
  const run = await lockedMapRun(transaction, arn);
  if (run === undefined || run.status !== "RUNNING") return;
  const { written, items_written } = run;
  await endMapRun(transaction, { arn, status: "ABORTED", stopped_at: clock.now(), written, items_written });
  const body: MapRunWork = { mapRun: arn };
  await relay.append(transaction, { kind: "states.mapRunStop", key: arn, trace: run.trace, body });
}

/** A child has ended; its run hears of it in the same transaction where it can. */
export async function tellMapRun(
  { relay }: Parts,
  transaction: Transaction,
  trace: string,
  body: ChildWork,
): Promise<void> {
  await relay.append(transaction, { kind: "states.mapRunChild", key: body.mapRun, trace, body });
}

/** The work that ends a run: files are written outside of the transaction. */
export function endKind(run: Pick<MapRunRow, "plan">): string {
  const { writer } = JSON.parse(run.plan) as MapPlan;
  return writer?.parameters === undefined ? "states.mapRunEnd" : "states.mapRunWrite";
}
