/** Tasks of activities: rows that wait for a worker, and workers that wait for a row. */
import type { Parts } from "../flow.ts";
import type { Transaction } from "../store/store.ts";
import { fault } from "../wire/fault.ts";
import type { ExecutionKey } from "./arns.ts";
import {
  activityByArn,
  anyWaitingTask,
  deleteWaitingTask,
  insertWaitingTask,
  oldestWaitingTasks,
  withdrawWaitingTasks,
  type WaitingTask,
} from "./rows/activities.ts";
import { Serials } from "./rows/executions.ts";

/** AWS answers a poll that found nothing after a minute. */
const POLL_MS = 60_000;
/** How often rows of other nodes are looked for while somebody waits. */
const LOOK_MS = 500;
/** AWS: "ActivityWorkerLimitExceeded" above this many polls of one activity at once. */
const MOST_POLLERS = 1_000;
/** The same over all activities of a node: a poll that waits is a request in work, and others must have room beside them. */
const MOST_POLLERS_OF_NODE = 2_000;
const TAKEN_AT_ONCE = 32;

export type Taken = { readonly token: string; readonly input: string };
/** Tells the execution that a worker has its task; false if it is not wanted any more. */
export type Start = (transaction: Transaction, task: WaitingTask, workerName: string | undefined) => Promise<boolean>;

type Poller = {
  readonly workerName: string | undefined;
  readonly until: number;
  readonly answer: (taken: Taken | undefined) => void;
  readonly fail: (error: unknown) => void;
};
type Queue = { readonly pollers: Set<Poller>; woken: boolean; sleep: AbortController };

export class Activities {
  readonly #parts: Pick<Parts, "store" | "relay" | "clock">;
  readonly #queues = new Map<string, Queue>();
  readonly #serials = new Serials();
  #draining = false;
  constructor(parts: Pick<Parts, "store" | "relay" | "clock">) {
    this.#parts = parts;
  }

  /** Lays a task out for the activity's workers; false if there is no such activity. */
  async offer(transaction: Transaction, activity: string, key: ExecutionKey, task: Taken): Promise<boolean> {
    if ((await activityByArn(transaction, activity)) === undefined) return false;
    const { clock } = this.#parts;
    const { machine, name } = key;
    const serial = this.#serials.next(clock.now());
    await insertWaitingTask(transaction, { activity, serial, id: clock.uuid(), machine, name, ...task });
    transaction.afterCommit(() => this.#wake(activity));
    return true;
  }

  /** Takes back a task, or all tasks of an execution, that no worker has taken yet. */
  async withdraw(transaction: Transaction, key: ExecutionKey, token?: string): Promise<void> {
    await withdrawWaitingTasks(transaction, key, token);
  }

  /** The oldest task of the activity, waited for up to a minute; undefined if none came. */
  poll(activity: string, workerName: string | undefined, start: Start): Promise<Taken | undefined> {
    const known = this.#queues.get(activity);
    let waiting = 0;
    for (const { pollers } of this.#queues.values()) waiting += pollers.size;
    if ((known?.pollers.size ?? 0) >= MOST_POLLERS || waiting >= MOST_POLLERS_OF_NODE)
      throw fault("ActivityWorkerLimitExceeded", `Activity Worker Limit Exceeded: '${activity}'`);
    const { promise, resolve, reject } = Promise.withResolvers<Taken | undefined>();
    const until = this.#parts.clock.now() + POLL_MS;
    const poller: Poller = { workerName, until, answer: resolve, fail: reject };
    if (known) {
      known.pollers.add(poller);
      this.#wake(activity);
    } else {
      const queue: Queue = { pollers: new Set([poller]), woken: false, sleep: new AbortController() };
      this.#queues.set(activity, queue);
      void this.#serve(activity, queue, start);
    }
    return promise;
  }

  /** Answers everybody who waits, now and from now on: the node closes. */
  drain(): void {
    this.#draining = true;
    for (const activity of this.#queues.keys()) this.#wake(activity);
  }

  #wake(activity: string): void {
    const queue = this.#queues.get(activity);
    if (!queue) return;
    queue.woken = true;
    queue.sleep.abort();
  }

  /** One loop for all pollers of an activity, while there are any. */
  async #serve(activity: string, queue: Queue, start: Start): Promise<void> {
    const { clock } = this.#parts;
    const { pollers } = queue;
    while (pollers.size > 0) {
      queue.woken = false;
      try {
        while (await this.#hand(activity, pollers, start));
      } catch (error) {
        for (const poller of pollers) poller.fail(error);
        break;
      }
      const now = clock.now();
      for (const poller of pollers) {
        if (poller.until > now && !this.#draining) continue;
        pollers.delete(poller);
        poller.answer(undefined);
      }
      if (pollers.size === 0 || queue.woken) continue;
      queue.sleep = new AbortController();
      await clock.sleep(LOOK_MS, queue.sleep.signal);
    }
    this.#queues.delete(activity);
  }

  /** Hands waiting tasks to the pollers, who have them once that is durable; false if nothing was there. */
  async #hand(activity: string, pollers: Set<Poller>, start: Start): Promise<boolean> {
    const { store, relay } = this.#parts;
    if (pollers.size === 0 || !(await store.read((reader) => anyWaitingTask(reader, activity)))) return false;
    const first = [...pollers].slice(0, TAKEN_AT_ONCE);
    const handed = await relay.transact(async (transaction) => {
      const tasks = await oldestWaitingTasks(transaction, activity, first.length);
      const taken: WaitingTask[] = [];
      for (const task of tasks) {
        await deleteWaitingTask(transaction, task);
        if (await start(transaction, task, first[taken.length]?.workerName)) taken.push(task);
      }
      return { seen: tasks.length, taken };
    });
    for (const [i, { token, input }] of handed.taken.entries()) {
      const poller = first[i];
      if (!poller) continue;
      pollers.delete(poller);
      poller.answer({ token, input });
    }
    return handed.seen > 0;
  }
}
