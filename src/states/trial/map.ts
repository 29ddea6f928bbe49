/** A Map under test: its iterations are not run, only prepared. */
import { Readable } from "node:stream";
import { dataSetOf, plainItem, STATE_DATA, type RawItem } from "../asl/dataset.ts";
import { StateFailure } from "../asl/failure.ts";
import { isObject, parseJson, printJson, type Datum } from "../asl/json.ts";
import type { Scope } from "../asl/scope.ts";
import type { ReaderPlan } from "../asl/types.ts";
import { jsonProblem } from "../asl/validate/json.ts";
import { batched } from "../mapruns/batcher.ts";
import { csvItems } from "../mapruns/readers/csv.ts";
import { ItemReaderFailed } from "../mapruns/readers/failed.ts";
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
export async function prepareMap(
  subject: Subject,
  scope: Scope,
  readerData: string | undefined,
  seen: Seen,
): Promise<Prepared> {
  const { fields, language, state } = subject;
  if (state.kind !== "Map") throw new Error("only a Map has iterations");
  const number = (field: string, kind: "integer" | "float"): number | undefined =>
    language.mapNumber(fields, fields, field, kind)?.(scope);
  seen.maxConcurrency = number("MaxConcurrency", "integer") ?? 0;
  const toleratedFailureCount = number("ToleratedFailureCount", "integer");
  if (toleratedFailureCount !== undefined) seen.toleratedFailureCount = toleratedFailureCount;
  const toleratedFailurePercentage = number("ToleratedFailurePercentage", "float");
  if (toleratedFailurePercentage !== undefined) seen.toleratedFailurePercentage = toleratedFailurePercentage;
  const plan = state.distributed?.plan(scope);
  const read = await readItems(subject, scope, plan?.reader, readerData, seen);
  const tolerated = { toleratedFailureCount, toleratedFailurePercentage };
  if (read === undefined) return { iterations: undefined, ...tolerated };
  const items = selected(subject, scope, read, seen);
  if (plan?.batcher === undefined) return { iterations: items.length, ...tolerated };
  const batches: string[] = [];
  for await (const { input } of batched(Readable.from(items), plan.batcher)) batches.push(input);
  seen.afterItemBatcher = `[${batches.join(",")}]`;
  return { iterations: batches.length, ...tolerated };
}

type Read = { readonly items: readonly RawItem[]; readonly source: string };

async function readItems(
  { fields, language }: Subject,
  scope: Scope,
  reader: ReaderPlan | undefined,
  readerData: string | undefined,
  seen: Seen,
): Promise<Read | undefined> {
  if (reader === undefined) {
    const items = language.dataSet(fields)(scope);
    if (language.name === "JSONPath") seen.afterItemsPath = `[${items.map((item) => plainItem(item).text).join(",")}]`;
    return { items, source: STATE_DATA };
  }
  if (readerData === undefined) return undefined;
  const { Bucket, Key } = isObject(reader.parameters) ? reader.parameters : {};
  return { items: await itemsOf(reader, readerData, seen), source: `s3://${String(Bucket)}/${String(Key)}` };
}

/** The data set as the ItemReader would have found it. */
async function itemsOf(reader: ReaderPlan, text: string, seen: Seen): Promise<readonly RawItem[]> {
  if (reader.inputType === "CSV") {
    const { delimiter, headers } = reader;
    try {
      return await Array.fromAsync(csvItems(Readable.from([Buffer.from(text)]), { delimiter, headers }));
    } catch (error) {
      if (error instanceof ItemReaderFailed) throw new StateFailure("States.ItemReaderFailed", error.message);
      throw error;
    }
  }
  if (reader.inputType === "JSONL") {
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    return lines.map((line) => ({ value: jsonOf(line) }));
  }
  let found = jsonOf(text);
  if (reader.itemsPointer !== undefined) {
    found = pointedAt(found, reader.itemsPointer);
    seen.afterItemsPointer = printJson(found ?? null);
  }
  const items = dataSetOf(found);
  if (items === undefined)
    throw new StateFailure("States.ItemReaderFailed", "Attempting to map over non-iterable node.");
  return items;
}

function jsonOf(text: string): unknown {
  const problem = jsonProblem(text);
  if (problem !== undefined) throw refused(`mapItemReaderData must be valid JSON. ${problem.message}`);
  return parseJson(text);
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

/** The inputs of the iterations, before they are put together in batches. */
function selected({ fields, language }: Subject, scope: Scope, { items, source }: Read, seen: Seen): readonly Datum[] {
  const select = language.itemSelector(fields)?.(scope);
  if (select === undefined) return items.map(plainItem);
  const made = items.map((item, index) => select({ ...item, index, source }));
  seen.afterItemSelector = `[${made.map(({ text }) => text).join(",")}]`;
  return made;
}
