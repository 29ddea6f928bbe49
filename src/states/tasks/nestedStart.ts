/** `states:startExecution` in all its patterns: the child's start and what the parent hears of it are one transaction. */
import type { Parts } from "../../flow.ts";
import type { Transaction } from "../../store/store.ts";
import { AwsFault, fault } from "../../wire/fault.ts";
import { parseExecutionArn, parseMachineArn } from "../arns.ts";
import type { Executions, TaskWork } from "../executions.ts";
import { awaitEnd } from "../nested.ts";
import { callerOf } from "./caller.ts";
import { TaskFailed, type TaskFailure } from "./failure.ts";
import { failureOf, startExecutionInput, startExecutionResult, type StartOutput } from "./perform.ts";
import type { Target } from "./target.ts";

type StartTarget = Extract<Target, { kind: "startExecution" }>;

/** Starts the child and signals the parent, exactly once. */
export async function startNested(
  parts: Parts,
  executions: Executions,
  transaction: Transaction,
  task: TaskWork,
  target: StartTarget,
  trace: string,
): Promise<void> {
  const { token } = task;
  const waits = target.pattern !== "";
  let started: StartOutput;
  try {
    started = await transaction.savepoint(() => startChild(parts, transaction, task, target, trace));
  } catch (error) {
    const failure = failureFrom(error, target, parts);
    const phase = waits ? ({ phase: "SubmitFailed" } as const) : {};
    await executions.signal(transaction, task, { kind: "taskFailed", token, ...failure, ...phase });
    return;
  }
  const output = JSON.stringify(startExecutionResult(started, parts.clock));
  if (!waits) {
    await executions.signal(transaction, task, { kind: "taskSucceeded", token, output });
    return;
  }
  const child = parseExecutionArn(started.executionArn);
  const key = { machine: child.machine, name: child.name };
  const follows = target.pattern === "waitForTaskToken" ? undefined : key;
  const waiting = await executions.signal(transaction, task, { kind: "taskSubmitted", token, output }, follows);
  if (follows === undefined || !waiting) return;
  const caller = { machine: task.machine, name: task.name, token, parsed: target.pattern === "sync:2" };
  await awaitEnd(parts.relay, transaction, key, caller, trace);
}

async function startChild(
  parts: Parts,
  transaction: Transaction,
  task: TaskWork,
  target: StartTarget,
  trace: string,
): Promise<StartOutput> {
  const as = await callerOf(parts, task, trace, transaction);
  const started = await parts.call<StartOutput>({
    service: "states",
    operation: "StartExecution",
    input: startExecutionInput(task.parameters),
    as,
    trace,
    region: parseMachineArn(task.machine).region,
    transaction,
  });
  // Executions of Express machines cannot be described, so nothing can wait for their end.
  if (target.pattern.startsWith("sync") && started.executionArn.includes(":express:"))
    throw fault("StateMachineTypeNotSupported", "This operation is not supported by this type of state machine");
  return started;
}

function failureFrom(error: unknown, target: StartTarget, parts: Parts): TaskFailure {
  if (error instanceof TaskFailed) return error.failure;
  if (error instanceof AwsFault) return failureOf(error, target, parts);
  throw error;
}
