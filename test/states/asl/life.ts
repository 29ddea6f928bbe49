/** Lives through executions of random machines, and writes down what happened, so that it can happen again. */
import { step, type Machine } from "../../../src/asl.ts";
import type { Effect, Ended, Facts, HistoryEvent, Run, Signal, Transition } from "../../../src/asl.ts";
import { NOW, startSignal } from "./support.ts";

export type Life = {
  readonly events: readonly HistoryEvent[];
  readonly effects: readonly Effect[];
  /** Undefined if the execution was still alive when the patience was over. */
  readonly ended: Ended | undefined;
  /** What was told to the execution, when, and the run that came of it. */
  readonly moments: readonly Moment[];
};
export type Moment = { readonly signal: Signal; readonly now: number; readonly ids: number; readonly run: string };
export type Manner = { readonly stored: boolean; readonly eventBudget: number };

const PATIENCE = 300;

/** Time, ids and chance of a moment: the same for the same moment. */
export function factsAt(now: number, ids: { n: number }, eventBudget = 1000): Facts {
  return { now, eventBudget, random: () => 0.25, uuid: () => `id-${(ids.n += 1)}` };
}

/** `choices` decides on what happens next: which of the tasks and timers comes, and how a task ends. */
export function live(machine: Machine, input: string, choices: readonly number[], manner: Manner): Life {
  const events: HistoryEvent[] = [];
  const effects: Effect[] = [];
  const moments: Moment[] = [];
  const waiting = new Map<string, Effect>();
  const ids = { n: 0 };
  let now = NOW;
  let run: Run | null = null;
  let signal: Signal | undefined = startSignal(input);
  for (let turn = 0; turn < PATIENCE && signal !== undefined;) {
    const before = ids.n;
    const transition: Transition = step(machine, run, signal, factsAt(now, ids, manner.eventBudget));
    const text = JSON.stringify(transition.run);
    moments.push({ signal, now, ids: before, run: text });
    run = manner.stored ? (JSON.parse(text) as Run) : transition.run;
    events.push(...transition.events);
    effects.push(...transition.effects);
    note(waiting, transition.effects);
    if (transition.ended !== undefined) return { events, effects, ended: transition.ended, moments };
    if (transition.more === true) {
      signal = { kind: "continue" };
      continue;
    }
    signal = chosen([...waiting.values()], choices[turn % choices.length] ?? 0);
    turn += 1;
    if (signal?.kind === "timer") {
      const timer = waiting.get(signal.id);
      if (timer?.kind === "timer") now = Math.max(now, timer.at);
      waiting.delete(signal.id);
    } else if (signal?.kind === "taskSucceeded" || signal?.kind === "taskFailed") waiting.delete(signal.token);
  }
  if (signal === undefined) throw new Error("the execution waits for nothing");
  return { events, effects, ended: undefined, moments };
}

function note(waiting: Map<string, Effect>, effects: readonly Effect[]): void {
  for (const effect of effects) {
    if (effect.kind === "cancelTimer") waiting.delete(effect.id);
    else if (effect.kind === "cancelTask") waiting.delete(effect.token);
    else if (effect.kind === "task") waiting.set(effect.token, effect);
    else if (effect.kind === "timer") waiting.set(effect.id, effect);
  }
}

function chosen(waiting: readonly Effect[], choice: number): Signal | undefined {
  const effect = waiting[choice % Math.max(1, waiting.length)];
  if (effect?.kind === "timer") return { kind: "timer", id: effect.id };
  if (effect?.kind !== "task") return undefined;
  const { token } = effect;
  switch (choice % 9) {
    case 0:
      return { kind: "taskFailed", token, error: "A" };
    case 1:
      return { kind: "taskFailed", token };
    case 2:
      return { kind: "taskFailed", token, error: "B", cause: "so", phase: "StartFailed" };
    case 3:
      return { kind: "taskStarted", token };
    case 4:
      return { kind: "heartbeat", token };
    case 5:
      return { kind: "taskSucceeded", token, output: "[1.0]" };
    default:
      return { kind: "taskSucceeded", token, output: '{"a":1.0,"list":[1,2]}' };
  }
}
