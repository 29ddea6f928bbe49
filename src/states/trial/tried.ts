/** One state, tried out: what it does with an input, and what Retry and Catch make of its failure. */
import type { TestStateConfiguration, TestStateOutput } from "@aws-sdk/client-sfn";
import type { Catcher } from "../asl/compiled.ts";
import { matches, StateFailure, type Failure } from "../asl/failure.ts";
import { delaySeconds } from "../asl/guard.ts";
import { Datum, exceedsBytes } from "../asl/json.ts";
import { PAYLOAD_BYTES_MAX, tooLarge } from "../asl/outcome.ts";
import type { Assigned, Scope } from "../asl/scope.ts";
import { prepareMap, type Prepared } from "./map.ts";
import { refused, type Mocked } from "./mock.ts";
import { dataIn, dataOut, type Seen } from "./stages.ts";
import { isGuarded, type Subject } from "./subject.ts";

/** What the state needs from outside. */
export type Outside = {
  readonly mocked: Mocked | undefined;
  readonly configuration: TestStateConfiguration;
  /** Does a Task's work. */
  readonly perform: (task: Asked) => Promise<Mocked>;
  /** Waits; false if that takes longer than a test may last. */
  readonly sleepUntil: (time: number) => Promise<boolean>;
};
export type Asked = { readonly parameters: Datum; readonly roleArn?: string; readonly timeoutSeconds?: number };

export type Tried = Omit<TestStateOutput, "inspectionData"> & { readonly assigned?: Assigned | undefined };

/** Runs the state; `seen` gets what happens to the data on the way. */
export async function tryState(subject: Subject, scope: Scope, outside: Outside, seen: Seen): Promise<Tried> {
  try {
    const tried = await work(subject, scope, outside, seen);
    if (tried.output !== undefined && exceedsBytes(tried.output, PAYLOAD_BYTES_MAX))
      return failed(subject, scope, outside, tooLarge(subject.name), seen);
    return tried;
  } catch (error) {
    if (!(error instanceof StateFailure)) throw error;
    return failed(subject, scope, outside, failureOf(error, subject.name), seen);
  }
}

/** In AWS's tests the state's Entered event is always the second. */
function failureOf({ error, message }: StateFailure, name: string): Failure {
  return {
    error,
    cause: `An error occurred while executing the state '${name}' (entered at the event id #2). ${message}`,
  };
}

async function work(subject: Subject, scope: Scope, outside: Outside, seen: Seen): Promise<Tried> {
  const { state, language, fields } = subject;
  switch (state.kind) {
    case "Pass":
      if (state.result === undefined) return succeeded(subject, scope, dataIn(subject, scope, seen), seen);
      seen.result = state.result.text;
      return succeeded(subject, scope, state.result, seen);
    case "Succeed":
      return succeeded(subject, scope, dataIn(subject, scope, seen), seen);
    case "Fail": {
      dataIn(subject, scope, seen);
      const [error, cause] = [state.error?.(scope), state.cause?.(scope)];
      return { status: "FAILED", ...(error !== undefined && { error }), ...(cause !== undefined && { cause }) };
    }
    case "Choice": {
      const input = dataIn(subject, scope, seen);
      const rule = state.rules.find(({ condition }) => condition(input.value, scope));
      if (rule === undefined && state.next === undefined)
        throw new StateFailure(
          "States.Runtime",
          "Failed to transition out of the state. The state does not point to a next state.",
        );
      const output = (rule?.output ?? language.output(fields))(scope, input);
      const assigned = (rule ?? state).assign?.(scope, input);
      const nextState = rule?.next ?? state.next;
      return { status: "SUCCEEDED", output: output.text, assigned, ...(nextState !== undefined && { nextState }) };
    }
    case "Wait": {
      const input = dataIn(subject, scope, seen);
      const inTime = await outside.sleepUntil(state.until(scope, input, scope.now));
      return inTime ? succeeded(subject, scope, input, seen) : { status: "FAILED", error: "States.Timeout" };
    }
    case "Task":
    case "Parallel": {
      const parameters = dataIn(subject, scope, seen);
      const done = outside.mocked ?? (await outside.perform(asked(subject, scope, parameters)));
      if ("failure" in done) return failed(subject, scope, outside, done.failure, seen);
      if (state.kind === "Task") seen.result = done.result.text;
      return succeeded(subject, scope, done.result, seen);
    }
    case "Map":
      return tryMap(subject, scope, outside, seen);
  }
}

function asked({ state }: Subject, scope: Scope, parameters: Datum): Asked {
  if (state.kind !== "Task") throw new Error("only a Task asks for something");
  const effective = state.effective(scope);
  const roleArn = state.roleArn?.(scope, effective);
  const timeoutSeconds = state.timeoutSeconds?.(scope, effective);
  return {
    parameters,
    ...(roleArn !== undefined && { roleArn }),
    ...(timeoutSeconds !== undefined && { timeoutSeconds }),
  };
}

async function tryMap(subject: Subject, scope: Scope, outside: Outside, seen: Seen): Promise<Tried> {
  const { mocked, configuration } = outside;
  if (mocked === undefined) throw new Error("a Map is tested with a mock only");
  const prepared = await prepareMap(subject, scope, configuration.mapItemReaderData, seen);
  const failures = configuration.mapIterationFailureCount ?? 0;
  if (prepared.iterations !== undefined && failures > prepared.iterations)
    throw refused("Map iteration failure count must be less than or equal to the number of Map iterations");
  if ("failure" in mocked) return failed(subject, scope, outside, mocked.failure, seen);
  if (exceeded(prepared, failures)) return failed(subject, scope, outside, THRESHOLD, seen);
  return succeeded(subject, scope, mocked.result, seen);
}

const THRESHOLD: Failure = {
  error: "States.ExceedToleratedFailureThreshold",
  cause: "The specified tolerated failure threshold was exceeded",
};

/** A Map without a threshold takes its mocked result however many iterations failed. */
function exceeded(
  { iterations, toleratedFailureCount, toleratedFailurePercentage }: Prepared,
  failures: number,
): boolean {
  if (toleratedFailureCount !== undefined && failures > toleratedFailureCount) return true;
  return (
    toleratedFailurePercentage !== undefined &&
    iterations !== undefined &&
    failures * 100 > toleratedFailurePercentage * iterations
  );
}

function succeeded(subject: Subject, scope: Scope, result: Datum, seen: Seen): Tried {
  const { state } = subject;
  const output = dataOut(subject, scope, result, seen);
  if (state.kind === "Fail" || state.kind === "Succeed") return { status: "SUCCEEDED", output: output.text };
  return {
    status: "SUCCEEDED",
    output: output.text,
    assigned: state.assign?.(scope, result),
    ...(state.next !== undefined && { nextState: state.next }),
  };
}

/** Each retrier has its own counter; the test says how far that of the one that takes the error has come. */
function failed(subject: Subject, scope: Scope, outside: Outside, failure: Failure, seen: Seen): Tried {
  const { state } = subject;
  const told = {
    ...(failure.error !== undefined && { error: failure.error }),
    ...(failure.cause !== undefined && { cause: failure.cause }),
  };
  if (!isGuarded(state)) return { status: "FAILED", ...told };
  const retryIndex = state.retry.findIndex(({ errorEquals }) => matches(errorEquals, failure));
  const retrier = state.retry[retryIndex];
  const attempt = outside.configuration.retrierRetryCount ?? 0;
  if (retrier !== undefined && attempt < retrier.maxAttempts) {
    const seconds = delaySeconds({ ...retrier, fullJitter: false }, attempt, scope.random);
    seen.errorDetails = { retryIndex, retryBackoffIntervalSeconds: Math.round(seconds) };
    return { status: "RETRIABLE", ...told };
  }
  const catchIndex = state.catchers.findIndex(({ errorEquals }) => matches(errorEquals, failure));
  const catcher = state.catchers[catchIndex];
  if (catcher === undefined) return { status: "FAILED", ...told };
  seen.errorDetails = { catchIndex };
  return caught(subject, scope, catcher, failure, told);
}

function caught({ name }: Subject, scope: Scope, catcher: Catcher, failure: Failure, told: object): Tried {
  const error = Datum.of({ Error: failure.error ?? null, Cause: failure.cause ?? null });
  try {
    const output = catcher.output(scope, error).text;
    const assigned = catcher.assign?.(scope, error);
    return { status: "CAUGHT_ERROR", ...told, output, nextState: catcher.next, assigned };
  } catch (thrown) {
    // An error within a catcher is caught by nobody.
    if (!(thrown instanceof StateFailure)) throw thrown;
    const { error: itsError, cause } = failureOf(thrown, name);
    return {
      status: "FAILED",
      ...(itsError !== undefined && { error: itsError }),
      ...(cause !== undefined && { cause }),
    };
  }
}
