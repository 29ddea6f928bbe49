/** What TestState is told instead of doing it: the mock, and the circumstances that go with it. */
import type { MockInput, TestStateConfiguration } from "@aws-sdk/client-sfn";
import { fault } from "../../wire/fault.ts";
import { Datum, isObject } from "../asl/json.ts";
import type { Failure } from "../asl/failure.ts";
import { jsonProblem } from "../asl/validate/json.ts";
import { targetOf } from "../tasks/target.ts";
import { checkResult } from "./schema.ts";
import { isGuarded, namesBelow, type Subject } from "./subject.ts";

export type Mocked = { readonly result: Datum } | { readonly failure: Failure };

export function refused(sentence: string): Error {
  return fault("ValidationException", sentence);
}

/** Whether the mock says one thing, whatever the state is. */
export function checkMock(mock: MockInput | undefined): void {
  if (mock === undefined) return;
  const { result, errorOutput } = mock;
  if (result !== undefined && errorOutput !== undefined)
    throw refused("A test mock should have only one of the following fields: [result, errorOutput].");
  if (result === undefined && errorOutput === undefined)
    throw refused("A test mock should have one of the following fields: [result, errorOutput].");
}

/** The mock as the state's result; undefined where the state is to do its work itself. */
export function mockedBy(mock: MockInput | undefined, subject: Subject): Mocked | undefined {
  const { state } = subject;
  if (mock === undefined) {
    refuseWithoutMock(subject);
    return undefined;
  }
  if (!isGuarded(state)) throw refused(`State type '${state.kind}' is not supported when a mock is specified`);
  const { errorOutput } = mock;
  if (errorOutput !== undefined) {
    const { error, cause } = errorOutput;
    if (error === undefined) throw refused("The field 'error' is required when a mock has an errorOutput");
    return { failure: { error, cause } };
  }
  const text = mock.result ?? "null";
  const problem = jsonProblem(text);
  if (problem !== undefined) throw refused(`Mocked result must be valid JSON. ${problem.message}`);
  const result = Datum.ofText(text);
  if (state.kind === "Task") checkResult(state.resource.arn, result.doubles, mock.fieldValidationMode ?? "STRICT");
  else checkFanout(subject, result.value);
  return { result };
}

/** A Parallel and a Map give arrays; a Map that writes its results elsewhere tells where. */
function checkFanout({ state, fields }: Subject, result: unknown): void {
  const writes = state.kind === "Map" && isObject(fields["ResultWriter"]);
  if (!writes && !Array.isArray(result)) throw refused("Mocked result must be an array.");
}

/** What TestState cannot do by itself. */
function refuseWithoutMock({ state }: Subject): void {
  if (state.kind === "Parallel" || state.kind === "Map")
    throw fault(
      "InvalidDefinition",
      "TestState API does not support Map or Parallel states. Supported state types include: [Task, Wait, Pass, Succeed, Fail, Choice]",
    );
  if (state.kind !== "Task") return;
  const { arn } = state.resource;
  const target = targetOf(arn);
  if (target.kind === "activity")
    throw fault("InvalidDefinition", "TestState API does not support Activity tasks unless a mock is specified");
  if (target.kind !== "refused" && target.pattern !== "")
    throw fault(
      "InvalidDefinition",
      `TestState API does not support the '.${target.pattern}' service integration pattern unless a mock is specified`,
    );
}

/** The circumstances must fit the state. */
export function checkConfiguration(configuration: TestStateConfiguration, { state, fields }: Subject): void {
  const { retrierRetryCount, errorCausedByState, mapIterationFailureCount, mapItemReaderData } = configuration;
  if (retrierRetryCount !== undefined && !isGuarded(state))
    throw refused(`retrierRetryCount is not supported for state type '${state.kind}'`);
  if (errorCausedByState !== undefined && !namesBelow(fields).includes(errorCausedByState))
    throw refused(`State '${errorCausedByState}' not found in the state under test`);
  if (mapIterationFailureCount !== undefined && state.kind !== "Map")
    throw refused(`mapIterationFailureCount is not supported for state type '${state.kind}'`);
  if (mapItemReaderData === undefined) return;
  if (!isObject(fields["ItemReader"]))
    throw refused("mapItemReaderData is only supported for Map states with an ItemReader");
}
