/** A Map under test: its iterations are not run, only prepared. */
import { runtime, StateFailure } from "../asl/failure.ts";
import { Datum, isObject, numberOf, parseJson, printJson, type JsonObject } from "../asl/json.ts";
import type { Scope } from "../asl/scope.ts";
import { jsonProblem } from "../asl/validate/json.ts";
import { refused } from "./mock.ts";
import type { Seen } from "./stages.ts";
import type { Subject } from "./subject.ts";

export type Prepared = {
  /** How many iterations there would be; undefined where only the ItemReader knows. */
  readonly iterations: number | undefined;
  readonly toleratedFailureCount: number | undefined;
  readonly toleratedFailurePercentage: number | undefined;
};

/** Evaluates the fields that decide on the iterations. */
export function prepareMap(subject: Subject, scope: Scope, readerData: string | undefined, seen: Seen): Prepared {
  const { fields, language } = subject;
  const effective = language.effective(fields)(scope);
  const measure = (name: string): number | undefined => {
    const value = language.value(fields, name)?.(scope, effective);
    return value === undefined ? undefined : measured(name, value);
  };
  seen.maxConcurrency = measure("MaxConcurrency") ?? 0;
  const toleratedFailureCount = measure("ToleratedFailureCount");
  const toleratedFailurePercentage = measure("ToleratedFailurePercentage");
  if (toleratedFailureCount !== undefined) seen.toleratedFailureCount = toleratedFailureCount;
  if (toleratedFailurePercentage !== undefined) seen.toleratedFailurePercentage = toleratedFailurePercentage;
  const items = itemsOf(subject, scope, effective, readerData, seen);
  const iterations = items === undefined ? undefined : batched(subject, scope, effective, items, seen);
  return { iterations, toleratedFailureCount, toleratedFailurePercentage };
}

function measured(name: string, value: unknown): number {
  const number = typeof value === "string" && /^\d+(?:\.\d+)?$/.test(value) ? Number(value) : numberOf(value);
  if (number === undefined)
    throw runtime(`The ${name} field refers to value "${printJson(value)}" which is not a number`);
  if (number < 0) throw runtime(`${name} cannot be negative.`);
  return number;
}

/** The inputs of the iterations, before they are put together in batches. */
function itemsOf(
  { fields, language }: Subject,
  scope: Scope,
  effective: Datum,
  readerData: string | undefined,
  seen: Seen,
): readonly Datum[] | undefined {
  const selects = fields["ItemSelector"] !== undefined || fields["Parameters"] !== undefined;
  const { ItemSelector: _selector, Parameters: _parameters, ...plain } = fields;
  if (!isObject(fields["ItemReader"])) {
    if (language.name === "JSONPath") seen.afterItemsPath = texts(language.items(plain)(scope));
    const items = language.items(fields)(scope);
    if (selects) seen.afterItemSelector = texts(items);
    return items;
  }
  if (readerData === undefined) return undefined;
  const read = readItems(fields["ItemReader"], readerData, seen);
  if (!selects) return read.map((item) => Datum.of(item));
  const select = language.value(fields, fields["ItemSelector"] === undefined ? "Parameters" : "ItemSelector");
  const items = read.map((Value, Index) => {
    const context = (): JsonObject => ({ ...scope.context(), Map: { Item: { Index, Value } } });
    return Datum.of(select?.({ ...scope, context }, effective));
  });
  seen.afterItemSelector = texts(items);
  return items;
}

/** The data set as the ItemReader would have found it: JSON, or lines of it. */
function readItems(reader: JsonObject, text: string, seen: Seen): readonly unknown[] {
  const config = isObject(reader["ReaderConfig"]) ? reader["ReaderConfig"] : {};
  const lines = config["InputType"] === "JSONL";
  const problem = lines ? undefined : jsonProblem(text);
  if (problem !== undefined) throw refused(`mapItemReaderData must be valid JSON. ${problem.message}`);
  const pointer = config["ItemsPointer"];
  let found: unknown = lines
    ? text
        .split("\n")
        .filter((line) => line.trim() !== "")
        .map(parseJson)
    : parseJson(text);
  if (typeof pointer === "string") {
    found = pointedAt(found, pointer);
    seen.afterItemsPointer = printJson(found ?? null);
  }
  if (Array.isArray(found)) return found;
  if (isObject(found)) return Object.entries(found).map(([Key, Value]) => ({ Key, Value }));
  throw new StateFailure("States.ItemReaderFailed", "Attempting to map over non-iterable node.");
}

/** RFC 6901. */
function pointedAt(value: unknown, pointer: string): unknown {
  const steps = pointer.split("/").slice(1);
  return steps.reduce((found: unknown, step) => {
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
    if (Array.isArray(found)) return found[Number(name)];
    return isObject(found) && Object.hasOwn(found, name) ? found[name] : undefined;
  }, value);
}

/** ItemBatcher: how many batches there are. */
function batched(
  { fields, language }: Subject,
  scope: Scope,
  effective: Datum,
  items: readonly Datum[],
  seen: Seen,
): number {
  const batcher = fields["ItemBatcher"];
  if (!isObject(batcher)) return items.length;
  const limit = (name: string): number => {
    const value = language.value(batcher, name, `ItemBatcher/${name}`)?.(scope, effective);
    return value === undefined ? Infinity : measured(name, value);
  };
  const [most, bytesMost] = [limit("MaxItemsPerBatch"), limit("MaxInputBytesPerBatch")];
  const input = language.value(batcher, "BatchInput", "ItemBatcher/BatchInput")?.(scope, effective);
  const head = input === undefined ? "{" : `{"BatchInput":${printJson(input)},`;
  const batches: string[][] = [];
  let bytes = Infinity;
  for (const { text } of items) {
    const size = Buffer.byteLength(text) + 1;
    const open = batches.at(-1);
    if (open === undefined || open.length >= most || bytes + size > bytesMost) {
      batches.push([text]);
      bytes = Buffer.byteLength(`${head}"Items":[]}`) + size;
    } else {
      open.push(text);
      bytes += size;
    }
  }
  seen.afterItemBatcher = `[${batches.map((batch) => `${head}"Items":[${batch.join(",")}]}`).join(",")}]`;
  return batches.length;
}

function texts(items: readonly Datum[]): string {
  return `[${items.map(({ text }) => text).join(",")}]`;
}
