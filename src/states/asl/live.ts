/** The working copy of a run during one step: threads that can go on, new events, new effects. */
import type { HistoryEvent } from "../../flow.ts";
import { Datum, parseJson, type JsonObject } from "./json.ts";
import type { Machine, State } from "./compiled.ts";
import type { Scope } from "./scope.ts";
import { isoMilliseconds } from "./time.ts";
import type { Effect, Ended, Facts, Run, Thread } from "./types.ts";

/** AWS ends an execution whose history is full; the last event says so. */
const HISTORY_EVENTS_MAX = 25_000;

/** Thrown by `emit` when only the terminal event has room left. */
export class HistoryFull extends Error {
  override readonly name = "HistoryFull";
}

export const NOT_TRUNCATED = { truncated: false } as const;

export type Parent = { readonly thread: Thread; readonly index: number };

export class Live {
  readonly machine: Machine;
  readonly facts: Facts;
  readonly execution: Run["execution"];
  readonly stateMachine: Run["stateMachine"];
  readonly root: Thread;
  readonly deadline: number | undefined;
  readonly events: HistoryEvent[] = [];
  readonly effects: Effect[] = [];
  /** Threads that can go on at once, in turn. */
  readonly ready: Thread[] = [];
  readonly #parents = new Map<Thread, Parent>();
  readonly #inputs = new Map<Thread, Datum>();
  #lastEventId: number;
  ended: Ended | undefined;

  constructor(machine: Machine, facts: Facts, run: Omit<Run, "status">) {
    this.machine = machine;
    this.facts = facts;
    this.execution = run.execution;
    this.stateMachine = run.stateMachine;
    this.root = run.root;
    this.deadline = run.deadline;
    this.#lastEventId = run.lastEventId;
  }

  /** Appends an event to the history of a thread; events that nothing ever points at pass `leaf`. Returns the id. */
  emit(thread: Thread, type: string, detailsKey?: string, details?: object, leaf?: "leaf"): number {
    const id = this.#lastEventId + 1;
    if (id >= HISTORY_EVENTS_MAX && this.machine.type === "STANDARD") throw new HistoryFull();
    this.#append(id, thread.lastId, type, detailsKey, details);
    if (leaf === undefined) thread.lastId = id;
    return id;
  }

  /** The last event of the execution. */
  end(type: string, previousEventId: number, detailsKey: string, details: object, ended: Ended): void {
    this.#append(this.#lastEventId + 1, previousEventId, type, detailsKey, details);
    this.ended = ended;
    this.ready.length = 0;
  }

  #append(id: number, previousEventId: number, type: string, detailsKey?: string, details?: object): void {
    this.#lastEventId = id;
    const event: Record<string, unknown> & Pick<HistoryEvent, "id" | "previousEventId" | "timestamp" | "type"> = {
      id,
      previousEventId,
      timestamp: this.facts.now,
      type,
    };
    if (detailsKey !== undefined) event[detailsKey] = details;
    this.events.push(event);
  }

  /** Whether the history has room for more than its last event. */
  get hasRoom(): boolean {
    return this.machine.type !== "STANDARD" || this.#lastEventId + 1 < HISTORY_EVENTS_MAX;
  }

  get lastEventId(): number {
    return this.#lastEventId;
  }

  state(thread: Thread): State {
    const state = this.machine.states.get(thread.state);
    if (state === undefined)
      throw new Error(`the run is in the state '${thread.state}', which its machine does not have`);
    return state;
  }

  adopt(child: Thread, thread: Thread, index: number): void {
    this.#parents.set(child, { thread, index });
  }
  parentOf(thread: Thread): Parent | undefined {
    return this.#parents.get(thread);
  }

  /** Sends a thread to its next state. */
  moveTo(thread: Thread, state: string, input: Datum): void {
    thread.state = state;
    thread.input = input.text;
    thread.enteredId = 0;
    delete thread.retries;
    delete thread.retryCount;
    delete thread.work;
    delete thread.failed;
    this.#inputs.set(thread, input);
    this.ready.push(thread);
  }

  /** A fresh thread below `thread`, at the beginning of a branch or an iteration. */
  spawn(thread: Thread, index: number, startAt: string, input: Datum, lastId: number): Thread {
    const child: Thread = { state: startAt, input: input.text, enteredId: 0, enteredTime: 0, lastId };
    this.#inputs.set(child, input);
    this.adopt(child, thread, index);
    this.ready.push(child);
    return child;
  }

  input(thread: Thread): Datum {
    let input = this.#inputs.get(thread);
    if (input === undefined) {
      input = Datum.ofText(thread.input);
      this.#inputs.set(thread, input);
    }
    return input;
  }

  /** What the fields of the thread's current state see. */
  scope(thread: Thread, token?: string): Scope {
    let context: JsonObject | undefined;
    return {
      stateName: thread.state,
      input: this.input(thread),
      context: () => (context ??= this.#context(thread, token)),
      variable: (name) => this.#variable(thread, name),
      now: this.facts.now,
      random: this.facts.random,
      uuid: this.facts.uuid,
    };
  }

  #variable(from: Thread, name: string): unknown {
    for (let thread: Thread | undefined = from; thread !== undefined; thread = this.#parents.get(thread)?.thread) {
      const { variables } = thread;
      if (variables !== undefined && Object.hasOwn(variables, name)) return parseJson(variables[name] ?? "null");
    }
    return undefined;
  }

  /** All variables that the thread's state can read. */
  visibleVariables(from: Thread): { readonly [name: string]: string } {
    let all: { [name: string]: string } = {};
    for (let thread: Thread | undefined = from; thread !== undefined; thread = this.#parents.get(thread)?.thread)
      all = { ...thread.variables, ...all };
    return all;
  }

  #context(thread: Thread, token: string | undefined): JsonObject {
    const { execution, stateMachine } = this;
    return {
      Execution: {
        Id: execution.id,
        Input: parseJson(execution.input),
        Name: execution.name,
        RoleArn: execution.roleArn,
        StartTime: isoMilliseconds(execution.startTime),
        RedriveCount: execution.redriveCount,
      },
      StateMachine: { Id: stateMachine.id, Name: stateMachine.name },
      State: {
        Name: thread.state,
        EnteredTime: isoMilliseconds(thread.enteredTime),
        RetryCount: thread.retryCount ?? 0,
      },
      ...(token !== undefined && { Task: { Token: token } }),
    };
  }

  cancelTimer(id: string): void {
    this.effects.push({ kind: "cancelTimer", id });
  }
}
