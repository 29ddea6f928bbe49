import type { Caller, Parts } from "../../flow.ts";
import { AwsFault } from "../../wire/fault.ts";
import type { Wire } from "../../wire/http.ts";
import { openWire } from "../../wire/open.ts";
import { executionArn, parseMachineArn } from "../arns.ts";
import type { TaskWork } from "../executions.ts";
import { callerOf } from "./caller.ts";
import { optimisedFailure, sdkFailure, TaskFailed, type TaskFailure } from "./failure.ts";
import { resultText, withStreamsRead } from "./result.ts";
import { targetOf, type Target } from "./target.ts";

export type Performed = { readonly output: string } | { readonly failure: TaskFailure };

/** Does what a Task asks for: one AWS call, in at the inside door. Throws only what is worth trying again. */
export async function perform(parts: Parts, task: TaskWork, trace: string): Promise<Performed> {
  const target = targetOf(task.resource);
  if (target.kind === "refused") return { failure: { error: "States.Runtime", cause: target.sentence } };
  try {
    const as = await callerOf(parts, task, trace);
    const { region } = parseMachineArn(task.machine);
    const call: Calling = { parts, task, trace, as, region, parameters: JSON.parse(task.parameters) as unknown };
    return { output: resultText(await WAYS[target.kind](call, target as never), target.resourceType) };
  } catch (error) {
    if (error instanceof TaskFailed) return { failure: error.failure };
    if (error instanceof AwsFault) return { failure: failureOf(error, target, parts) };
    throw error;
  }
}

type Calling = {
  readonly parts: Parts;
  readonly task: TaskWork;
  readonly trace: string;
  readonly as: Caller;
  readonly region: string;
  readonly parameters: unknown;
};
type Way<Kind extends Target["kind"]> = (call: Calling, target: Extract<Target, { kind: Kind }>) => Promise<unknown>;
const WAYS: { readonly [Kind in Target["kind"]]: Way<Kind> } = {
  sdk: ({ parts, trace, as, region, parameters }, { service, operation, resourceType }) =>
    callByModel({ parts, trace, as, region }, service, operation, parameters, resourceType),
  putEvents,
  startExecution,
};

/** An operation of a service, its input and output in the JSON of aws-sdk tasks. */
async function callByModel(
  { parts, trace, as, region }: Pick<Calling, "parts" | "trace" | "as" | "region">,
  { service, model }: { readonly service: string; readonly model: string },
  operation: string,
  parameters: unknown,
  resourceType: string,
): Promise<unknown> {
  const wire = openWire(model);
  const input = inputOf(wire, operation, parameters);
  const output = await parts.call({ service, operation, input, as, trace, region });
  return wire.toJson(operation, await withStreamsRead(output, resourceType));
}

/** What the operation's model has no place for fails the task; AWS: "The field 'x' is not supported by Step Functions". */
function inputOf(wire: Wire, operation: string, parameters: unknown): unknown {
  try {
    return wire.fromJson(operation, parameters);
  } catch (error) {
    if (!(error instanceof AwsFault)) throw error;
    throw new TaskFailed("States.Runtime", error.message.replace(/is not supported$/, "$& by Step Functions"));
  }
}

type Entry = Readonly<Record<string, unknown>> & { readonly Detail?: unknown; readonly Resources?: readonly unknown[] };

/**
 * `events:putEvents`: a Detail may be an object, the execution's and the machine's ARNs are added to the resources of
 * each entry, and one refused entry fails the task.
 */
async function putEvents(call: Calling): Promise<unknown> {
  const { task, parameters } = call;
  const own = [executionArn(task), task.machine];
  const given = (parameters ?? {}) as { readonly Entries?: unknown };
  const entries = Array.isArray(given.Entries) ? (given.Entries as readonly Entry[]) : [];
  const input = {
    ...given,
    Entries: entries.map((entry) => ({
      ...entry,
      ...(entry.Detail !== undefined && { Detail: textOf(entry.Detail) }),
      Resources: [...(Array.isArray(entry.Resources) ? entry.Resources : []), ...own],
    })),
  };
  const service = { service: "events", model: "eventbridge" };
  const output = (await callByModel(call, service, "PutEvents", input, "events")) as {
    readonly FailedEntryCount?: number;
  };
  if ((output.FailedEntryCount ?? 0) > 0) throw new TaskFailed("EventBridge.FailedEntry", JSON.stringify(output));
  return output;
}

/** `states:startExecution`, request and response: Input may be any JSON. */
async function startExecution(call: Calling): Promise<unknown> {
  const given = (call.parameters ?? {}) as Readonly<Record<string, unknown>>;
  const input = { ...given, ...(given["Input"] !== undefined && { Input: textOf(given["Input"]) }) };
  const service = { service: "states", model: "sfn" };
  return callByModel(call, service, "StartExecution", input, "states");
}

/** JSON where a service wants text: text stays, anything else is printed. */
function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function failureOf(fault: AwsFault, target: Target, { clock }: Parts): TaskFailure {
  if (target.kind === "sdk") return sdkFailure(fault, target.service, clock);
  if (target.kind === "putEvents")
    return optimisedFailure(
      fault,
      { prefix: "EventBridge", service: "AmazonEventBridge", model: "eventbridge" },
      clock,
    );
  return optimisedFailure(fault, { prefix: "StepFunctions", service: "AWSStepFunctions", model: "sfn" }, clock);
}
