/** Whether a mocked result is something that the task's API could have answered. */
import type { MockResponseValidationMode } from "@aws-sdk/client-sfn";
import { fault } from "../../wire/fault.ts";
import { loadModel, type Constraint } from "../../wire/model.ts";
import { shapesOf, type Member, type Shape, type Shapes, type StructShape } from "../../wire/shape.ts";
import { isObject } from "../asl/json.ts";
import { targetOf } from "../tasks/target.ts";

/**
 * STRICT: what is there conforms to the API's model, and what the model requires is there. PRESENT: the first half.
 * Members that the model does not know are left alone, as AWS does.
 */
export function checkResult(resource: string, result: unknown, mode: MockResponseValidationMode): void {
  if (mode === "NONE") return;
  const shape = answerOf(resource);
  if (shape === undefined) return;
  structure(shape, result, undefined, mode === "STRICT");
}

/** What the API answers; for `.sync` that is the call that asks whether the work is done. */
function answerOf(resource: string): StructShape | undefined {
  const target = targetOf(resource);
  if (target.kind === "sdk") return outputOf(target.sdk.model, target.operation);
  if (target.kind === "optimised") return outputOf(target.integration.model, target.integration.operation);
  if (target.kind !== "startExecution") return undefined;
  return outputOf("sfn", target.pattern.startsWith("sync") ? "DescribeExecution" : "StartExecution");
}

const models = new Map<string, Shapes>();

function outputOf(model: string, operation: string): StructShape | undefined {
  let shapes = models.get(model);
  if (shapes === undefined) {
    shapes = shapesOf(loadModel(model));
    models.set(model, shapes);
  }
  return shapes.operations.get(operation)?.output;
}

function mismatch(field: string | undefined, what: string): Error {
  const subject = field === undefined ? "Result" : `Field '${field}'`;
  return fault("ValidationException", `Mock result schema validation error: ${subject} ${what}`);
}

/** Tasks name members in PascalCase, however the API spells them. */
function taskName({ name }: Member): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function structure(shape: StructShape, value: unknown, field: string | undefined, strict: boolean): void {
  if (!isObject(value)) throw mismatch(field, "is not an object");
  for (const member of shape.members) {
    const name = taskName(member);
    const given = value[name];
    if (given !== undefined && given !== null) conforms(member.shape, member.constraint, given, name, strict);
    else if (strict && member.required && shape.kind === "struct") throw mismatch(name, "is required but was missing");
  }
}

function conforms(
  shape: Shape,
  constraint: Constraint | undefined,
  value: unknown,
  field: string,
  strict: boolean,
): void {
  switch (shape.kind) {
    case "struct":
    case "union":
      return structure(shape, value, field, strict);
    case "list": {
      if (!Array.isArray(value)) throw mismatch(field, "is not an array");
      sized(value.length, constraint, field);
      for (const item of value) if (item !== null) conforms(shape.item.shape, constraint?.i, item, field, strict);
      return;
    }
    case "map": {
      if (!isObject(value)) throw mismatch(field, "is not an object");
      for (const item of Object.values(value))
        if (item !== null) conforms(shape.value.shape, constraint?.v, item, field, strict);
      return;
    }
    case "string":
      return text(constraint, value, field);
    case "boolean":
      if (typeof value !== "boolean") throw mismatch(field, "is not a boolean");
      return;
    case "integer":
    case "long":
    case "number":
    case "bigint":
    case "decimal":
      return number(constraint, value, field);
    case "timestamp":
      // SDK tasks write ISO 8601, the optimised ones numbers.
      if (typeof value !== "number" && !(typeof value === "string" && !Number.isNaN(Date.parse(value))))
        throw mismatch(field, "is not a valid timestamp");
      return;
    case "blob":
    case "document":
  }
}

function number(constraint: Constraint | undefined, value: unknown, field: string): void {
  if (typeof value !== "number") throw mismatch(field, "is not a number");
  if (constraint?.x !== undefined && value > constraint.x) throw mismatch(field, "exceeds the maximum value");
  if (constraint?.n !== undefined && value < constraint.n) throw mismatch(field, "is below the minimum value");
}

function text(constraint: Constraint | undefined, value: unknown, field: string): void {
  if (typeof value !== "string") throw mismatch(field, "is not a string");
  if (constraint === undefined) return;
  if (constraint.e !== undefined && !constraint.e.includes(value)) throw mismatch(field, "is not an expected value");
  sized(value.length, constraint, field);
  const { p: pattern } = constraint;
  if (pattern !== undefined && value.length <= LONGEST_MATCHED && compiled(pattern)?.test(value) === false)
    throw mismatch(field, "does not match the expected pattern");
}

/** The models' expressions are not all linear in time. */
const LONGEST_MATCHED = 2048;
const patterns = new Map<string, RegExp | undefined>();

function compiled(pattern: string): RegExp | undefined {
  if (!patterns.has(pattern)) patterns.set(pattern, tried(pattern));
  return patterns.get(pattern);
}

function tried(pattern: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${pattern})$`, "u");
  } catch {
    // An expression of another dialect says nothing here.
    return undefined;
  }
}

function sized(length: number, constraint: Constraint | undefined, field: string): void {
  if (constraint?.x !== undefined && length > constraint.x) throw mismatch(field, "exceeds the maximum length");
  if (constraint?.n !== undefined && length < constraint.n) throw mismatch(field, "is below the minimum length");
}
