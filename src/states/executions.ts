import { executionArn, type ExecutionKey } from "./arns.ts";
import type { Definitions, Revision } from "./definitions.ts";
import { step } from "./asl/step.ts";
import type { Facts, Run, Signal, Transition } from "./asl/types.ts";
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
import { outstandingAfter, NOTHING, type Effects, type Outstanding, type SignalWork } from "./effects.ts";
import { tellCallers } from "./nested.ts";
import { packEvents } from "./payloads.ts";
import { givesToken, type TaskTokens } from "./tokens.ts";

export type { SignalWork, TaskWork } from "./effects.ts";

/** What a running execution is stored as: the interpreter's snapshot and what is outstanding for it. */
type Stored = Outstanding & { readonly run: Run };

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
  readonly #effects: Effects;
  readonly #tokens: TaskTokens;
  readonly #serials = new Serials();
  constructor(parts: Parts, definitions: Definitions, effects: Effects, tokens: TaskTokens) {
    this.#parts = parts;
    this.#definitions = definitions;
    this.#effects = effects;
    this.#tokens = tokens;
  }

  /** Starts an execution and runs it through all states that need no answer from outside. Answers when it started, in milliseconds. */
  async start(transaction: Transaction, start: Start): Promise<number> {
    const facts = this.#facts(start);
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
    const outstanding = ended ? undefined : outstandingAfter(NOTHING, transition.effects);
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
    if (!ended) {
      const { machine, name, trace } = start;
      const owner = { machine, name, trace, roleArn: start.revision.roleArn };
      await this.#effects.carryOut(transaction, owner, transition.effects);
    }
    await this.#follow(transaction, row, arn, transition);
    return facts.now;
  }

  /**
   * Tells a running execution what happened. Answers false if the execution has ended or does not wait for this (any
   * more): nothing changes then, which makes every signal safe to repeat.
   * @param child the execution that a submitted task waits for
   */
  async signal(transaction: Transaction, key: ExecutionKey, signal: Signal, child?: ExecutionKey): Promise<boolean> {
    const row = await runByKey(transaction, key);
    if (row === undefined || row.status !== "RUNNING" || row.run === null) return false;
    const revision = await this.#definitions.revision(transaction, row.revision);
    const stored = JSON.parse(row.run) as Stored;
    const facts = this.#facts(key);
    const transition = step(revision.machine, stored.run, signal, facts);
    const arn = executionArn(key);
    const { machine, name } = key;
    const owner = { machine, name, trace: row.trace, roleArn: revision.roleArn };
    if (transition.stale) {
      // A timer that fell due too early is asked for again, with the time that it has now.
      await this.#effects.carryOut(transaction, owner, transition.effects);
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
      await this.#effects.withdraw(transaction, owner, stored);
      await tellCallers(this.#parts.relay, transaction, key, row.callers, row.trace);
      const ending = { ...key, ...row, ...end, serial: 0, trace_header: null };
      await this.#follow(transaction, ending, arn, transition);
      return true;
    }
    const outstanding = outstandingAfter(stored, transition.effects, signal, child);
    const text = JSON.stringify({ run, ...outstanding } satisfies Stored);
    mustBeFirst(await updateRun(transaction, key, row.last_event, { last_event, run: text }), arn);
    const running = { ...key, ...row, output: null, error: null, cause: null, stopped_at: null, serial: 0 };
    await this.#effects.carryOut(transaction, owner, transition.effects, stored, signal);
    await this.#follow(transaction, { ...running, trace_header: null }, arn, transition);
    return true;
  }

  /** Tells of the end if it has come, or sees to it that a paused step goes on. */
  async #follow(transaction: Transaction, row: ExecutionRow, arn: string, transition: Transition): Promise<void> {
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
    if (transition.more) {
      const body: SignalWork = { machine, name, signal: { kind: "continue" } };
      await this.#parts.relay.append(transaction, { kind: "states.continue", key: arn, trace, body });
    }
  }

  #facts(key: ExecutionKey): Facts {
    const { clock } = this.#parts;
    return {
      now: clock.now(),
      random: () => clock.random(),
      uuid: () => clock.uuid(),
      token: ({ resource }) => (givesToken(resource) ? this.#tokens.seal(key) : clock.uuid()),
    };
  }
}

/** AWS answers a repeated start of a running execution as it answered the first; anything else under a taken name is refused. */
async function existing(transaction: Transaction, start: Start): Promise<number> {
  const row = await executionByKey(transaction, start);
  if (row && row.status === "RUNNING" && row.input === start.input) return row.started_at;
  throw fault("ExecutionAlreadyExists", `Execution Already Exists: '${executionArn(start)}'`);
}

/** Two nodes stepped the same execution: one of the transactions is taken back, and its work tried again. */
function mustBeFirst(changed: number, arn: string): void {
  if (changed !== 1) throw new WriteConflict(`another writer stepped ${arn} first`);
}
