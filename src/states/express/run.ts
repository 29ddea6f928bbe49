/** An Express execution under way: the interpreter's steps, with its timers and tasks held in memory only. */
import { step } from "../asl/step.ts";
import type { Effect, Ended, Facts, HistoryEvent, Run, Signal } from "../asl/types.ts";
import type { Revision } from "../definitions.ts";
import type { Parts } from "../../flow.ts";
import { startedThrough } from "../views.ts";
import type { TaskWork } from "../effects.ts";
import type { Performed } from "../tasks/perform.ts";
import { performOrGiveUp } from "../tasks/worker.ts";

export type ExpressStart = {
  /** The execution's ARN. */
  readonly arn: string;
  readonly name: string;
  /** The machine's plain ARN and name. */
  readonly machine: string;
  readonly machineName: string;
  readonly revision: Revision;
  readonly input: string;
  readonly trace: string;
  /** The version that was asked for or chosen, and the alias that chose it. */
  readonly version?: number;
  readonly alias?: string;
  /** Milliseconds. */
  readonly startedAt: number;
};

/** Hears the events of a run; a run that has gone on for long without waiting pauses until `rest` resolves. */
export type Listener = {
  hear(events: readonly HistoryEvent[]): void;
  rest(): Promise<void>;
};

/** The node stops: the run is given up wherever it is. */
export class RunAbandoned extends Error {
  override readonly name = "RunAbandoned";
}

/** How an execution ended. */
export type Finished = Ended & { readonly stoppedAt: number };

/** Runs an execution to its end. Rejects with RunAbandoned when `signal` aborts, and with what is a bug. */
export function runExpress(
  parts: Parts,
  start: ExpressStart,
  listener: Listener,
  signal: AbortSignal,
): Promise<Finished> {
  return new ExpressRun(parts, start, listener).whole(signal);
}

/** The first transition of an execution, for one that needs nothing from outside; undefined if it goes on after that. */
export function runAtOnce(
  parts: Parts,
  start: ExpressStart,
): { readonly finished: Finished; readonly events: readonly HistoryEvent[] } | undefined {
  const facts = factsOf(parts);
  const { ended, events } = step(start.revision.machine, null, startSignal(start), facts);
  return ended && { finished: finishedOf(ended, facts.now), events };
}

class ExpressRun {
  readonly #parts: Parts;
  readonly #start: ExpressStart;
  readonly #listener: Listener;
  readonly #timers = new Map<string, AbortController>();
  readonly #done = Promise.withResolvers<Finished>();
  #run: Run | null = null;
  #over = false;

  constructor(parts: Parts, start: ExpressStart, listener: Listener) {
    this.#parts = parts;
    this.#start = start;
    this.#listener = listener;
  }

  async whole(signal: AbortSignal): Promise<Finished> {
    const abandon = (): void => this.#done.reject(new RunAbandoned(`${this.#start.arn} was given up`));
    if (signal.aborted) abandon();
    else signal.addEventListener("abort", abandon, { once: true });
    try {
      if (!signal.aborted) this.#deliver(startSignal(this.#start));
      return await this.#done.promise;
    } finally {
      this.#over = true;
      signal.removeEventListener("abort", abandon);
      for (const timer of this.#timers.values()) timer.abort();
    }
  }

  #deliver(signal: Signal): void {
    if (this.#over) return;
    try {
      const facts = factsOf(this.#parts);
      const transition = step(this.#start.revision.machine, this.#run, signal, facts);
      this.#run = transition.run;
      this.#listener.hear(transition.events);
      if (transition.ended) {
        this.#over = true;
        this.#done.resolve(finishedOf(transition.ended, facts.now));
        return;
      }
      for (const effect of transition.effects) this.#carryOut(effect);
      if (transition.more) this.#then(this.#listener.rest(), () => ({ kind: "continue" }));
    } catch (error) {
      this.#over = true;
      this.#done.reject(error);
    }
  }

  #carryOut(effect: Effect): void {
    if (effect.kind === "timer") this.#setTimer(effect.id, effect.at);
    else if (effect.kind === "cancelTimer") this.#timers.get(effect.id)?.abort();
    else if (effect.kind === "task") this.#then(this.#task(effect), (answer) => answer);
    // The answer of a task that is not waited for any more is not taken: its token is unknown then.
  }

  #setTimer(id: string, at: number): void {
    this.#timers.get(id)?.abort();
    const timer = new AbortController();
    this.#timers.set(id, timer);
    const ms = Math.max(0, at - this.#parts.clock.now());
    void this.#parts.clock.sleep(ms, timer.signal).then(() => {
      if (timer.signal.aborted) return;
      this.#timers.delete(id);
      this.#deliver({ kind: "timer", id });
    });
  }

  async #task({ token, resource, parameters, roleArn }: Extract<Effect, { kind: "task" }>): Promise<Signal> {
    const { arn, machine, name, revision, trace } = this.#start;
    const credentials = roleArn === undefined ? {} : { taskRoleArn: roleArn };
    const work = { executionArn: arn, machine, name, token, resource, parameters, roleArn: revision.roleArn };
    const performed = await insist(this.#parts, { ...work, ...credentials }, trace, () => this.#over);
    return "output" in performed
      ? { kind: "taskSucceeded", token, output: performed.output }
      : { kind: "taskFailed", token, ...performed.failure };
  }

  #then<T>(promise: Promise<T>, signalOf: (value: T) => Signal): void {
    promise.then(
      (value) => this.#deliver(signalOf(value)),
      (error: unknown) => this.#done.reject(error),
    );
  }
}

/** Tries again, soon, what the task worker would try again through the relay. */
async function insist(parts: Parts, task: TaskWork, trace: string, over: () => boolean): Promise<Performed> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await performOrGiveUp(parts, task, trace, attempt);
    } catch (error) {
      if (over()) throw error;
      parts.log("warn", "a task of an Express execution is tried again", { resource: task.resource, trace, error });
      await parts.clock.sleep(Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS));
    }
  }
}
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;

function startSignal(start: ExpressStart): Signal {
  const { arn, name, revision, input, startedAt, machine, machineName } = start;
  return {
    kind: "start",
    input,
    execution: { id: arn, name, roleArn: revision.roleArn, startTime: startedAt },
    stateMachine: { id: machine, name: machineName },
    ...startedThrough(start),
  };
}

/** A time-out is no failure of a state; its name is told all the same. */
function finishedOf(ended: Ended, stoppedAt: number): Finished {
  return { ...ended, ...(ended.status === "TIMED_OUT" && { error: "States.Timeout" }), stoppedAt };
}

function factsOf({ clock }: Parts): Facts {
  return { now: clock.now(), random: () => clock.random(), uuid: () => clock.uuid() };
}
