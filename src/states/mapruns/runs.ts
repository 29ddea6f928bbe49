/** Map runs as rows: children start and end, limits hold, and the waiting execution hears how it went. */
import type { Parts } from "../../flow.ts";
import { DONE, type Outcome, type PureWorker } from "../../relay/relay.ts";
import type { Transaction } from "../../store/store.ts";
import { PAYLOAD_BYTES_MAX } from "../asl/outcome.ts";
import type { MapPlan } from "../asl/types.ts";
import type { Definitions } from "../definitions.ts";
import type { Executions } from "../executions.ts";
import { endMapRun, lockedMapRun, runningChildren, updateProgress, type MapRunRow } from "../rows/mapRuns.ts";
import { endKind, type ChildWork, type MapRunWork } from "./begin.ts";
import { collectResults } from "./results.ts";
import { counted, exceedsTolerance, freeSlots, isAtRest } from "./tally.ts";
import { releasePending } from "./redrive.ts";
import type { Wakes } from "./wakes.ts";

/** Children stopped in one transaction. */
const STOP_AT_ONCE = 50;

/** A child to be started: its input, and how many items of the data set went into it. */
export type NewChild = { readonly input: string; readonly items: number };
/** How many children were started, and how many more may run. */
export type Started = { readonly started: number; readonly free: number };
export type RunFailure = { readonly error: string; readonly cause: string };

export class MapRuns {
  readonly #parts: Parts;
  readonly #definitions: Definitions;
  readonly #executions: Executions;
  readonly #wakes: Wakes;
  constructor(parts: Parts, definitions: Definitions, executions: Executions, wakes: Wakes) {
    this.#parts = parts;
    this.#definitions = definitions;
    this.#executions = executions;
    this.#wakes = wakes;
  }

  /**
   * Starts the next children, as many as may run now; undefined if the run does not go on, or if it is not where the
   * feeder believes it to be. A child exists if and only if its items are counted as read: both are in one transaction.
   */
  async startSome(
    transaction: Transaction,
    arn: string,
    expectedChildren: number,
    children: readonly NewChild[],
  ): Promise<Started | undefined> {
    let run = await lockedMapRun(transaction, arn);
    if (run === undefined || run.status !== "RUNNING" || run.error !== null) return undefined;
    if (run.children !== expectedChildren) return undefined;
    const start = await this.#starter(transaction, run);
    let started = 0;
    for (const child of children) {
      if (freeSlots(run) <= 0) break;
      const index: number = run.children;
      run = { ...run, children: index + 1, items_read: run.items_read + child.items };
      const status = await start(index, child);
      if (status !== undefined) run = counted(run, status, child.items);
      started += 1;
    }
    await this.#advance(transaction, run);
    return { started, free: freeSlots(run) };
  }

  async #starter(transaction: Transaction, run: MapRunRow) {
    const { label, executionType } = JSON.parse(run.plan) as MapPlan;
    const [base = ""] = run.machine.split("/");
    const machine = `${base}/${label}`;
    const revision = await this.#definitions.revision(transaction, run.revision);
    return (index: number, { input, items }: NewChild) =>
      this.#executions.startChild(transaction, {
        machine,
        name: this.#parts.clock.uuid(),
        revision,
        machineName: base.slice(base.lastIndexOf(":") + 1),
        input,
        trace: run.trace,
        traceHeader: undefined,
        child: { mapRun: run.arn, index, items, executionType },
      });
  }

  /** The data set has no more items. */
  async readAll(transaction: Transaction, arn: string): Promise<void> {
    const run = await lockedMapRun(transaction, arn);
    if (run === undefined || run.status !== "RUNNING") return;
    await this.#advance(transaction, { ...run, reading: 0, items_total: run.items_read });
  }

  /** The run cannot go on: what runs is stopped first, then the state fails with this. */
  async fail(transaction: Transaction, arn: string, failure: RunFailure): Promise<void> {
    const run = await lockedMapRun(transaction, arn);
    if (run === undefined || run.status !== "RUNNING" || run.error !== null) return;
    await this.#giveUp(transaction, run, failure);
  }

  async #giveUp(transaction: Transaction, run: MapRunRow, { error, cause }: RunFailure): Promise<void> {
    const failing = { ...run, error, cause };
    await updateProgress(transaction, failing);
    await this.#append(transaction, "states.mapRunStop", failing);
    if (isAtRest(failing)) await this.#append(transaction, endKind(failing), failing);
  }

  /** Writes down how far the run is, and what follows from it. */
  async #advance(transaction: Transaction, run: MapRunRow): Promise<void> {
    if (run.status === "RUNNING" && run.error === null && exceedsTolerance(run))
      return this.#giveUp(transaction, run, {
        error: "States.ExceedToleratedFailureThreshold",
        cause: "The specified tolerated failure threshold was exceeded",
      });
    await updateProgress(transaction, run);
    if (run.status === "RUNNING" && isAtRest(run)) await this.#append(transaction, endKind(run), run);
  }

  async #append(transaction: Transaction, kind: string, { arn, trace }: MapRunRow): Promise<void> {
    const body: MapRunWork = { mapRun: arn };
    await this.#parts.relay.append(transaction, { kind, key: arn, trace, body });
  }

  /** Ends the run, and tells the execution that waits for it. */
  async end(
    transaction: Transaction,
    run: MapRunRow,
    how: { readonly output: string | undefined } | RunFailure,
    written: { readonly written: number; readonly items_written: number },
  ): Promise<void> {
    const failed = "error" in how;
    const now = this.#parts.clock.now();
    const { arn } = run;
    await endMapRun(transaction, { arn, status: failed ? "FAILED" : "SUCCEEDED", stopped_at: now, ...written });
    await this.#executions.signal(
      transaction,
      run,
      failed
        ? { kind: "mapRunFailed", mapRunArn: arn, error: how.error, cause: how.cause }
        : { kind: "mapRunSucceeded", mapRunArn: arn, ...(how.output !== undefined && { output: how.output }) },
    );
  }

  /** `states.mapRunChild`: counts a child that ended by itself. */
  childWorker(): PureWorker {
    return async (transaction, work) => {
      const { mapRun, status, items } = work.body as ChildWork;
      const run = await lockedMapRun(transaction, mapRun);
      if (run === undefined) return DONE;
      await this.#advance(transaction, counted(run, status, items));
      transaction.afterCommit(() => this.#wakes.wake(mapRun));
      return DONE;
    };
  }

  /** `states.mapRunStop`: stops the children that still run, some at a time. */
  stopWorker(): PureWorker {
    return async (transaction, work): Promise<Outcome> => {
      const { mapRun } = work.body as MapRunWork;
      this.#wakes.wake(mapRun);
      const run = await lockedMapRun(transaction, mapRun);
      const released = await releasePending(transaction, mapRun);
      if (run && released.children > 0) {
        const aborted = run.aborted + released.children;
        await this.#advance(transaction, { ...run, aborted, items_aborted: run.items_aborted + released.items });
      }
      const running = await runningChildren(transaction, mapRun, -1, STOP_AT_ONCE);
      for (const child of running) await this.#executions.signal(transaction, child, { kind: "stop" });
      return running.length < STOP_AT_ONCE ? DONE : { kind: "again", dueAt: this.#parts.clock.now() };
    };
  }

  /** `states.mapRunEnd`: the end of a run that writes no files. Its output is collected from the children's rows. */
  endWorker(): PureWorker {
    return async (transaction, work) => {
      const { mapRun } = work.body as MapRunWork;
      const run = await lockedMapRun(transaction, mapRun);
      if (run === undefined || run.status !== "RUNNING") return DONE;
      // AWS counts the results that went into the state's output as written.
      const written = { written: run.succeeded + run.failed + run.timed_out, items_written: endedItems(run) };
      if (run.error !== null) {
        const failure = { error: run.error, cause: run.cause ?? "" };
        await this.end(transaction, run, failure, { written: 0, items_written: 0 });
      } else {
        const output = await collectResults(transaction, run, PAYLOAD_BYTES_MAX);
        await this.end(transaction, run, { output }, written);
      }
      return DONE;
    };
  }
}

function endedItems(run: MapRunRow): number {
  return run.items_succeeded + run.items_failed + run.items_timed_out;
}
