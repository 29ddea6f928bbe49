/** What a machine's Tasks say to their integrations, checked when the machine is created. */
import type { Model, Reference } from "../../wire/model.ts";
import { isObject } from "../asl/json.ts";
import type { Diagnostic, TaskReference } from "../asl/types.ts";
import { modelOf } from "./models.ts";
import type { Target } from "./target.ts";

const HTTP = [
  "ApiEndpoint",
  "Authentication",
  "Headers",
  "InvocationConfig",
  "Method",
  "QueryParameters",
  "RequestBody",
  "Transform",
];
const START = ["Input", "Name", "StateMachineArn", "TraceHeader"];

/** Members that the integration does not have, and those that it cannot do without. */
export function parameterFindings(task: TaskReference, target: Target): Diagnostic[] {
  const { parameters, parametersLocation: location } = task;
  const found: Diagnostic[] = [];
  const schema = (message: string, at: string): void => {
    found.push({ severity: "ERROR", code: "SCHEMA_VALIDATION_FAILED", message, location: at });
  };
  const fields = fieldsOf(target);
  if (fields === undefined || location === undefined) return found;
  // An expression makes all of it at once; absent is as good as empty.
  if (parameters !== undefined && !isObject(parameters)) return found;
  const given = new Map(Object.entries(parameters ?? {}).map(([key, value]) => [nameOf(key), value]));
  for (const name of fields.required)
    if (!given.has(name)) schema(`The field '${name}' is required but was missing`, location);
  if (fields.input !== undefined) unknownMembers(fields.input.model, fields.input.shape, parameters, location, schema);
  if (target.kind === "http" && !given.has("Authentication") && !given.has("InvocationConfig"))
    schema("The field 'InvocationConfig' is required but was missing", location);
  if (fields.allowed !== undefined)
    for (const name of given.keys())
      if (!fields.allowed.includes(name)) schema(`The field '${name}' is not supported by Step Functions`, location);
  return found;
}

type Fields = {
  readonly required: readonly string[];
  readonly allowed?: readonly string[];
  readonly input?: { readonly model: Model; readonly shape: Reference } | undefined;
};

function fieldsOf(target: Target): Fields | undefined {
  switch (target.kind) {
    case "sdk":
      return { required: [], input: inputShape(target.sdk.model, target.operation) };
    case "optimised": {
      const { model, operation, required, allowed } = target.integration;
      return { required, ...(allowed ? { allowed } : { input: inputShape(model, operation) }) };
    }
    case "startExecution":
      return { required: ["StateMachineArn"], allowed: START };
    case "http":
      return { required: ["ApiEndpoint", "Method"], allowed: HTTP };
    default:
      return undefined;
  }
}

function inputShape(name: string, operation: string): Fields["input"] {
  const model = modelOf(name);
  const shape = model.operations[operation]?.[1];
  return shape === undefined ? undefined : { model, shape };
}

type Say = (message: string, location: string) => void;

/** Walks what is written literally beside the operation's input shape. */
function unknownMembers(model: Model, reference: Reference, value: unknown, location: string, say: Say): void {
  const shape = typeof reference === "object" ? reference[0] : reference;
  if (typeof shape === "object") return unknownMembers(model, shape, value, location, say);
  const row = typeof shape === "string" ? model.shapes[shape] : undefined;
  if (row === undefined) return;
  if (row[0] === 1) {
    if (Array.isArray(value))
      for (const [i, item] of value.entries()) unknownMembers(model, row[2], item, `${location}[${i}]`, say);
  } else if (row[0] === 2) {
    if (isObject(value))
      for (const [key, item] of Object.entries(value)) unknownMembers(model, row[3], item, `${location}/${key}`, say);
  } else if (row[0] === 3 || row[0] === 4) {
    if (!isObject(value)) return;
    const members = new Map(row[2].map((name, i) => [pascal(name), row[3][i]]));
    for (const [key, item] of Object.entries(value)) {
      const name = nameOf(key);
      const member = members.get(name);
      if (member === undefined) say(`The field '${name}' is not supported by Step Functions`, location);
      else if (name === key) unknownMembers(model, member, item, `${location}/${key}`, say);
    }
  }
}

function nameOf(key: string): string {
  return key.endsWith(".$") ? key.slice(0, -2) : key;
}
function pascal(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
