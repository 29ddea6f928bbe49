/** A whole definition: its sequences of states, and how they hang together. */
import { isObject, parseJson, type JsonObject } from "../json.ts";
import { processorConfig } from "../distributed.ts";
import type { MachineType } from "../types.ts";
import { assignedNames } from "./assign.ts";
import { jsonProblem } from "./json.ts";
import { checkLanguage, languageOf, type Language } from "./language.ts";
import { Report } from "./report.ts";
import { isTooDeep, statesTwice } from "./shape.ts";
import { checkState } from "./state.ts";
import { warnOf } from "./warnings.ts";
import { integer, nonEmptyList, oneOf, onlyFields, required, requiredTogether, text, type Place } from "./values.ts";

const TOP: ReadonlySet<string> = new Set([
  "Comment",
  "StartAt",
  "States",
  "Version",
  "TimeoutSeconds",
  "QueryLanguage",
]);
const BRANCH: ReadonlySet<string> = new Set(["Comment", "StartAt", "States"]);
const PROCESSOR: ReadonlySet<string> = new Set([...BRANCH, "ProcessorConfig"]);
const STATE_NAME_MAX = 80;
const TIMEOUT_SECONDS_MAX = 99_999_999;

/** A state where it stands. */
export type FoundState = {
  readonly name: string;
  readonly location: string;
  readonly fields: JsonObject;
  readonly language: Language;
};
export type Checked = {
  readonly report: Report;
  readonly definition: JsonObject;
  readonly states: readonly FoundState[];
};

/** Looks for everything that is wrong, and lists all states. */
export function check(text: string, type: MachineType): Checked {
  const report = new Report();
  const states: FoundState[] = [];
  const problem = jsonProblem(text);
  if (problem !== undefined) {
    const message = `${problem.message}\n at ${problem.location}`;
    report.error("INVALID_JSON_DESCRIPTION", message, problem.location);
    return { report, definition: {}, states };
  }
  const definition = parseJson(text);
  if (definition === null) {
    report.error("MISSING_DESCRIPTION", "Received a null or empty workflow input");
    return { report, definition: {}, states };
  }
  if (isTooDeep(definition)) {
    report.error("TOO_DEEPLY_NESTED", "The states are too deeply nested");
    return { report, definition: {}, states };
  }
  if (!isObject(definition)) {
    report.schema("A state machine definition must be a JSON object", "/");
    return { report, definition: {}, states };
  }
  checkTop(report, definition);
  const language = languageOf(definition);
  sequence({ report, type, states, names: new Map(), language }, definition, "", new Set());
  for (const { name, location } of statesTwice(text)) duplicate(report, name, location);
  for (const state of states) if (state.language === "JSONPath") warnOf(report, state.fields, state.location);
  return { report, definition, states };
}

function checkTop(report: Report, definition: JsonObject): void {
  const place: Place = { report, stateName: "", location: "/" };
  const root: Place = { report, stateName: "", location: "" };
  onlyFields(place, definition, TOP);
  integer(root, definition, "TimeoutSeconds", 0, TIMEOUT_SECONDS_MAX);
  oneOf(root, definition, "Version", ["1.0"]);
  checkLanguage(root, definition);
}

type Walk = {
  readonly report: Report;
  readonly type: MachineType;
  readonly states: FoundState[];
  readonly names: Map<string, string>;
  /** The machine's. */
  readonly language: Language;
};

/** The machine itself, a branch, or a processor. `outer` are the variables that may not be assigned here. */
function sequence(walk: Walk, fields: JsonObject, location: string, outer: ReadonlySet<string>): void {
  const { report } = walk;
  const place: Place = { report, stateName: "", location: location === "" ? "/" : location };
  requiredTogether(place, fields, ["StartAt", "States"]);
  const hasStart = text({ ...place, location }, fields, "StartAt") !== undefined;
  const states = fields["States"];
  if (states === undefined) return;
  if (!isObject(states) || Object.keys(states).length === 0) {
    report.schema(isObject(states) ? "Value cannot be empty" : "Expected value of type [OBJECT]", `${location}/States`);
    return;
  }
  const own = new Set(outer);
  for (const state of Object.values(states).filter(isObject)) for (const name of allAssigned(state)) own.add(name);
  for (const [name, state] of Object.entries(states)) {
    checkName(walk, name, `${location}/States/${name}`);
    if (!isObject(state)) {
      report.schema("Expected value of type [OBJECT]", `${location}/States/${name}`);
      continue;
    }
    const at = `${location}/States/${name}`;
    const here = { report, stateName: name, location: at };
    const language = languageOf(state, walk.language);
    walk.states.push({ name, location: at, fields: state, language });
    checkLanguage(here, state, walk.language);
    checkState(here, state, walk.type, language);
    for (const variable of allAssigned(state)) {
      if (outer.has(variable))
        report.schema(`The variable '${variable}' is already assigned in an outer scope`, `${at}/Assign`);
    }
    inner(walk, state, at, own);
  }
  if (hasStart) transitions(report, fields, states, location);
}

function allAssigned(state: JsonObject): readonly string[] {
  const parts = [state, ...objects(state["Choices"]), ...objects(state["Catch"])];
  return parts.flatMap(assignedNames);
}

function inner(walk: Walk, state: JsonObject, location: string, outer: ReadonlySet<string>): void {
  if (state["Type"] === "Parallel") {
    const place = { report: walk.report, stateName: "", location };
    const branches = required(place, state, "Branches") ? (nonEmptyList(place, state, "Branches") ?? []) : [];
    for (const [i, branch] of branches.entries()) below(walk, branch, `${location}/Branches[${i}]`, BRANCH, outer);
  } else if (state["Type"] === "Map") {
    const config = processorConfig(state);
    const distributed = config?.["Mode"] === "DISTRIBUTED";
    // The children of a Distributed Map are executions of their own: of their own type, with their own variables.
    const type = distributed && config?.["ExecutionType"] === "EXPRESS" ? "EXPRESS" : walk.type;
    const seen = distributed ? new Set<string>() : outer;
    for (const field of ["ItemProcessor", "Iterator"]) {
      if (state[field] !== undefined) below({ ...walk, type }, state[field], `${location}/${field}`, PROCESSOR, seen);
    }
  }
}

function below(
  walk: Walk,
  fields: unknown,
  location: string,
  allowed: ReadonlySet<string>,
  outer: ReadonlySet<string>,
): void {
  if (!isObject(fields)) {
    walk.report.schema("Expected value of type [OBJECT]", location);
    return;
  }
  onlyFields({ report: walk.report, stateName: "", location }, fields, allowed);
  sequence(walk, fields, location, outer);
}

function checkName(walk: Walk, name: string, location: string): void {
  if (name === "" || name.length > STATE_NAME_MAX) {
    walk.report.error(
      "INVALID_STATE_NAME",
      `The state name must have between 1 and ${STATE_NAME_MAX} characters`,
      location,
    );
  }
  if (walk.names.has(name)) duplicate(walk.report, name, location);
  walk.names.set(name, location);
}

function duplicate(report: Report, name: string, location: string): void {
  report.error("DUPLICATE_STATE_NAME", `Duplicate State name: ${name}`, location);
}

/** Targets exist, there is an end, and, only if there is one, every state can be reached: in AWS's order. */
function transitions(report: Report, fields: JsonObject, states: JsonObject, location: string): void {
  const all = Object.entries(states).filter((entry): entry is [string, JsonObject] => isObject(entry[1]));
  const edges = new Map(all.map(([name, state]) => [name, targets(state, `${location}/States/${name}`)]));
  for (const [name, at] of [[fields["StartAt"], `${location}/StartAt`] as const, ...[...edges.values()].flat()]) {
    // AWS says 'Next' wherever the target stands, at StartAt too.
    if (typeof name === "string" && !Object.hasOwn(states, name))
      report.error("MISSING_TRANSITION_TARGET", `Missing 'Next' target: ${name}`, at);
  }
  if (!all.some(([, state]) => isTerminal(state))) {
    report.error("MISSING_END_STATE", "Workflow has no terminal state");
    return;
  }
  const reached = new Set<unknown>();
  const waiting: unknown[] = [fields["StartAt"]];
  while (waiting.length > 0) {
    const name = waiting.pop();
    if (typeof name !== "string" || reached.has(name)) continue;
    reached.add(name);
    waiting.push(...(edges.get(name) ?? []).map(([target]) => target));
  }
  for (const name of Object.keys(states)) {
    if (!reached.has(name))
      report.error("MISSING_TRANSITION_TARGET", `State "${name}" is not reachable.`, `${location}/States/${name}`);
  }
}

function targets(state: JsonObject, at: string): (readonly [target: unknown, at: string])[] {
  const nested = (field: "Choices" | "Catch"): (readonly [unknown, string])[] =>
    objects(state[field]).map((item, i) => [item["Next"], `${at}/${field}[${i}]/Next`] as const);
  return [[state["Next"], `${at}/Next`], ...nested("Choices"), [state["Default"], `${at}/Default`], ...nested("Catch")];
}

function isTerminal(state: unknown): boolean {
  return isObject(state) && (state["End"] === true || state["Type"] === "Succeed" || state["Type"] === "Fail");
}

function objects(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
