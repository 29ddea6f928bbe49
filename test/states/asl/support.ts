/** Drives the interpreter in tests: a fixed clock, counted tokens, states written as plain objects. */
import { compile, type Machine } from "../../../src/states/asl/machine.ts";
import { step } from "../../../src/states/asl/step.ts";
import type { Effect, Ended, Facts, HistoryEvent, Run, Signal, Transition } from "../../../src/states/asl/types.ts";

export const NOW = Date.UTC(2026, 4, 4, 9, 12, 31);

const EXECUTION = {
  id: "arn:aws:states:eu-west-1:123456789012:execution:Machine:run",
  name: "run",
  roleArn: "arn:aws:iam::123456789012:role/machine",
  startTime: NOW,
};
const STATE_MACHINE = { id: "arn:aws:states:eu-west-1:123456789012:stateMachine:Machine", name: "Machine" };

export function startSignal(input: string): Signal {
  return { kind: "start", input, execution: EXECUTION, stateMachine: STATE_MACHINE };
}

/** A machine of these states that begins with the first one. */
export function machineOf(states: Record<string, object>, top: object = {}): Machine {
  return compile(JSON.stringify({ StartAt: Object.keys(states)[0], States: states, ...top }), "STANDARD");
}

/** An execution under way, with everything that it has said and asked for so far. */
export class Rehearsal {
  readonly machine: Machine;
  readonly events: HistoryEvent[] = [];
  effects: readonly Effect[] = [];
  ended: Ended | undefined;
  last: Transition;
  now = NOW;
  random = 0.5;
  #ids = 0;

  constructor(states: Record<string, object>, input: unknown = {}, top: object = {}) {
    this.machine = machineOf(states, top);
    this.last = this.#take(step(this.machine, null, startSignal(JSON.stringify(input)), this.facts()));
  }

  get run(): Run {
    return this.last.run;
  }

  /** The snapshot goes through text every time, as it does in a store. */
  send(signal: Signal): Transition {
    const stored = JSON.parse(JSON.stringify(this.run)) as Run;
    return this.#take(step(this.machine, stored, signal, this.facts()));
  }

  facts(): Facts {
    return { now: this.now, random: () => this.random, uuid: () => `id-${(this.#ids += 1)}` };
  }

  #take(transition: Transition): Transition {
    this.last = transition;
    this.events.push(...transition.events);
    this.effects = transition.effects;
    this.ended ??= transition.ended;
    return transition;
  }

  /** The only task asked for by the last step. */
  task(): Extract<Effect, { kind: "task" }> {
    const [task] = this.effects.filter((effect) => effect.kind === "task");
    if (task === undefined) throw new Error("the last step asked for no task");
    return task;
  }

  /** The only timer asked for by the last step whose id begins so. */
  timer(prefix: string): Extract<Effect, { kind: "timer" }> {
    const timer = this.effects.find((effect) => effect.kind === "timer" && effect.id.startsWith(prefix));
    if (timer?.kind !== "timer") throw new Error(`the last step asked for no timer ${prefix}`);
    return timer;
  }

  /** Lets the time of a timer come. */
  fire(prefix: string): Transition {
    const { id, at } = this.timer(prefix);
    this.now = at;
    return this.send({ kind: "timer", id });
  }

  /** `3<2 PassStateExited` */
  story(): string[] {
    return this.events.map(({ id, previousEventId, type }) => `${id}<${previousEventId} ${type}`);
  }
}

/** The parsed output of a machine that needs nothing from outside. */
export function outputOf(states: Record<string, object>, input: unknown = {}): unknown {
  const { ended } = new Rehearsal(states, input);
  if (ended?.status !== "SUCCEEDED") throw new Error(`${ended?.status}: ${ended?.error}: ${ended?.cause}`);
  return JSON.parse(ended.output ?? "null");
}

/** What one Pass state puts out. */
export function passed(fields: object, input: unknown = {}): unknown {
  return outputOf({ P: { Type: "Pass", End: true, ...fields } }, input);
}

/** How one Pass state fails, without the prefix that names the state. */
export function passFailure(fields: object, input: unknown = {}): string {
  const { ended } = new Rehearsal({ P: { Type: "Pass", End: true, ...fields } }, input);
  const prefix = "An error occurred while executing the state 'P' (entered at the event id #2). ";
  if (ended?.error !== "States.Runtime" || !ended.cause?.startsWith(prefix)) throw new Error(JSON.stringify(ended));
  return ended.cause.slice(prefix.length);
}
