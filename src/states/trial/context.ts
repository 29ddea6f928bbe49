/** The context object that a tested state sees. */
import type { CallFacts } from "../../flow.ts";
import type { Clock } from "../../clock/clock.ts";
import { isObject, numberOf, parseJson, type JsonObject } from "../asl/json.ts";
import { isoMilliseconds } from "../asl/time.ts";
import { jsonProblem } from "../asl/validate/json.ts";
import { refused } from "./mock.ts";

/** AWS tests states as a synchronous Express execution of a machine that is there for this call only. */
export type Stage = {
  readonly machine: string;
  readonly execution: string;
  readonly context: JsonObject;
};

export type StageInput = {
  readonly stateName: string;
  readonly input: string;
  readonly roleArn: string | undefined;
  readonly retryCount: number;
};

export function stageFor(
  { stateName, input, roleArn, retryCount }: StageInput,
  { account, region }: Pick<CallFacts, "account" | "region">,
  clock: Clock,
): Stage {
  const [machine, execution] = [clock.uuid(), clock.uuid()];
  const now = isoMilliseconds(clock.now());
  return {
    machine: `arn:aws:states:${region}:${account}:stateMachine:${machine}`,
    execution,
    context: {
      Execution: {
        Id: `arn:aws:states:${region}:${account}:express:${machine}:${execution}`,
        Input: parseJson(input),
        Name: execution,
        ...(roleArn !== undefined && { RoleArn: roleArn }),
        StartTime: now,
      },
      StateMachine: { Id: `arn:aws:states:${region}:${account}:stateMachine:${machine}`, Name: machine },
      State: { Name: stateName, EnteredTime: now, RetryCount: retryCount },
    },
  };
}

type Kind = "string" | "number" | "any" | { readonly [field: string]: Kind };

const CONTEXT: { readonly [field: string]: Kind } = {
  Execution: {
    Id: "string",
    Input: "any",
    Name: "string",
    RoleArn: "string",
    StartTime: "string",
    RedriveCount: "number",
  },
  State: { EnteredTime: "string", Name: "string", RetryCount: "number" },
  StateMachine: { Id: "string", Name: "string" },
  Task: { Token: "string" },
  Map: { Item: { Index: "number", Value: "any", Key: "string", Source: "string" } },
};

/** A context that the caller gives is the whole context; throws unless AWS has all that is in it. */
export function givenContext(text: string): JsonObject {
  const problem = jsonProblem(text);
  if (problem !== undefined) throw invalid(problem.message);
  const context = parseJson(text);
  if (!isObject(context)) throw invalid("Context object must be an object");
  checkFields(context, CONTEXT);
  return context;
}

function checkFields(fields: JsonObject, allowed: { readonly [field: string]: Kind }): void {
  for (const [name, value] of Object.entries(fields)) {
    const kind = Object.hasOwn(allowed, name) ? allowed[name] : undefined;
    if (kind === undefined) throw invalid(`Field '${name}' is not allowed`);
    if (kind === "any") continue;
    if (kind === "string") {
      if (typeof value !== "string") throw invalid(`Field '${name}' must be a string`);
    } else if (kind === "number") {
      if (numberOf(value) === undefined) throw invalid(`Field '${name}' must be a number`);
    } else if (isObject(value)) checkFields(value, kind);
    else throw invalid(`Field '${name}' must be an object`);
  }
}

function invalid(reason: string): Error {
  return refused(`Invalid Context object provided: ${reason}`);
}
