/** A whole definition: its sequences of states, and how they hang together. */
import { isObject, parseJson, type JsonObject } from "../json.ts";
import type { MachineType } from "../types.ts";
import { assignedNames } from "./assign.ts";
import { jsonProblem } from "./json.ts";
import { Report } from "./report.ts";
import { checkState } from "./state.ts";
import { integer, oneOf, onlyFields, required, text, type Place } from "./values.ts";

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
export type FoundState = { readonly name: string; readonly location: string; readonly fields: JsonObject };
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
  if (!isObject(definition)) {
    report.schema("A state machine definition must be a JSON object", "/");
    return { report, definition: {}, states };
  }
  checkTop(report, definition);
  if (report.diagnostics.length === 0 || definition["QueryLanguage"] === undefined) {
    sequence({ report, type, states, names: new Map() }, definition, "", new Set());
  }
  return { report, definition, states };
}

function checkTop(report: Report, definition: JsonObject): void {
  const place: Place = { report, stateName: "", location: "/" };
  const root: Place = { report, stateName: "", location: "" };
  onlyFields(place, definition, TOP);
  integer(root, definition, "TimeoutSeconds", 1, TIMEOUT_SECONDS_MAX);
  oneOf(root, definition, "Version", ["1.0"]);
  if (definition["QueryLanguage"] !== undefined && definition["QueryLanguage"] !== "JSONPath") {
    report.schema("This version of Stepwell does not support QueryLanguage JSONata", "/QueryLanguage");
  }
}

type Walk = {
  readonly report: Report;
  readonly type: MachineType;
  readonly states: FoundState[];
  readonly names: Map<string, string>;
};

/** The machine itself, a branch, or a processor. `outer` are the variables that may not be assigned here. */
function sequence(walk: Walk, fields: JsonObject, location: string, outer: ReadonlySet<string>): void {
  const { report } = walk;
  const place: Place = { report, stateName: "", location: location === "" ? "/" : location };
  const hasStart = required(place, fields, "StartAt") && text({ ...place, location }, fields, "StartAt") !== undefined;
  if (!required(place, fields, "States")) return;
  const states = fields["States"];
  if (!isObject(states) || Object.keys(states).length === 0) {
    report.schema("The value for the field 'States' must be a non-empty object", `${location}/States`);
    return;
  }
  const own = new Set(outer);
  for (const state of Object.values(states).filter(isObject)) for (const name of allAssigned(state)) own.add(name);
  for (const [name, state] of Object.entries(states)) {
    checkName(walk, name, `${location}/States/${name}`);
    if (!isObject(state)) {
      report.schema("A state must be an object", `${location}/States/${name}`);
      continue;
    }
    const at = `${location}/States/${name}`;
    walk.states.push({ name, location: at, fields: state });
    checkState({ report, stateName: name, location: at }, state, walk.type);
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
    const branches = state["Branches"];
    if (branches === undefined || !Array.isArray(branches) || branches.length === 0) {
      const place = { report: walk.report, stateName: "", location };
      if (required(place, state, "Branches"))
        walk.report.schema("The value for the field 'Branches' must be a non-empty array", `${location}/Branches`);
      return;
    }
    for (const [i, branch] of branches.entries()) below(walk, branch, `${location}/Branches[${i}]`, BRANCH, outer);
  } else if (state["Type"] === "Map") {
    for (const field of ["ItemProcessor", "Iterator"]) {
      if (state[field] !== undefined) below(walk, state[field], `${location}/${field}`, PROCESSOR, outer);
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
    walk.report.schema("The value must be an object with the fields 'StartAt' and 'States'", location);
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
  if (walk.names.has(name)) walk.report.error("DUPLICATE_STATE_NAME", `Duplicate State name: ${name}`, location);
  walk.names.set(name, location);
}

/** Targets exist, every state can be reached, and there is an end. */
function transitions(report: Report, fields: JsonObject, states: JsonObject, location: string): void {
  const reached = new Set<string>();
  const waiting: (readonly [name: unknown, field: string, at: string])[] = [
    [fields["StartAt"], "StartAt", `${location}/StartAt`],
  ];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [name, field, at] = next;
    if (typeof name !== "string") continue;
    if (!Object.hasOwn(states, name))
      report.error("MISSING_TRANSITION_TARGET", `Missing '${field}' target: ${name}`, at);
    else if (!reached.has(name)) {
      reached.add(name);
      const state = states[name];
      if (isObject(state)) waiting.push(...targets(state, `${location}/States/${name}`));
    }
  }
  for (const name of Object.keys(states)) {
    if (!reached.has(name))
      report.error("MISSING_TRANSITION_TARGET", `State "${name}" is not reachable.`, `${location}/States/${name}`);
  }
  if (!Object.values(states).some(isTerminal))
    report.error("MISSING_END_STATE", "The workflow does not have a terminal state", `${location}/States`);
}

function targets(state: JsonObject, at: string): (readonly [unknown, string, string])[] {
  const nested = (field: "Choices" | "Catch"): (readonly [unknown, string, string])[] =>
    objects(state[field]).map((item, i) => [item["Next"], "Next", `${at}/${field}[${i}]/Next`] as const);
  return [
    [state["Next"], "Next", `${at}/Next`],
    [state["Default"], "Default", `${at}/Default`],
    ...nested("Choices"),
    ...nested("Catch"),
  ];
}

function isTerminal(state: unknown): boolean {
  return isObject(state) && (state["End"] === true || state["Type"] === "Succeed" || state["Type"] === "Fail");
}

function objects(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
