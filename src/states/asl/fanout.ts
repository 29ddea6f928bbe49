/** Parallel and Map: threads below a thread. */
import { finish } from "./execute.ts";
import type { Failure } from "./failure.ts";
import { Datum } from "./json.ts";
import type { Live, Parent } from "./live.ts";
import type { MapState, ParallelState } from "./compiled.ts";
import { BLOCKED, type Outcome } from "./outcome.ts";
import { abortMapRun, startMapRun } from "./mapRun.ts";
import { cancelTask } from "./task.ts";
import type { Thread, Work } from "./types.ts";

type MapWork = Extract<Work, { kind: "map" }>;
type ParallelWork = Extract<Work, { kind: "parallel" }>;

export function startParallel(live: Live, thread: Thread, state: ParallelState): Outcome {
  const input = state.input(live.scope(thread));
  const started = live.emit(thread, "ParallelStateStarted");
  const threads = state.branches.map((startAt, i) => live.spawn(thread, i, startAt, input, started));
  thread.work = { kind: "parallel", threads, results: state.branches.map(() => null), open: threads.length };
  return BLOCKED;
}

export function startMap(live: Live, thread: Thread, state: MapState): Outcome {
  if (state.distributed) return startMapRun(live, thread, state, state.distributed);
  const scope = live.scope(thread);
  const concurrency = state.concurrency(scope);
  const items = state.items(scope);
  live.emit(thread, "MapStateStarted", "mapStateStartedEventDetails", { length: items.length });
  if (items.length === 0) return fanoutSucceeded(live, thread, state, []);
  const results = items.map(() => null);
  const work: MapWork = {
    kind: "map",
    items: items.map((item) => item.text),
    threads: {},
    results,
    concurrency,
    next: 0,
    open: items.length,
  };
  thread.work = work;
  const first = thread.lastId;
  while (work.next < Math.min(concurrency, items.length)) startIteration(live, thread, state, work, first);
  return BLOCKED;
}

/** The Started event of an iteration points at the last inner event of the one that made room for it. */
function startIteration(live: Live, thread: Thread, state: MapState, work: MapWork, lastId: number): void {
  const index = work.next;
  work.next += 1;
  const child = live.spawn(thread, index, state.startAt, Datum.ofText(work.items[index] ?? "null"), lastId);
  work.items[index] = null;
  work.threads[index] = child;
  live.emit(child, "MapIterationStarted", "mapIterationStartedEventDetails", { name: state.name, index });
}

/** A branch or an iteration has ended with this output. */
export function childSucceeded(live: Live, child: Thread, { thread, index }: Parent, output: Datum): Outcome {
  const state = live.state(thread);
  const { work } = thread;
  thread.lastId = child.lastId;
  if (work?.kind === "parallel" && state.kind === "Parallel") {
    work.threads[index] = null;
    work.results[index] = output.text;
    work.open -= 1;
    return work.open > 0 ? BLOCKED : fanoutSucceeded(live, thread, state, work.results);
  }
  if (work?.kind !== "map" || state.kind !== "Map") throw new Error(`the state '${state.name}' has no children`);
  delete work.threads[index];
  work.results[index] = output.text;
  work.open -= 1;
  live.emit(child, "MapIterationSucceeded", "mapIterationSucceededEventDetails", { name: state.name, index }, "leaf");
  if (work.next < work.items.length) startIteration(live, thread, state, work, child.lastId);
  if (work.open > 0) return BLOCKED;
  // Only what follows the last iteration points at its Succeeded event.
  thread.lastId = live.lastEventId;
  return fanoutSucceeded(live, thread, state, work.results);
}

/** The results are joined as texts: nothing is parsed, nothing is lost. */
function fanoutSucceeded(
  live: Live,
  thread: Thread,
  state: MapState | ParallelState,
  results: readonly (string | null)[],
): Outcome {
  live.emit(thread, `${state.kind}StateSucceeded`, undefined, undefined, "leaf");
  delete thread.work;
  return finish(state, live.scope(thread), Datum.ofText(`[${results.join(",")}]`));
}

/** A branch or an iteration has failed: its siblings are aborted, and the state fails with the child's own error. */
export function childFailed(live: Live, child: Thread, { thread, index }: Parent, failure: Failure): Outcome {
  const state = live.state(thread);
  const { work } = thread;
  if (work?.kind === "map") {
    delete work.threads[index];
    live.emit(child, "MapIterationFailed", "mapIterationFailedEventDetails", { name: state.name, index }, "leaf");
    abortIterations(live, state.name, work);
    work.threads[index] = child;
  } else if (work?.kind === "parallel") {
    work.threads[index] = null;
    if (live.state(child).kind === "Task") live.emit(child, "TaskStateAborted", undefined, undefined, "leaf");
    abortBranches(live, work);
    work.threads[index] = child;
  }
  thread.lastId = child.lastId;
  delete thread.work;
  if (work !== undefined) thread.failed = work;
  return { kind: "failed", failure };
}

function abortBranches(live: Live, work: ParallelWork): void {
  for (const thread of work.threads) if (thread !== null) abort(live, thread);
}

function abortIterations(live: Live, name: string, work: MapWork): void {
  for (const [index, thread] of Object.entries(work.threads)) {
    abort(live, thread);
    live.emit(thread, "MapIterationAborted", "mapIterationAbortedEventDetails", { name, index: Number(index) }, "leaf");
  }
}

/** Ends a thread from outside, with the events that tell so. */
function abort(live: Live, thread: Thread): void {
  const state = live.state(thread);
  const { work } = thread;
  cancel(live, thread, work);
  if (work?.kind === "parallel") abortBranches(live, work);
  if (work?.kind === "map") abortIterations(live, state.name, work);
  const at = live.ready.indexOf(thread);
  if (at >= 0) live.ready.splice(at, 1);
  if (work === undefined && thread.enteredId === 0) return;
  if (state.kind === "Task" || state.kind === "Wait" || state.kind === "Parallel" || state.kind === "Map") {
    live.emit(thread, `${state.kind}StateAborted`, undefined, undefined, "leaf");
  }
}

function cancel(live: Live, thread: Thread, work: Work | undefined): void {
  if (work?.kind === "task") cancelTask(live, thread, work);
  else if (work?.kind === "mapRun") abortMapRun(live, thread, work.mapRunArn);
  else if (work?.kind === "wait" || work?.kind === "retry") live.cancelTimer(work.timer);
}

/** Takes back all effects below a thread, without a word in the history: the execution is over. */
export function cancelAll(live: Live, thread: Thread): void {
  const { work } = thread;
  cancel(live, thread, work);
  if (work?.kind === "parallel") for (const child of work.threads) if (child !== null) cancelAll(live, child);
  if (work?.kind === "map") for (const child of Object.values(work.threads)) cancelAll(live, child);
}
