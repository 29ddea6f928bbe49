import type { Access, Caller, Parts } from "../../flow.ts";
import { AwsFault } from "../../wire/fault.ts";
import type { Wire } from "../../wire/http.ts";
import { openWire } from "../../wire/open.ts";
import type { Clock } from "../../clock/clock.ts";
import { executionArn, parseMachineArn } from "../arns.ts";
import type { TaskWork } from "../executions.ts";
import { callerOf } from "./caller.ts";
import { optimisedFailure, sdkFailure, TaskFailed, type TaskFailure } from "./failure.ts";
import { connectionArnOf, invokeHttp, type Observer } from "./http.ts";
import { parametersOf, withTexts, type Integration, type Parameters } from "./integrations.ts";
import { functionResult } from "./lambda.ts";
import { withMetadata } from "./metadata.ts";
import { headerMaps } from "./models.ts";
import { offeredBy } from "./offered.ts";
import { resultText, withStreamsRead } from "./result.ts";
import { absenceOf, targetOf, type Target } from "./target.ts";

export type Performed = { readonly output: string } | { readonly failure: TaskFailure };

/**
 * Does what a Task asks for: one call, in at the inside door. What it answers is the task's result, or, where the task
 * waits for a token, what it was submitted with. Throws only what is worth trying again.
 */
export async function perform(parts: Parts, task: TaskWork, trace: string, observer?: Observer): Promise<Performed> {
  const target = targetOf(task.resource);
  if (target.kind === "refused") return { failure: { error: "States.TaskFailed", cause: target.sentence } };
  const absence = absenceOf(target, task.resource, offeredBy(parts, false));
  if (absence !== undefined) return { failure: { error: "States.TaskFailed", cause: absence } };
  try {
    const as = await callerOf(parts, task, trace);
    const { region } = parseMachineArn(task.machine);
    const call: Calling = { parts, task, trace, as, region, observer };
    return { output: await WAYS[target.kind](call, target as never) };
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
  readonly observer: Observer | undefined;
};
/** How a kind of target is worked: what it answers is JSON text. */
type Way<Kind extends Target["kind"]> = (call: Calling, target: Extract<Target, { kind: Kind }>) => Promise<string>;
const WAYS: { readonly [Kind in Target["kind"]]: Way<Kind> } = {
  async sdk(call, { sdk, operation, resourceType }) {
    const parameters = JSON.parse(call.task.parameters) as unknown;
    const output = await callByModel(call, { ...sdk, operation, resourceType }, parameters);
    const empty = headerMaps(sdk.model, operation).map((name) => [name, {}]);
    return resultText({ ...Object.fromEntries(empty), ...output }, resourceType);
  },
  async optimised(call, { integration, resourceType }) {
    const { parts, task } = call;
    const { given, lossless } = parametersOf(task.parameters);
    const asking = { executionArn: task.executionArn ?? executionArn(task), machineArn: task.machine };
    const input = integration.request?.(given, lossless, asking) ?? given;
    const output = await callByModel(call, { ...integration, resourceType }, input);
    return resultText(integration.result?.(output, parts.clock) ?? output, resourceType);
  },
  async function(call, { arn }) {
    const region = arn.split(":")[3] || call.region;
    const input = { FunctionName: arn, Payload: call.task.parameters };
    const asked = { service: "lambda", model: "lambda", operation: "Invoke", resourceType: "lambda" };
    return functionResult(await callByModel({ ...call, region }, asked, input));
  },
  /** Request and response; see nestedStart.ts for how Standard executions do it. */
  async startExecution({ parts, task, trace, as, region }) {
    const input = startExecutionInput(task.parameters);
    const operation = "StartExecution";
    const output = await parts.call<StartOutput>({ service: "states", operation, input, as, trace, region });
    return resultText(startExecutionResult(output, parts.clock), "states");
  },
  async http({ parts, task, trace, as, region, observer }) {
    const { given, lossless } = parametersOf(task.parameters);
    const connectionArn = connectionArnOf(given);
    const connection = await parts.connection?.(connectionArn);
    if (!connection)
      throw new TaskFailed("Events.ResourceNotFoundException", `Connection '${connectionArn}' does not exist.`);
    const access = httpAccess(task, connectionArn, connection.secretArn, given);
    await parts.authorize?.({ service: "states", operation: "InvokeHTTPEndpoint", access, as, trace, region });
    if (!connection.authorization)
      throw new TaskFailed("Events.ConnectionResource.NotAuthorized", `Connection '${connectionArn}' is deauthorized.`);
    return resultText(await invokeHttp(parts, given, lossless, connection.authorization, { region, observer }), "http");
  },
  async activity({ task }) {
    throw new TaskFailed("States.Runtime", `The activity '${task.resource}' is worked by its workers`);
  },
};

/** AWS: the role of an HTTP task needs the endpoint, the connection and its secret. */
function httpAccess(task: TaskWork, connectionArn: string, secretArn: string, given: Parameters): readonly Access[] {
  const { ApiEndpoint, Method } = given;
  const context = {
    ...(typeof ApiEndpoint === "string" && { "states:httpendpoint": ApiEndpoint }),
    ...(typeof Method === "string" && { "states:httpmethod": Method }),
  };
  return [
    { action: "states:InvokeHTTPEndpoint", resource: task.machine, context },
    { action: "events:RetrieveConnectionCredentials", resource: connectionArn },
    { action: "secretsmanager:GetSecretValue", resource: secretArn },
  ];
}

/** An operation of a service, its input and output in the JSON of aws-sdk tasks. */
async function callByModel(
  { parts, trace, as, region }: Pick<Calling, "parts" | "trace" | "as" | "region">,
  asked: Pick<Integration, "service" | "model" | "operation"> & { readonly resourceType: string },
  parameters: unknown,
): Promise<Parameters> {
  const { service, model, operation, resourceType } = asked;
  const wire = openWire(model);
  const input = inputOf(wire, operation, parameters);
  const output = await parts.call({ service, operation, input, as, trace, region });
  return wire.toJson(operation, await withStreamsRead(output, resourceType)) as Parameters;
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

export type StartOutput = { readonly executionArn: string; readonly startDate: Date };

/** StartExecution's input: Input may be any JSON, and is `{}` where it is null. */
export function startExecutionInput(parameters: string): unknown {
  const { given, lossless } = parametersOf(parameters);
  const { Input, ...others } = given;
  const input = Input === undefined || Input === null ? others : withTexts(given, lossless, ["Input"]);
  return inputOf(openWire("sfn"), "StartExecution", input);
}

export function startExecutionResult({ executionArn: ExecutionArn, startDate }: StartOutput, clock: Clock): object {
  const StartDate = startDate.getTime();
  const body = JSON.stringify({ executionArn: ExecutionArn, startDate: StartDate / 1000 });
  return withMetadata({ ExecutionArn, StartDate }, { contentType: "application/x-amz-json-1.0", body }, clock);
}

const NOT_ASSUMED = "User: states.amazonaws.com is not authorized to perform: sts:AssumeRole";

/** A service's fault, named as its kind of integration names it. */
export function failureOf(fault: AwsFault, target: Target, { clock }: Parts): TaskFailure {
  // The machine's own role cannot be assumed: no service was asked.
  if (fault.message.startsWith(NOT_ASSUMED)) return { error: "States.Permissions", cause: fault.message };
  if (target.kind === "sdk") return sdkFailure(fault, target.sdk, clock);
  if (target.kind === "optimised") {
    const { errors, model } = target.integration;
    return optimisedFailure(fault, { ...errors, model }, clock);
  }
  if (target.kind === "http") return { error: "States.TaskFailed", cause: fault.message };
  if (target.kind === "function")
    return optimisedFailure(fault, { prefix: "Lambda", service: "AWSLambda", model: "lambda" }, clock);
  return optimisedFailure(fault, { prefix: "StepFunctions", service: "AWSStepFunctions", model: "sfn" }, clock);
}
