import type { TestStateInput, TestStateOutput } from "@aws-sdk/client-sfn";
import type { Call, Parts } from "../../flow.ts";
import { Datum, isObject, parseJson, printJson, type JsonObject } from "../asl/json.ts";
import type { Scope } from "../asl/scope.ts";
import { jsonProblem } from "../asl/validate/json.ts";
import { checkInput } from "../input.ts";
import type { Observer } from "../tasks/http.ts";
import { perform } from "../tasks/perform.ts";
import { givenContext, stageFor, type Stage } from "../trial/context.ts";
import { checkConfiguration, checkMock, mockedBy, refused, type Mocked } from "../trial/mock.ts";
import type { Seen } from "../trial/stages.ts";
import { subjectOf, type Subject } from "../trial/subject.ts";
import { tryState, type Asked, type Outside, type Tried } from "../trial/tried.ts";
import type { Handle, StatesHandlers, StatesParts } from "./handlers.ts";
import { checkRoleArn } from "./settings.ts";

/** AWS: "The TestState API can run for up to five minutes. If the execution of a state exceeds this duration, it fails with the States.Timeout error." */
const LONGEST_MS = 300_000;

export function testStateHandlers(own: StatesParts): StatesHandlers {
  return { TestState: testState(own) };
}

function testState({ parts }: StatesParts): Handle<"TestState"> {
  return async (input, call) => {
    checkMock(input.mock);
    const subject = subjectOf(input.definition, input.stateName);
    const configuration = input.stateConfiguration ?? {};
    checkConfiguration(configuration, subject);
    const mocked = mockedBy(input.mock, subject);
    if (input.context !== undefined && mocked === undefined)
      throw refused("A context object may only be specified when a mock is specified");
    const given = input.context === undefined ? undefined : givenContext(input.context);
    const text = input.input ?? "{}";
    checkInput(text);
    const variables = variablesOf(input.variables);
    await checkRole(input, subject, mocked, call);
    const { roleArn } = input;
    const retryCount = configuration.retrierRetryCount ?? 0;
    const stage = stageFor({ stateName: subject.name, input: text, roleArn, retryCount }, call, parts.clock);
    const scope = scopeOf(subject, text, given ?? stage.context, variables, parts);
    const seen: Seen = { input: text };
    const outside = outsideOf(input, subject, { parts, call, stage, mocked, seen });
    const tried = await tryState(subject, scope, outside, seen);
    return answer(input, tried, seen, variables);
  };
}

/** The work of a Task is done in the role's name, so there must be one; and whoever names a role must be allowed to pass it. */
async function checkRole(
  input: TestStateInput,
  subject: Subject,
  mocked: Mocked | undefined,
  call: Call,
): Promise<void> {
  const { roleArn } = input;
  if (roleArn !== undefined) {
    checkRoleArn(roleArn);
    await call.passRole(roleArn, "states.amazonaws.com");
  } else if (subject.state.kind === "Task" && mocked === undefined)
    throw refused("A roleArn must be specified to test a Task state without a mock");
}

function scopeOf(
  { name }: Subject,
  input: string,
  context: JsonObject,
  variables: JsonObject,
  { clock }: Parts,
): Scope {
  return {
    stateName: name,
    input: Datum.ofText(input),
    context: () => context,
    variable: (wanted) => (Object.hasOwn(variables, wanted) ? variables[wanted] : undefined),
    now: clock.now(),
    random: () => clock.random(),
    uuid: () => clock.uuid(),
  };
}

function variablesOf(text: string | undefined): JsonObject {
  if (text === undefined) return {};
  const problem = jsonProblem(text);
  if (problem !== undefined) throw refused(`Invalid variables provided: ${problem.message}`);
  const variables = parseJson(text);
  if (!isObject(variables)) throw refused("Invalid variables provided: variables must be a JSON object");
  return variables;
}

type Circumstances = {
  readonly parts: Parts;
  readonly call: Call;
  readonly stage: Stage;
  readonly mocked: Mocked | undefined;
  readonly seen: Seen;
};

function outsideOf(
  input: TestStateInput,
  subject: Subject,
  { parts, call, stage, mocked, seen }: Circumstances,
): Outside {
  const { clock } = parts;
  return {
    mocked,
    configuration: input.stateConfiguration ?? {},
    async sleepUntil(time) {
      const ms = time - clock.now();
      if (ms > 0) await clock.sleep(Math.min(ms, LONGEST_MS));
      return ms <= LONGEST_MS;
    },
    async perform(asked) {
      const { state } = subject;
      if (state.kind !== "Task") throw new Error("only a Task is performed");
      const task = {
        machine: stage.machine,
        name: stage.execution,
        token: clock.uuid(),
        resource: state.resource.arn,
        parameters: asked.parameters.text,
        roleArn: input.roleArn ?? "",
        ...(asked.roleArn !== undefined && { taskRoleArn: asked.roleArn }),
      };
      return inTime(parts, asked, async () => {
        const performed = await perform(parts, task, call.trace, observerOf(input, seen));
        return "failure" in performed ? performed : { result: Datum.ofText(performed.output) };
      });
    },
  };
}

/** TRACE shows what an HTTP task sends and what it is answered. */
function observerOf({ inspectionLevel, revealSecrets }: TestStateInput, seen: Seen): Observer | undefined {
  if (inspectionLevel !== "TRACE") return undefined;
  return {
    revealSecrets: revealSecrets === true,
    request: (request) => (seen.request = request),
    response: (response) => (seen.response = response),
  };
}

/** The task's answer, or States.Timeout. */
async function inTime({ clock }: Parts, { timeoutSeconds }: Asked, work: () => Promise<Mocked>): Promise<Mocked> {
  const patience = new AbortController();
  const limit = Math.min((timeoutSeconds ?? Infinity) * 1000, LONGEST_MS);
  const late = clock.sleep(limit, patience.signal).then((): Mocked => ({ failure: { error: "States.Timeout" } }));
  try {
    return await Promise.race([work(), late]);
  } finally {
    patience.abort();
  }
}

function answer(
  { inspectionLevel = "INFO" }: TestStateInput,
  { assigned, ...tried }: Tried,
  seen: Seen,
  variables: JsonObject,
): TestStateOutput {
  if (inspectionLevel === "INFO") return tried;
  const known = Object.entries(assigned ?? {}).map(([name, text]) => [name, parseJson(text)] as const);
  const after = { ...variables, ...Object.fromEntries(known) };
  if (Object.keys(after).length > 0) seen.variables = printJson(after);
  return { ...tried, inspectionData: seen };
}
