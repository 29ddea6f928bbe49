/** Wakes a stored run: copies its threads, finds those that can go on, and those that wait for a token or a timer. */
import { Live } from "./live.ts";
import type { Machine, MapState, TaskState } from "./compiled.ts";
import type { Facts, Run, Thread, Work } from "./types.ts";

type TaskWork = Extract<Work, { kind: "task" }>;

/** A working copy of the run; the run itself stays as it is. */
export function resume(machine: Machine, facts: Facts, run: Run): Live {
  const root = copyThread(run.root);
  const live = new Live(machine, facts, { ...run, root });
  walk(live, root, (thread) => {
    if (thread.work === undefined) live.ready.push(thread);
  });
  // In turn, as if there had been no pause: whose last event is the oldest has waited longest.
  if (live.ready.length > 1) live.ready.sort((left, right) => left.lastId - right.lastId);
  return live;
}

function copyThread(thread: Thread): Thread {
  return thread.work === undefined ? { ...thread } : { ...thread, work: copyWork(thread.work) };
}

function copyWork(work: Work): Work {
  if (work.kind === "parallel") {
    return { ...work, threads: work.threads.map((thread) => thread && copyThread(thread)), results: [...work.results] };
  }
  if (work.kind !== "map") return { ...work };
  const threads = Object.fromEntries(
    Object.entries(work.threads).map(([index, thread]) => [index, copyThread(thread)]),
  );
  return { ...work, items: [...work.items], results: [...work.results], threads };
}

/** Visits all threads, parents first, and tells the live run who is whose child. */
function walk(live: Live, thread: Thread, visit: (thread: Thread) => void): void {
  visit(thread);
  const { work } = thread;
  const below =
    work?.kind === "parallel" ? work.threads.entries() : work?.kind === "map" ? Object.entries(work.threads) : [];
  for (const [index, child] of below) {
    if (child === null) continue;
    live.adopt(child, thread, Number(index));
    walk(live, child, visit);
  }
}

export type TaskWaiter = { readonly thread: Thread; readonly state: TaskState; readonly work: TaskWork };

export function taskWaiter(live: Live, token: string): TaskWaiter | undefined {
  let found: TaskWaiter | undefined;
  walk(live, live.root, (thread) => {
    const state = live.state(thread);
    if (thread.work?.kind === "task" && thread.work.token === token && state.kind === "Task")
      found = { thread, state, work: thread.work };
  });
  return found;
}

/** The thread that waits for a timer, and when it is due. */
export function timerWaiter(live: Live, id: string): { readonly thread: Thread; readonly at: number } | undefined {
  let found: { readonly thread: Thread; readonly at: number } | undefined;
  walk(live, live.root, (thread) => {
    const at = dueAt(thread.work, id);
    if (at !== undefined) found = { thread, at };
  });
  return found;
}

function dueAt(work: Work | undefined, id: string): number | undefined {
  if (work?.kind === "wait" || work?.kind === "retry") return work.timer === id ? work.at : undefined;
  if (work?.kind !== "task") return undefined;
  if (id === `timeout:${work.scheduledId}`) return work.timeoutAt;
  return id === `heartbeat:${work.scheduledId}` ? work.heartbeatAt : undefined;
}

export type MapRunWaiter = { readonly thread: Thread; readonly state: MapState };

/** The thread that waits for a map run. */
export function mapRunWaiter(live: Live, mapRunArn: string): MapRunWaiter | undefined {
  let found: MapRunWaiter | undefined;
  walk(live, live.root, (thread) => {
    const state = live.state(thread);
    if (thread.work?.kind === "mapRun" && thread.work.mapRunArn === mapRunArn && state.kind === "Map")
      found = { thread, state };
  });
  return found;
}
