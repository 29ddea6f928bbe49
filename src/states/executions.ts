import { executionArn, type ExecutionKey } from "./arns.ts";
import { machineOf, type Definitions, type Revision } from "./definitions.ts";
import { step } from "./asl/step.ts";
import type { Facts, MachineType, Run, Signal, Transition } from "./asl/types.ts";
import type { Parts } from "../flow.ts";
import { WriteConflict, type Transaction } from "../store/store.ts";
import { fault } from "../wire/fault.ts";
import {
  endedByKey,
  endExecution,
  executionByKey,
  insertExecution,
  insertHistory,
  reviveExecution,
  runByKey,
  Serials,
  updateRun,
  type ExecutionRow,
  type RunRow,
  type Status,
} from "./rows/executions.ts";
import { announce } from "./announce.ts";
import { outstandingAfter, NOTHING, type Effects, type Outstanding, type SignalWork } from "./effects.ts";
import { tellMapRun } from "./mapruns/begin.ts";
import { tellCallers } from "./nested.ts";
import { entriesOf } from "./logs/entry.ts";
import type { LogWriter } from "./logs/writer.ts";
import { packEvents } from "./payloads.ts";
import { redriveRefusal, redrivenWith, tokensAfter } from "./redrive.ts";
import { givesToken, type TaskTokens } from "./tokens.ts";
import { missingExecution } from "./api/own.ts";
import { startedThrough } from "./views.ts";

export type { SignalWork, TaskWork } from "./effects.ts";

/** What a running execution is stored as: the interpreter's snapshot and what is outstanding for it. */
type Stored = Outstanding & { readonly run: Run };
/** A transition and what it started from. */
type Taken = {
  readonly row: RunRow;
  readonly revision: Revision;
  readonly stored: Stored;
  readonly transition: Transition;
  readonly now: number;
  readonly signal?: Signal;
  readonly child?: ExecutionKey | undefined;
};

export type Start = ExecutionKey & {
  readonly revision: Revision;
  readonly machineName: string;
  readonly input: string;
  readonly trace: string;
  readonly traceHeader: string | undefined;
  /** The version that was asked for or chosen, and the alias that chose it. */
  readonly version?: number;
  readonly alias?: string;
};
/** The start of a map run's child. */
export type ChildStart = Start & {
  readonly child: {
    readonly mapRun: string;
    readonly index: number;
    readonly items: number;
    readonly executionType: MachineType;
  };
};

/** Executions: every transition is a step of the interpreter, saved with its consequences in the transaction that asks for it. */
export class Executions {
  readonly #parts: Parts;
  readonly #definitions: Definitions;
  readonly #effects: Effects;
  readonly #tokens: TaskTokens;
  readonly #logs: LogWriter;
  readonly #serials = new Serials();
  constructor(parts: Parts, definitions: Definitions, effects: Effects, tokens: TaskTokens, logs: LogWriter) {
    this.#logs = logs;
    this.#parts = parts;
    this.#definitions = definitions;
    this.#effects = effects;
    this.#tokens = tokens;
  }

  /** Starts an execution and runs it through all states that need no answer from outside. Answers when it started, in milliseconds. */
  async start(transaction: Transaction, start: Start): Promise<number> {
    return (await this.#start(transaction, start)).startedAt;
  }

  /** Starts a child of a map run; answers its status if it has ended already, which the caller must count then. */
  async startChild(transaction: Transaction, start: ChildStart): Promise<Status | undefined> {
    return (await this.#start(transaction, start)).ended;
  }

  async #start(
    transaction: Transaction,
    start: Start & Partial<ChildStart>,
  ): Promise<{ readonly startedAt: number; readonly ended?: Status }> {
    const facts = this.#facts(start);
    const arn = executionArn(start);
    const { child } = start;
    const transition = step(
      machineOf(start.revision, start.machine),
      null,
      {
        kind: "start",
        input: start.input,
        execution: { id: arn, name: start.name, roleArn: start.revision.roleArn, startTime: facts.now },
        stateMachine: { id: start.machine, name: start.machineName },
        ...startedThrough(start),
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
      ...(child && { map_run: child.mapRun, map_index: child.index, item_count: child.items }),
      version: start.version ?? null,
      alias: start.alias ?? null,
    };
    const inserted = await insertExecution(transaction, {
      ...row,
      last_event: transition.run.lastEventId,
      run: outstanding
        ? JSON.stringify({ run: transition.run, ...outstanding } satisfies Stored)
        : child?.executionType === "EXPRESS"
          ? null
          : keptFor(transition),
      // Express executions have no history to ask for.
      events: packEvents(child?.executionType === "EXPRESS" ? [] : transition.events, start.input),
    });
    if (inserted === 0) return { startedAt: await existing(transaction, start) };
    await this.#log(transaction, start.revision, transition);
    // Children are told of in their map run, not in the story of the trace: there may be millions.
    if (!child)
      this.#parts.tell(transaction, start.trace, { hop: "execution", at: facts.now, subject: arn, outcome: "ok" });
    const running = { status: "RUNNING", output: null, error: null, cause: null, stopped_at: null } as const;
    if (child?.executionType !== "EXPRESS") await announce(this.#parts, transaction, { ...row, ...running });
    if (!ended) {
      const { machine, name, trace } = start;
      const owner = { machine, name, trace, roleArn: start.revision.roleArn, revision: start.revision.id };
      await this.#effects.carryOut(transaction, owner, transition.effects);
    }
    await this.#follow(transaction, row, arn, transition, child?.executionType);
    return { startedAt: facts.now, ...(ended && { ended: ended.status }) };
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
    const running = machineOf(revision, key.machine);
    const transition = step(running, stored.run, signal, facts);
    if (transition.stale) {
      // A timer that fell due too early is asked for again, with the time that it has now.
      const owner = { ...key, trace: row.trace, roleArn: revision.roleArn, revision: revision.id };
      await this.#effects.carryOut(transaction, owner, transition.effects);
      return false;
    }
    await this.#advance(transaction, key, { row, revision, stored, transition, now: facts.now, signal, child });
    return true;
  }

  /** Lets an execution that ended without success go on where it stopped. Answers when, in milliseconds. */
  async redrive(transaction: Transaction, key: ExecutionKey, token?: string): Promise<number> {
    const row = (await endedByKey(transaction, key)) ?? missingExecution(executionArn(key));
    const facts = this.#facts(key);
    const repeated = redrivenWith(row.redrive_tokens, token, facts.now);
    if (repeated !== undefined) return repeated;
    const refusal = redriveRefusal({ ...row, kept: row.run === null ? 0 : 1 }, facts.now);
    if (refusal !== undefined || row.run === null) throw notRedrivable(refusal ?? "");
    if (row.map_run) throw notRedrivable("Execution is a child of a Map Run and is redriven with it");
    const revision = await this.#definitions.revision(transaction, row.revision);
    const stored: Stored = { ...NOTHING, run: (JSON.parse(row.run) as Stored).run };
    const transition = step(revision.machine, stored.run, { kind: "redrive" }, facts);
    const redrives = { redrives: (row.redrives ?? 0) + 1, redriven_at: facts.now };
    const redrive_tokens = tokensAfter(row.redrive_tokens, token, facts.now);
    mustBeFirst(await reviveExecution(transaction, key, { ...redrives, redrive_tokens }), executionArn(key));
    const running = { output: null, error: null, cause: null, stopped_at: null, callers: null, ...redrives };
    const revived = { ...row, ...running, status: "RUNNING" as const };
    await announce(this.#parts, transaction, revived);
    await this.#advance(transaction, key, { row: revived, revision, stored, transition, now: facts.now });
    return facts.now;
  }

  /** A child of a redriven map run goes on where it stopped; an Express one begins anew. */
  async redriveChild(transaction: Transaction, key: ExecutionKey): Promise<void> {
    const row = await endedByKey(transaction, key);
    if (row?.status !== "PENDING_REDRIVE") return;
    const revision = await this.#definitions.revision(transaction, row.revision);
    const running = machineOf(revision, key.machine);
    const facts = this.#facts(key);
    const redrives = (row.redrives ?? 0) + 1;
    const asked = { ...row, status: "FAILED", stopped_at: facts.now, kept: row.run === null ? 0 : 1 } as const;
    const express = running.type === "EXPRESS";
    if (!express && redriveRefusal(asked, facts.now) !== undefined) {
      mustBeFirst(await endExecution(transaction, key, row.last_event, { ...row, status: "FAILED" }), key.name);
      const told = { mapRun: row.map_run ?? "", status: "FAILED", items: row.item_count ?? 0 } as const;
      return tellMapRun(this.#parts, transaction, row.trace, told);
    }
    const again = { redrives, redriven_at: facts.now };
    const redrive_tokens = row.redrive_tokens;
    mustBeFirst(await reviveExecution(transaction, key, { ...again, redrive_tokens }), executionArn(key));
    const ended = { output: null, error: null, cause: null, stopped_at: null, callers: null };
    const revived = { ...row, ...ended, ...again, status: "RUNNING" as const };
    const run = express || row.run === null ? null : (JSON.parse(row.run) as Stored).run;
    const signal = run === null ? startAgain(revived, revision.roleArn) : ({ kind: "redrive" } as const);
    const transition = step(running, run, signal, facts);
    if (!express) await announce(this.#parts, transaction, revived);
    const stored: Stored = { ...NOTHING, run: transition.run };
    await this.#advance(transaction, key, { row: revived, revision, stored, transition, now: facts.now });
  }

  /** Saves a transition with its consequences. */
  async #advance(transaction: Transaction, key: ExecutionKey, taken: Taken): Promise<void> {
    const { row, revision, stored, transition, now, signal, child } = taken;
    const arn = executionArn(key);
    const owner = { ...key, trace: row.trace, roleArn: revision.roleArn, revision: revision.id };
    const childType = row.map_run ? machineOf(revision, key.machine).type : undefined;
    const { ended, events, run } = transition;
    const first = events[0];
    if (first && childType !== "EXPRESS")
      await insertHistory(transaction, key, first.id, packEvents(events, row.input));
    await this.#log(transaction, revision, transition);
    const last_event = run.lastEventId;
    if (ended) {
      const { status, output = null, error = null, cause = null } = ended;
      const end = { status, output, error, cause, stopped_at: now, last_event };
      const kept = childType === "EXPRESS" ? null : keptFor(transition);
      mustBeFirst(await endExecution(transaction, key, row.last_event, { ...end, run: kept }), arn);
      // What the signal settled is over by itself.
      await this.#effects.withdraw(transaction, owner, outstandingAfter(stored, [], signal));
      await tellCallers(this.#parts.relay, transaction, key, row.callers, row.trace);
      const ending = { ...key, ...row, ...end, serial: 0, trace_header: null };
      if (row.map_run) {
        const told = { mapRun: row.map_run, status, items: row.item_count ?? 0 };
        await tellMapRun(this.#parts, transaction, row.trace, told);
      }
      return this.#follow(transaction, ending, arn, transition, childType);
    }
    const outstanding = outstandingAfter(stored, transition.effects, signal, child);
    const text = JSON.stringify({ run, ...outstanding } satisfies Stored);
    mustBeFirst(await updateRun(transaction, key, row.last_event, { last_event, run: text }), arn);
    const going = { ...key, ...row, output: null, error: null, cause: null, stopped_at: null, serial: 0 };
    await this.#effects.carryOut(transaction, owner, transition.effects, stored, signal);
    await this.#follow(transaction, { ...going, trace_header: null }, arn, transition);
  }

  /** Tells of the end if it has come, or sees to it that a paused step goes on. */
  async #follow(
    transaction: Transaction,
    row: ExecutionRow,
    arn: string,
    transition: Transition,
    childType?: MachineType,
  ): Promise<void> {
    const { machine, name, trace } = row;
    if (transition.ended && childType !== undefined) {
      if (childType === "STANDARD") await announce(this.#parts, transaction, row);
      return;
    }
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

  async #log(transaction: Transaction, { logging }: Revision, { run, events }: Transition): Promise<void> {
    if (logging === undefined) return;
    const { id, redriveCount } = run.execution;
    await this.#logs.write(transaction, logging, run.stateMachine.name, entriesOf(logging, id, redriveCount, events));
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

/** The start of a child that keeps no snapshot, once more. */
function startAgain(row: ExecutionRow, roleArn: string): Signal {
  const { machine, name, input, started_at: startTime, redrives } = row;
  const [base = ""] = machine.split("/");
  return {
    kind: "start",
    input,
    execution: { id: executionArn(row), name, roleArn, startTime, redriveCount: redrives ?? 0 },
    stateMachine: { id: machine, name: base.slice(base.lastIndexOf(":") + 1) },
  };
}

/** The snapshot of an execution that could be redriven. */
function keptFor({ run, ended }: Transition): string | null {
  return ended?.status === "SUCCEEDED" ? null : JSON.stringify({ run, ...NOTHING } satisfies Stored);
}

function notRedrivable(reason: string): Error {
  return fault("ExecutionNotRedrivable", reason);
}

/** Two nodes stepped the same execution: one of the transactions is taken back, and its work tried again. */
function mustBeFirst(changed: number, arn: string): void {
  if (changed !== 1) throw new WriteConflict(`another writer stepped ${arn} first`);
}
