/** The fields of a Map that belong to one of its two modes. */
import { isObject, type JsonObject } from "../json.ts";
import type { MachineType } from "../types.ts";
import { expressionText } from "../jsonata/field.ts";
import type { Language } from "./language.ts";
import {
  atMostOne,
  integer,
  nonEmptyList,
  number,
  oneOf,
  onlyFields,
  path,
  required,
  template,
  text,
  type Place,
} from "./values.ts";

const DISTRIBUTED_ONLY = ["Label", "ItemReader", "ItemBatcher", "ResultWriter"];
const PARAMETERS: { readonly [language in Language]: string } = { JSONPath: "Parameters", JSONata: "Arguments" };
const LABEL_MAX = 40;
const ITEMS_MAX = 100_000_000;
const BATCH_BYTES_MAX = 262_144;
/** Characters that AWS refuses in a Label, as in the names of machines. */
// oxlint-disable-next-line no-control-regex -- control characters are among the refused ones
const LABEL_REFUSED = /[\s<>{}[\]?*"#%\\^|~`$&,;:/\u0000-\u001f\u007f-\u009f]/u;
const READERS = ["getObject", "listObjectsV2"];
const GET_OBJECT = /^arn:[^:]+:states:::s3:getObject$/;
const READER_RESOURCE = /^arn:[^:]+:states:::s3:(?:getObject|listObjectsV2)$/;
const WRITER_RESOURCE = /^arn:[^:]+:states:::s3:putObject$/;

export function mode(place: Place, state: JsonObject, type: MachineType, language: Language): void {
  const processor = state["ItemProcessor"] ?? state["Iterator"];
  const given = isObject(processor) ? processor["ProcessorConfig"] : undefined;
  const at = `${place.location}/${state["ItemProcessor"] === undefined ? "Iterator" : "ItemProcessor"}/ProcessorConfig`;
  if (given !== undefined && !isObject(given)) {
    place.report.schema("Expected value of type [OBJECT]", at);
    return;
  }
  const config = given ?? {};
  const configPlace = { ...place, location: at };
  onlyFields(configPlace, config, new Set(["Mode", "ExecutionType"]));
  oneOf(configPlace, config, "Mode", ["INLINE", "DISTRIBUTED"]);
  if (language === "JSONPath") tolerance(place, state);
  if (config["Mode"] !== "DISTRIBUTED") {
    for (const field of DISTRIBUTED_ONLY) {
      if (state[field] !== undefined) place.report.schema(`Field '${field}' is not supported`, place.location);
    }
    return;
  }
  if (type === "EXPRESS") place.report.schema("Express state machine does not support DISTRIBUTED mode", `${at}/Mode`);
  if (required(configPlace, config, "ExecutionType"))
    oneOf(configPlace, config, "ExecutionType", ["STANDARD", "EXPRESS"]);
  label(place, state);
  if (state["ItemReader"] !== undefined) reader(place, state["ItemReader"], language);
  if (state["ItemBatcher"] !== undefined) batcher(place, state["ItemBatcher"], language);
  if (state["ResultWriter"] !== undefined) writer(place, state["ResultWriter"], language);
}

/** A number that is written down; expressions are looked at when they are evaluated. */
function count(place: Place, fields: JsonObject, field: string, least: number, most: number): void {
  if (expressionText(fields[field]) === undefined) integer(place, fields, field, least, most);
}

function tolerance(place: Place, state: JsonObject): void {
  atMostOne(place, state, ["ToleratedFailureCount", "ToleratedFailureCountPath"]);
  atMostOne(place, state, ["ToleratedFailurePercentage", "ToleratedFailurePercentagePath"]);
  integer(place, state, "ToleratedFailureCount", 0, Number.MAX_SAFE_INTEGER);
  number(place, state, "ToleratedFailurePercentage", 0, 100);
  path(place, state, "ToleratedFailureCountPath");
  path(place, state, "ToleratedFailurePercentagePath");
}

function label(place: Place, state: JsonObject): void {
  const given = text(place, state, "Label");
  if (given === undefined) return;
  const location = `${place.location}/Label`;
  if (given.length > LABEL_MAX) place.report.schema(`Label cannot exceed ${LABEL_MAX} characters`, location);
  const refused = LABEL_REFUSED.exec(given)?.[0];
  if (refused !== undefined) place.report.schema(`Label contains invalid character: '${refused}'`, location);
  if (given === "") place.report.schema("Label cannot be empty", location);
}

function part(place: Place, value: unknown, name: string, allowed: readonly string[]): JsonObject | undefined {
  const location = `${place.location}/${name}`;
  if (!isObject(value)) {
    place.report.schema("Expected value of type [OBJECT]", location);
    return undefined;
  }
  onlyFields({ ...place, location }, value, new Set(allowed));
  return value;
}

function reader(place: Place, value: unknown, language: Language): void {
  const fields = part(place, value, "ItemReader", ["Resource", PARAMETERS[language], "ReaderConfig"]);
  if (fields === undefined) return;
  const at = { ...place, location: `${place.location}/ItemReader` };
  if (required(at, fields, "Resource") && !READER_RESOURCE.test(String(fields["Resource"])))
    place.report.schema(
      `Value should be one of the following: [${READERS.map((action) => `arn:aws:states:::s3:${action}`).join(", ")}]`,
      `${at.location}/Resource`,
    );
  if (language === "JSONPath") template(at, fields["Parameters"], `${at.location}/Parameters`);
  const config = fields["ReaderConfig"];
  if (config === undefined) return;
  const known = part(at, config, "ReaderConfig", [
    "InputType",
    "Transformation",
    "ManifestType",
    "CSVDelimiter",
    "CSVHeaderLocation",
    "CSVHeaders",
    "ItemsPointer",
    "MaxItems",
    "MaxItemsPath",
  ]);
  if (known) readerConfig({ ...at, location: `${at.location}/ReaderConfig` }, known, String(fields["Resource"]));
}

function readerConfig(place: Place, config: JsonObject, resource: string): void {
  oneOf(place, config, "InputType", ["CSV", "JSON", "JSONL", "PARQUET", "MANIFEST"]);
  oneOf(place, config, "Transformation", ["NONE", "LOAD_AND_FLATTEN"]);
  oneOf(place, config, "ManifestType", ["ATHENA_DATA", "S3_INVENTORY"]);
  oneOf(place, config, "CSVDelimiter", ["COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"]);
  oneOf(place, config, "CSVHeaderLocation", ["FIRST_ROW", "GIVEN"]);
  text(place, config, "ItemsPointer");
  atMostOne(place, config, ["MaxItems", "MaxItemsPath"]);
  count(place, config, "MaxItems", 1, ITEMS_MAX);
  path(place, config, "MaxItemsPath");
  if (config["ManifestType"] === "S3_INVENTORY") {
    if (config["InputType"] !== undefined && config["InputType"] !== "MANIFEST")
      place.report.schema("The field 'InputType' is not supported with the ManifestType S3_INVENTORY", place.location);
  } else if (GET_OBJECT.test(resource) || config["Transformation"] === "LOAD_AND_FLATTEN") {
    required(place, config, "InputType");
  }
  if (config["InputType"] === "CSV") {
    if (required(place, config, "CSVHeaderLocation") && config["CSVHeaderLocation"] === "GIVEN") headers(place, config);
  }
}

function headers(place: Place, config: JsonObject): void {
  if (!required(place, config, "CSVHeaders")) return;
  for (const [i, header] of nonEmptyList(place, config, "CSVHeaders")?.entries() ?? [])
    if (typeof header !== "string")
      place.report.schema("Expected value of type [STRING]", `${place.location}/CSVHeaders[${i}]`);
}

function batcher(place: Place, value: unknown, language: Language): void {
  const fields = part(place, value, "ItemBatcher", [
    "BatchInput",
    "MaxItemsPerBatch",
    "MaxItemsPerBatchPath",
    "MaxInputBytesPerBatch",
    "MaxInputBytesPerBatchPath",
  ]);
  if (fields === undefined) return;
  const at = { ...place, location: `${place.location}/ItemBatcher` };
  atMostOne(at, fields, ["MaxItemsPerBatch", "MaxItemsPerBatchPath"]);
  atMostOne(at, fields, ["MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath"]);
  count(at, fields, "MaxItemsPerBatch", 1, ITEMS_MAX);
  count(at, fields, "MaxInputBytesPerBatch", 1, BATCH_BYTES_MAX);
  path(at, fields, "MaxItemsPerBatchPath");
  path(at, fields, "MaxInputBytesPerBatchPath");
  if (language === "JSONPath") template(at, fields["BatchInput"], `${at.location}/BatchInput`);
  const limits = ["MaxItemsPerBatch", "MaxItemsPerBatchPath", "MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath"];
  if (limits.every((field) => fields[field] === undefined))
    place.report.schema("ItemBatcher must have one of MaxItemsPerBatch and MaxInputBytesPerBatch", at.location);
}

function writer(place: Place, value: unknown, language: Language): void {
  const fields = part(place, value, "ResultWriter", ["Resource", PARAMETERS[language], "WriterConfig"]);
  if (fields === undefined) return;
  const at = { ...place, location: `${place.location}/ResultWriter` };
  const resource = fields["Resource"];
  if (resource === undefined && fields["WriterConfig"] === undefined) required(at, fields, "Resource");
  if (resource !== undefined) {
    if (typeof resource !== "string" || !WRITER_RESOURCE.test(resource))
      place.report.schema(
        "Value should be one of the following: [arn:aws:states:::s3:putObject]",
        `${at.location}/Resource`,
      );
    required(at, fields, PARAMETERS[language]);
  }
  if (language === "JSONPath") template(at, fields["Parameters"], `${at.location}/Parameters`);
  const config = fields["WriterConfig"];
  if (config === undefined) return;
  const known = part(at, config, "WriterConfig", ["Transformation", "OutputType"]);
  if (known === undefined) return;
  const inside = { ...at, location: `${at.location}/WriterConfig` };
  oneOf(inside, known, "Transformation", ["NONE", "COMPACT", "FLATTEN"]);
  oneOf(inside, known, "OutputType", ["JSON", "JSONL"]);
}
