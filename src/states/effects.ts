/** What a transition asks for is put where it will happen: timers and tasks into the relay, activities' tasks into rows. */
import type { Parts } from "../flow.ts";
import type { Transaction } from "../store/store.ts";
import type { Activities } from "./activities.ts";
import { executionArn, type ExecutionKey } from "./arns.ts";
import type { Effect, Signal } from "./asl/types.ts";
import { beginMapRun, cancelMapRun } from "./mapruns/begin.ts";
import { redriveMapRun } from "./mapruns/redrive.ts";
import { givesToken } from "./tokens.ts";

/** What is under way outside for a running execution. */
export type Outstanding = {
  /** Timers by id, tasks by token: their rows leave when the execution ends. */
  readonly timers: readonly string[];
  readonly tasks: readonly string[];
  /** The executions that tasks wait for, by token: stopped with the task. */
  readonly children?: Readonly<Record<string, ExecutionKey>>;
  /** Map runs that Distributed Maps wait for. */
  readonly mapRuns?: readonly string[];
};
export const NOTHING: Outstanding = { timers: [], tasks: [] };

/** The relay's kinds of tasks: calls that are over in a moment, and those that wait for somebody. */
export const SHORT_CALL = "states.task";
export const LONG_CALL = "states.call";

/** The body of `states.task` and `states.call` work. */
export type TaskWork = {
  readonly machine: string;
  readonly name: string;
  readonly token: string;
  readonly resource: string;
  /** JSON text. */
  readonly parameters: string;
  /** The machine's role, and the role that the task asks for in Credentials. */
  readonly roleArn: string;
  readonly taskRoleArn?: string;
  /** Of an Express execution, which has another ARN than its machine and name say. */
  readonly executionArn?: string;
};
/** The body of `states.timer`, `states.continue` and `states.signal` work. */
export type SignalWork = ExecutionKey & { readonly signal: Signal };

/** An execution in whose name effects happen. */
type Owner = ExecutionKey & { readonly trace: string; readonly roleArn: string; readonly revision: string };
type TaskEffect = Extract<Effect, { kind: "task" }>;

export class Effects {
  readonly #parts: Parts;
  readonly #activities: Activities;
  constructor(parts: Parts, activities: Activities) {
    this.#parts = parts;
    this.#activities = activities;
  }

  /** @param before what was outstanding before the signal that led here. */
  async carryOut(
    transaction: Transaction,
    owner: Owner,
    effects: readonly Effect[],
    before: Outstanding = NOTHING,
    signal?: Signal,
  ): Promise<void> {
    const { relay } = this.#parts;
    const arn = executionArn(owner);
    const { machine, name, trace } = owner;
    for (const effect of effects) {
      if (effect.kind === "timer") {
        // The timer that stands there asks again when it falls due: a heartbeat costs no row.
        if (signal?.kind === "heartbeat" && before.timers.includes(effect.id)) continue;
        const body: SignalWork = { machine, name, signal: { kind: "timer", id: effect.id } };
        const key = timerKey(arn, effect.id);
        await relay.append(transaction, { kind: "states.timer", key, trace, body, dueAt: effect.at });
      } else if (effect.kind === "redriveMapRun") await redriveMapRun(this.#parts, transaction, effect.mapRunArn);
      else if (effect.kind === "task") await this.#task(transaction, owner, arn, effect);
      else if (effect.kind === "cancelTimer") await relay.cancel(transaction, "states.timer", timerKey(arn, effect.id));
      else if (effect.kind === "mapRun") await beginMapRun(this.#parts, transaction, effect, owner);
      else if (effect.kind === "cancelMapRun") await cancelMapRun(this.#parts, transaction, effect.mapRunArn);
      else await this.#withdrawTask(transaction, owner, arn, effect.token, before);
    }
  }

  /** The execution has ended: nothing of what is outstanding is wanted any more. */
  async withdraw(transaction: Transaction, owner: Owner, outstanding: Outstanding): Promise<void> {
    const arn = executionArn(owner);
    for (const id of outstanding.timers) await this.#parts.relay.cancel(transaction, "states.timer", timerKey(arn, id));
    for (const token of outstanding.tasks) await this.#withdrawTask(transaction, owner, arn, token, outstanding);
    for (const mapRun of outstanding.mapRuns ?? []) await cancelMapRun(this.#parts, transaction, mapRun);
  }

  async #task(transaction: Transaction, owner: Owner, arn: string, effect: TaskEffect): Promise<void> {
    const { machine, name, trace, roleArn } = owner;
    const { token, resource, parameters } = effect;
    if (isActivity(resource)) {
      if (await this.#activities.offer(transaction, resource, owner, { token, input: parameters })) return;
      const cause = `Activity Does Not Exist: '${resource}'`;
      const failed: Signal = {
        kind: "taskFailed",
        token,
        phase: "ScheduleFailed",
        error: "ActivityDoesNotExist",
        cause,
      };
      const body: SignalWork = { machine, name, signal: failed };
      return this.#parts.relay.append(transaction, { kind: "states.signal", key: arn, trace, body });
    }
    const credentials = effect.roleArn === undefined ? {} : { taskRoleArn: effect.roleArn };
    const body: TaskWork = { machine, name, token, resource, parameters, roleArn, ...credentials };
    const kind = mayTakeLong(resource) ? LONG_CALL : SHORT_CALL;
    return this.#parts.relay.append(transaction, { kind, key: taskKey(arn, token), trace, body });
  }

  async #withdrawTask(
    transaction: Transaction,
    owner: Owner,
    arn: string,
    token: string,
    outstanding: Outstanding,
  ): Promise<void> {
    const { relay } = this.#parts;
    await relay.cancel(transaction, SHORT_CALL, taskKey(arn, token));
    await relay.cancel(transaction, LONG_CALL, taskKey(arn, token));
    if (isSealed(token)) await this.#activities.withdraw(transaction, owner, token);
    const child = outstanding.children?.[token];
    if (child === undefined) return;
    const body: SignalWork = { ...child, signal: { kind: "stop" } };
    await relay.append(transaction, { kind: "states.signal", key: executionArn(child), trace: owner.trace, body });
  }
}

/** What is outstanding after a signal and the effects that it had; `child` is the execution that a submitted task waits for. */
export function outstandingAfter(
  before: Outstanding,
  effects: readonly Effect[],
  settled?: Signal,
  child?: ExecutionKey,
): Outstanding {
  const timers = new Set(before.timers);
  const tasks = new Set(before.tasks);
  if (settled?.kind === "timer") timers.delete(settled.id);
  if (settled?.kind === "taskSucceeded" || settled?.kind === "taskFailed") tasks.delete(settled.token);
  const mapRuns = new Set(before.mapRuns);
  if (settled && "mapRunArn" in settled) mapRuns.delete(settled.mapRunArn);
  for (const effect of effects) {
    if (effect.kind === "timer") timers.add(effect.id);
    else if (effect.kind === "cancelTimer") timers.delete(effect.id);
    else if (effect.kind === "task") tasks.add(effect.token);
    else if (effect.kind === "mapRun" || effect.kind === "redriveMapRun") mapRuns.add(effect.mapRunArn);
    else if (effect.kind === "cancelMapRun") mapRuns.delete(effect.mapRunArn);
    else tasks.delete(effect.token);
  }
  const waited = Object.entries(before.children ?? {}).filter(([token]) => tasks.has(token));
  if (child !== undefined && settled?.kind === "taskSubmitted") waited.push([settled.token, child]);
  return {
    timers: [...timers],
    tasks: [...tasks],
    ...(mapRuns.size > 0 && { mapRuns: [...mapRuns] }),
    ...(waited.length > 0 && { children: Object.fromEntries(waited) }),
  };
}

/** Calls that wait for somebody: they must not hold up the many that are over in a moment. */
const LONG =
  /^arn:[^:]*:states:::(?:http:|lambda:|aws-sdk:(?:sfn:(?:getActivityTask|startSyncExecution)|sqs:receiveMessage|lambda:invoke))/;
function mayTakeLong(resource: string): boolean {
  return LONG.test(resource) || /^arn:[^:]*:lambda:/.test(resource);
}
function isActivity(resource: string): boolean {
  return givesToken(resource) && !resource.endsWith(".waitForTaskToken");
}

function timerKey(arn: string, id: string): string {
  return `${arn}#${id}`;
}
/** Sealed tokens are long, and differ at their ends. */
function taskKey(arn: string, token: string): string {
  return `${arn}#${isSealed(token) ? token.slice(-40) : token}`;
}
function isSealed(token: string): boolean {
  return token.length > 64;
}
