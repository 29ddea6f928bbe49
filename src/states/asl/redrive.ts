/** Redrive: a run that ended without success goes on at the states where it stopped. */
import { Live } from "./live.ts";
import { mapRunRedriven } from "./mapRun.ts";
import type { Machine } from "./compiled.ts";
import type { Facts, Run, Thread, Work } from "./types.ts";

/** AWS: "Make sure your workflow execution contains less than 24,999 events to accommodate the ExecutionRedriven history event and at least one other history event." */
export const REDRIVE_EVENTS_MAX = 24_999;

/**
 * A working copy of the ended run that is about to go on: ExecutionRedriven is written, and every state that failed or
 * was aborted is to be entered again with the input that it had. Of a Parallel or an inline Map only the branches and
 * iterations that did not succeed begin again; the run of a
 * Distributed Map goes on by itself. Retry counters and the machine's timeout start anew.
 */
export function revive(machine: Machine, facts: Facts, run: Run): Live {
  const root = structuredClone(run.root);
  const redriveCount = run.execution.redriveCount + 1;
  const deadline = machine.timeoutSeconds === undefined ? undefined : facts.now + machine.timeoutSeconds * 1000;
  const live = new Live(machine, facts, {
    execution: { ...run.execution, redriveCount },
    stateMachine: run.stateMachine,
    lastEventId: run.lastEventId,
    root,
    ...(deadline !== undefined && { deadline }),
  });
  root.lastId = run.lastEventId;
  const redriven = live.emit(root, "ExecutionRedriven", "executionRedrivenEventDetails", { redriveCount });
  if (deadline !== undefined) live.effects.push({ kind: "timer", id: "execution", at: deadline });
  root.lastId = redriven;
  return live;
}

/** The revived run's states that stopped are ready to be entered again; throws HistoryFull as every step may. */
export function beginAgain(live: Live): void {
  begin(live, live.root, live.root.lastId);
}

/** What stopped below the thread begins again; what had succeeded there stays as it is. */
function begin(live: Live, thread: Thread, lastId: number): void {
  const work = thread.failed ?? thread.work;
  delete thread.failed;
  delete thread.work;
  delete thread.retries;
  delete thread.retryCount;
  thread.lastId = lastId;
  if (work?.kind === "mapRun") return mapRunRedriven(live, thread, work);
  const children = stopped(work);
  if (work === undefined || children.length === 0) {
    thread.enteredId = 0;
    live.ready.push(thread);
    return;
  }
  thread.work = work;
  for (const [index, child] of children) {
    live.adopt(child, thread, index);
    child.lastId = lastId;
    if (work.kind === "map")
      live.emit(child, "MapIterationStarted", "mapIterationStartedEventDetails", { name: thread.state, index });
    begin(live, child, child.lastId);
  }
}

/** The branches or iterations that were under way. */
function stopped(work: Work | undefined): (readonly [index: number, thread: Thread])[] {
  if (work?.kind === "parallel")
    return [...work.threads.entries()].flatMap(([index, thread]) =>
      thread === null ? [] : [[index, thread] as const],
    );
  if (work?.kind !== "map") return [];
  return Object.entries(work.threads).map(([index, thread]) => [Number(index), thread] as const);
}
