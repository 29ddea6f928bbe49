/** Executions that tasks of other executions wait for: `.sync` and `.sync:2`. */
import type { Relay } from "../relay/relay.ts";
import { DONE, type PureWorker } from "../relay/relay.ts";
import type { Transaction } from "../store/store.ts";
import { executionArn, type ExecutionKey } from "./arns.ts";
import { parseJson } from "./asl/json.ts";
import type { Signal } from "./asl/types.ts";
import { callersOf, executionByKey, updateCallers, type ExecutionRow } from "./rows/executions.ts";
import { describedExecution } from "./views.ts";

/** A task that waits for an execution's end. */
export type ExecutionCaller = ExecutionKey & {
  readonly token: string;
  /** `.sync:2`: the child's input and output come as JSON, not as its text. */
  readonly parsed: boolean;
};
type EndWork = { readonly child: ExecutionKey; readonly caller: ExecutionCaller };

/** Lets the task hear of the execution's end, also if that has come already. False if there is no such execution. */
export async function awaitEnd(
  relay: Relay,
  transaction: Transaction,
  child: ExecutionKey,
  caller: ExecutionCaller,
  trace: string,
): Promise<boolean> {
  const row = await callersOf(transaction, child);
  if (!row) return false;
  if (row.status !== "RUNNING") await tellCaller(relay, transaction, child, caller, trace);
  else await updateCallers(transaction, child, JSON.stringify([...parseCallers(row.callers), caller]));
  return true;
}

/** Tells all tasks that wait for the execution, in the transaction that ends it. */
export async function tellCallers(
  relay: Relay,
  transaction: Transaction,
  child: ExecutionKey,
  callers: string | null,
  trace: string,
): Promise<void> {
  for (const caller of parseCallers(callers)) await tellCaller(relay, transaction, child, caller, trace);
}

function parseCallers(text: string | null): readonly ExecutionCaller[] {
  return text === null ? [] : (JSON.parse(text) as readonly ExecutionCaller[]);
}

function tellCaller(
  relay: Relay,
  transaction: Transaction,
  { machine, name }: ExecutionKey,
  caller: ExecutionCaller,
  trace: string,
): Promise<void> {
  const body: EndWork = { child: { machine, name }, caller };
  return relay.append(transaction, { kind: "states.end", key: executionArn(caller), trace, body });
}

/** Works `states.end`: a child has ended, its caller's task succeeds or fails with the description of it. */
export function endWorker(executions: {
  signal(transaction: Transaction, key: ExecutionKey, signal: Signal): Promise<boolean>;
}): PureWorker {
  return async (transaction, work) => {
    const { child, caller } = work.body as EndWork;
    const row = await executionByKey(transaction, child);
    await executions.signal(transaction, caller, endSignal(row, child, caller));
    return DONE;
  };
}

function endSignal(row: ExecutionRow | undefined, child: ExecutionKey, { token, parsed }: ExecutionCaller): Signal {
  if (!row) {
    const cause = `Execution Does Not Exist: '${executionArn(child)}'`;
    return { kind: "taskFailed", token, error: "States.TaskFailed", cause };
  }
  const envelope = JSON.stringify(envelopeOf(row, parsed));
  if (row.status === "SUCCEEDED") return { kind: "taskSucceeded", token, output: envelope };
  return { kind: "taskFailed", token, error: "States.TaskFailed", cause: envelope };
}

/** DescribeExecution's answer as AWS's optimised integration prints it: Pascal case, in the order of the names, dates in milliseconds. */
function envelopeOf(row: ExecutionRow, parsed: boolean): Record<string, unknown> {
  const described = Object.entries(describedExecution(row, false)).map(([name, value]) => [
    pascal(name),
    parsed && (name === "input" || name === "output") ? parseJson(String(value)) : printable(value),
  ]);
  return Object.fromEntries(
    described.filter(([, value]) => value !== undefined).sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  ) as Record<string, unknown>;
}

function printable(value: unknown): unknown {
  if (value instanceof Date) return value.getTime();
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [pascal(name), member]));
}

function pascal(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
