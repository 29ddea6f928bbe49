import { executionArn, type ExecutionKey } from "./arns.ts";
import type { Definitions, Revision } from "./definitions.ts";
import { step } from "./asl/step.ts";
import type { Effect, Facts, Run, Signal, Transition } from "./asl/types.ts";
import type { Parts } from "../flow.ts";
import { WriteConflict, type Transaction } from "../store/store.ts";
import { fault } from "../wire/fault.ts";
import {
  endExecution,
  executionByKey,
  insertExecution,
  insertHistory,
  runByKey,
  Serials,
  updateRun,
  type ExecutionRow,
} from "./rows/executions.ts";
import { announce } from "./announce.ts";
import { packEvents } from "./payloads.ts";

/** What a running execution is stored as: the interpreter's snapshot and what is outstanding in the relay for it. */
type Stored = {
  readonly run: Run;
  /** Timers by id, tasks by token: their rows leave when the execution ends. */
  readonly timers: readonly string[];
  readonly tasks: readonly string[];
};

/** The body of `states.task` work. */
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
};
/** The body of `states.timer` and `states.continue` work. */
export type SignalWork = ExecutionKey & { readonly signal: Signal };

export type Start = ExecutionKey & {
  readonly revision: Revision;
  readonly machineName: string;
  readonly input: string;
  readonly trace: string;
  readonly traceHeader: string | undefined;
};

/** Executions: every transition is a step of the interpreter, saved with its consequences in the transaction that asks for it. */
export class Executions {
  readonly #parts: Parts;
  readonly #definitions: Definitions;
  readonly #serials = new Serials();
  constructor(parts: Parts, definitions: Definitions) {
    this.#parts = parts;
    this.#definitions = definitions;
  }

  /** Starts an execution and runs it through all states that need no answer from outside. Answers when it started, in milliseconds. */
  async start(transaction: Transaction, start: Start): Promise<number> {
    const facts = this.#facts();
    const arn = executionArn(start);
    const transition = step(
      start.revision.machine,
      null,
      {
        kind: "start",
        input: start.input,
        execution: { id: arn, name: start.name, roleArn: start.revision.roleArn, startTime: facts.now },
        stateMachine: { id: start.machine, name: start.machineName },
      },
      facts,
    );
    const { ended } = transition;
    const outstanding = ended ? undefined : after({ timers: [], tasks: [] }, transition.effects);
    const row: ExecutionRow = {
      machine: start.machine,
      name: start.name,
      revision: start.revision.id,
      status: ended?.status ?? "RUNNING",
      input: start.input,
      output: ended?.output ?? null,
      error: ended?.error ?? null,
      cause: ended?.cause ?? null,
      started_at: facts.now,
      serial: this.#serials.next(facts.now),
      stopped_at: ended ? facts.now : null,
      trace: start.trace,
      trace_header: start.traceHeader ?? null,
    };
    const inserted = await insertExecution(transaction, {
      ...row,
      last_event: transition.run.lastEventId,
      run: outstanding ? JSON.stringify({ run: transition.run, ...outstanding } satisfies Stored) : null,
      events: packEvents(transition.events, start.input),
    });
    if (inserted === 0) return existing(transaction, start);
    this.#parts.tell(transaction, start.trace, { hop: "execution", at: facts.now, subject: arn, outcome: "ok" });
    await announce(this.#parts, transaction, {
      ...row,
      status: "RUNNING",
      output: null,
      error: null,
      cause: null,
      stopped_at: null,
    });
    await this.#follow(transaction, row, arn, transition, start.revision.roleArn);
    return facts.now;
  }

  /**
   * Tells a running execution what happened. Answers false if the execution has ended or does not wait for this (any
   * more): nothing changes then, which makes every signal safe to repeat.
   */
  async signal(transaction: Transaction, key: ExecutionKey, signal: Signal): Promise<boolean> {
    const row = await runByKey(transaction, key);
    if (row === undefined || row.status !== "RUNNING" || row.run === null) return false;
    const revision = await this.#definitions.revision(transaction, row.revision);
    const stored = JSON.parse(row.run) as Stored;
    const facts = this.#facts();
    const transition = step(revision.machine, stored.run, signal, facts);
    const arn = executionArn(key);
    if (transition.stale) {
      // A timer that fell due too early is asked for again, with the time that it has now.
      await this.#carryOut(transaction, key, row.trace, arn, transition, revision.roleArn);
      return false;
    }
    const { ended, events, run } = transition;
    const first = events[0];
    if (first) await insertHistory(transaction, key, first.id, packEvents(events, row.input));
    const last_event = run.lastEventId;
    if (ended) {
      const { status, output = null, error = null, cause = null } = ended;
      const end = { status, output, error, cause, stopped_at: facts.now, last_event };
      mustBeFirst(await endExecution(transaction, key, row.last_event, end), arn);
      for (const id of stored.timers) await this.#parts.relay.cancel(transaction, "states.timer", timerKey(arn, id));
      for (const token of stored.tasks) await this.#parts.relay.cancel(transaction, "states.task", taskKey(arn, token));
      const ending = { ...key, ...row, ...end, serial: 0, trace_header: null };
      await this.#follow(transaction, ending, arn, transition, revision.roleArn);
      return true;
    }
    const text = JSON.stringify({ run, ...after(stored, transition.effects, signal) } satisfies Stored);
    mustBeFirst(await updateRun(transaction, key, row.last_event, { last_event, run: text }), arn);
    const running = { ...key, ...row, output: null, error: null, cause: null, stopped_at: null, serial: 0 };
    await this.#follow(transaction, { ...running, trace_header: null }, arn, transition, revision.roleArn);
    return true;
  }

  /** Puts the transition's effects into the relay, and tells of the end if it has come. */
  async #follow(
    transaction: Transaction,
    row: ExecutionRow,
    arn: string,
    transition: Transition,
    roleArn: string,
  ): Promise<void> {
    const { machine, name, trace } = row;
    if (transition.ended) {
      const { status, error, cause } = transition.ended;
      const succeeded = status === "SUCCEEDED";
      const reason = [status, error, cause].filter((part) => part !== undefined && part !== "").join(": ");
      this.#parts.tell(transaction, trace, {
        hop: "result",
        at: row.stopped_at ?? 0,
        subject: arn,
        outcome: succeeded ? "ok" : "dead end",
        ...(!succeeded && { reason }),
      });
      return announce(this.#parts, transaction, row);
    }
    await this.#carryOut(transaction, row, trace, arn, transition, roleArn);
    if (transition.more) {
      const body: SignalWork = { machine, name, signal: { kind: "continue" } };
      await this.#parts.relay.append(transaction, { kind: "states.continue", key: arn, trace, body });
    }
  }

  async #carryOut(
    transaction: Transaction,
    { machine, name }: ExecutionKey,
    trace: string,
    arn: string,
    transition: Transition,
    roleArn: string,
  ): Promise<void> {
    for (const effect of transition.effects) {
      if (effect.kind === "timer") {
        const body: SignalWork = { machine, name, signal: { kind: "timer", id: effect.id } };
        const key = timerKey(arn, effect.id);
        await this.#parts.relay.append(transaction, { kind: "states.timer", key, trace, body, dueAt: effect.at });
      } else if (effect.kind === "task") {
        const { token, resource, parameters } = effect;
        const credentials = effect.roleArn === undefined ? {} : { taskRoleArn: effect.roleArn };
        const body: TaskWork = { machine, name, token, resource, parameters, roleArn, ...credentials };
        await this.#parts.relay.append(transaction, { kind: "states.task", key: taskKey(arn, token), trace, body });
      } else if (effect.kind === "cancelTimer") {
        await this.#parts.relay.cancel(transaction, "states.timer", timerKey(arn, effect.id));
      } else {
        await this.#parts.relay.cancel(transaction, "states.task", taskKey(arn, effect.token));
      }
    }
  }

  #facts(): Facts {
    const { clock } = this.#parts;
    return { now: clock.now(), random: () => clock.random(), uuid: () => clock.uuid() };
  }
}

/** AWS answers a repeated start of a running execution as it answered the first; anything else under a taken name is refused. */
async function existing(transaction: Transaction, start: Start): Promise<number> {
  const row = await executionByKey(transaction, start);
  if (row && row.status === "RUNNING" && row.input === start.input) return row.started_at;
  throw fault("ExecutionAlreadyExists", `Execution Already Exists: '${executionArn(start)}'`);
}

/** The outstanding timers and tasks after a signal and the effects that it had. */
function after(
  before: Pick<Stored, "timers" | "tasks">,
  effects: readonly Effect[],
  settled?: Signal,
): { timers: readonly string[]; tasks: readonly string[] } {
  const timers = new Set(before.timers);
  const tasks = new Set(before.tasks);
  if (settled?.kind === "timer") timers.delete(settled.id);
  if (settled?.kind === "taskSucceeded" || settled?.kind === "taskFailed") tasks.delete(settled.token);
  for (const effect of effects) {
    if (effect.kind === "timer") timers.add(effect.id);
    else if (effect.kind === "cancelTimer") timers.delete(effect.id);
    else if (effect.kind === "task") tasks.add(effect.token);
    else tasks.delete(effect.token);
  }
  return { timers: [...timers], tasks: [...tasks] };
}

/** Two nodes stepped the same execution: one of the transactions is taken back, and its work tried again. */
function mustBeFirst(changed: number, arn: string): void {
  if (changed !== 1) throw new WriteConflict(`another writer stepped ${arn} first`);
}

function timerKey(arn: string, id: string): string {
  return `${arn}#${id}`;
}
function taskKey(arn: string, token: string): string {
  return `${arn}#${token}`;
}
