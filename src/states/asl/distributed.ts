/** A Map in the mode DISTRIBUTED: its fields compiled into the plan of a map run. */
import { createHash } from "node:crypto";
import type { DistributedMap } from "./compiled.ts";
import { isObject, type JsonObject } from "./json.ts";
import type { QueryLanguage } from "./language.ts";
import type { Scope } from "./scope.ts";
import type { MachineType, MapPlan, ReaderPlan, WriterPlan } from "./types.ts";

/** Undefined for an inline Map. */
export function buildDistributed(name: string, state: JsonObject, language: QueryLanguage): DistributedMap | undefined {
  const config = processorConfig(state);
  if (config?.["Mode"] !== "DISTRIBUTED") return undefined;
  const executionType: MachineType = config["ExecutionType"] === "EXPRESS" ? "EXPRESS" : "STANDARD";
  const label = typeof state["Label"] === "string" ? state["Label"] : generatedLabel(name);
  const select = language.itemSelector(state);
  const maxConcurrency = language.mapNumber(state, state, "MaxConcurrency", "integer");
  const count = language.mapNumber(state, state, "ToleratedFailureCount", "integer");
  const percentage = language.mapNumber(state, state, "ToleratedFailurePercentage", "float");
  const reader = readerPlan(state, language);
  const batcher = batcherPlan(state, language);
  const writer = writerPlan(state, language);
  return {
    language: language.name,
    label,
    executionType,
    ...(reader === undefined && { dataSet: language.dataSet(state) }),
    ...(select && { select }),
    plan: (scope) => ({
      label,
      executionType,
      maxConcurrency: maxConcurrency?.(scope) ?? 0,
      ...(count && { toleratedFailureCount: count(scope) }),
      ...(percentage && { toleratedFailurePercentage: percentage(scope) }),
      ...(reader && { reader: reader(scope) }),
      ...(batcher && { batcher: batcher(scope) }),
      ...(writer && { writer: writer(scope) }),
    }),
  };
}

export function processorConfig(state: JsonObject): JsonObject | undefined {
  const processor = state["ItemProcessor"] ?? state["Iterator"];
  const config = isObject(processor) ? processor["ProcessorConfig"] : undefined;
  return isObject(config) ? config : undefined;
}

/** A state without a Label gets one that stays the same: a name-based UUID, as AWS makes it. */
function generatedLabel(stateName: string): string {
  const hex = createHash("md5").update(stateName).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-3${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}

const DELIMITERS: Readonly<Record<string, string>> = { COMMA: ",", PIPE: "|", SEMICOLON: ";", SPACE: " ", TAB: "\t" };

function readerPlan(state: JsonObject, language: QueryLanguage): ((scope: Scope) => ReaderPlan) | undefined {
  const reader = state["ItemReader"];
  if (!isObject(reader)) return undefined;
  const config = isObject(reader["ReaderConfig"]) ? reader["ReaderConfig"] : {};
  const parameters = parametersOf(state, reader, "ItemReader", language);
  const maxItems = language.mapNumber(state, config, "MaxItems", "integer", "ItemReader/ReaderConfig/MaxItems");
  const headers = config["CSVHeaders"];
  const text = (field: string): string | undefined => {
    const value = config[field];
    return typeof value === "string" ? value : undefined;
  };
  const fixed = {
    resource: String(reader["Resource"]),
    ...optional("inputType", text("InputType")),
    ...optional("transformation", text("Transformation")),
    ...optional("manifestType", text("ManifestType")),
    ...optional("delimiter", DELIMITERS[text("CSVDelimiter") ?? "COMMA"]),
    ...optional("itemsPointer", text("ItemsPointer")),
    ...(text("CSVHeaderLocation") === "GIVEN" && Array.isArray(headers) && { headers: headers.map(String) }),
  };
  return (scope) => ({
    ...fixed,
    parameters: parameters?.(scope) ?? {},
    ...(maxItems && { maxItems: maxItems(scope) }),
  });
}

function batcherPlan(
  state: JsonObject,
  language: QueryLanguage,
): ((scope: Scope) => NonNullable<MapPlan["batcher"]>) | undefined {
  const batcher = state["ItemBatcher"];
  if (!isObject(batcher)) return undefined;
  const maxItems = language.mapNumber(state, batcher, "MaxItemsPerBatch", "integer", "ItemBatcher/MaxItemsPerBatch");
  const maxBytes = language.mapNumber(
    state,
    batcher,
    "MaxInputBytesPerBatch",
    "integer",
    "ItemBatcher/MaxInputBytesPerBatch",
  );
  const input =
    batcher["BatchInput"] === undefined
      ? undefined
      : language.mapTemplate(state, batcher["BatchInput"], "ItemBatcher/BatchInput");
  return (scope) => ({
    ...(maxItems && { maxItems: maxItems(scope) }),
    ...(maxBytes && { maxBytes: maxBytes(scope) }),
    ...(input && { input: input(scope) }),
  });
}

function writerPlan(state: JsonObject, language: QueryLanguage): ((scope: Scope) => WriterPlan) | undefined {
  const writer = state["ResultWriter"];
  if (!isObject(writer)) return undefined;
  const config = isObject(writer["WriterConfig"]) ? writer["WriterConfig"] : {};
  const parameters =
    writer["Resource"] === undefined ? undefined : parametersOf(state, writer, "ResultWriter", language);
  const fixed = {
    ...(typeof config["Transformation"] === "string" && { transformation: config["Transformation"] }),
    ...(typeof config["OutputType"] === "string" && { outputType: config["OutputType"] }),
  };
  return (scope) => ({ ...fixed, ...(parameters && { parameters: parameters(scope) }) });
}

function parametersOf(
  state: JsonObject,
  fields: JsonObject,
  field: string,
  language: QueryLanguage,
): ((scope: Scope) => unknown) | undefined {
  const name = fields["Arguments"] === undefined ? "Parameters" : "Arguments";
  if (fields[name] === undefined) return undefined;
  return language.mapTemplate(state, fields[name], `${field}/${name}`);
}

function optional<Name extends string>(name: Name, value: string | undefined): { readonly [key in Name]?: string } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [key in Name]?: string };
}
