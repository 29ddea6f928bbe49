/** The state that TestState is about: a definition of its own, or one state of a whole machine. */
import { fault } from "../../wire/fault.ts";
import { buildState } from "../asl/build.ts";
import type { GuardedState, State } from "../asl/compiled.ts";
import { isObject, parseJson, printJson, type JsonObject } from "../asl/json.ts";
import { jsonata } from "../asl/jsonata.ts";
import { jsonPath } from "../asl/jsonpath.ts";
import type { QueryLanguage } from "../asl/language.ts";
import { check } from "../asl/validate/machine.ts";
import { checkDefinition } from "../definitions.ts";
import type { Offered } from "../tasks/offered.ts";

/** A mock takes the place of a service that is not there, and only the state under test can miss one. */
const WHATEVER_IS_THERE: Offered = { serves: () => true, allowMissing: true };

/** What AWS calls a state that is tested by itself. */
const LONE_STATE = "StateName";

export type Subject = {
  readonly name: string;
  readonly fields: JsonObject;
  readonly language: QueryLanguage;
  readonly state: State;
};

/** The state under test; throws AWS's InvalidDefinition, or ValidationException if the machine has no such state. */
export function subjectOf(definition: string, stateName: string | undefined): Subject {
  const machine = stateName === undefined ? machineAround(definition) : definition;
  checkDefinition(machine, "STANDARD", WHATEVER_IS_THERE);
  const wanted = stateName ?? LONE_STATE;
  const found = check(machine, "STANDARD").states.find(({ name }) => name === wanted);
  if (found === undefined) throw fault("ValidationException", "State not found in definition");
  const { name, fields } = found;
  const language = found.language === "JSONata" ? jsonata : jsonPath;
  return { name, fields, language, state: buildState(name, fields, language) };
}

/** The states that may have Retry, Catch and a mock. */
export function isGuarded(state: State): state is GuardedState {
  return state.kind === "Task" || state.kind === "Parallel" || state.kind === "Map";
}

/** The names of all states below a state. */
export function namesBelow(fields: unknown): readonly string[] {
  if (Array.isArray(fields)) return fields.flatMap(namesBelow);
  if (!isObject(fields)) return [];
  const parts = [fields["Branches"], fields["ItemProcessor"], fields["Iterator"]].flat().filter(isObject);
  return parts.flatMap(({ States }) =>
    isObject(States) ? [...Object.keys(States), ...Object.values(States).flatMap(namesBelow)] : [],
  );
}

/** A machine in which the state stands alone: wherever it goes from there, a state awaits it. */
function machineAround(definition: string): string {
  let fields: unknown;
  try {
    fields = parseJson(definition);
  } catch {
    // Said in the parser's words by whoever checks the definition.
    return definition;
  }
  const targets = isObject(fields) ? targetsOf(fields) : [];
  const ends = targets.filter((name) => name !== LONE_STATE).map((name) => [name, { Type: "Succeed" }]);
  return printJson({ StartAt: LONE_STATE, States: { [LONE_STATE]: fields, ...Object.fromEntries(ends) } });
}

function targetsOf(fields: JsonObject): readonly string[] {
  const { Next, Default, Choices, Catch } = fields;
  const nested = [Choices, Catch].flatMap((list): readonly unknown[] => (Array.isArray(list) ? list : []));
  return [Next, Default, ...nested.filter(isObject).map((item) => item["Next"])].filter(
    (name) => typeof name === "string",
  );
}
