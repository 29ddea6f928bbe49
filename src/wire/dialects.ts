import { bodyOf } from "./body.ts";
import { wrongType, type Dialect } from "./json.ts";
import { Malformed } from "./malformed.ts";
import { bytesOf, dateOf, readBase64, readTimestamp, writeTimestamp } from "./scalar.ts";

/** awsJson 1.0 and 1.1: members by their own names, epoch seconds, base64. */
export const AWS_JSON: Dialect = {
  nameOf: (member) => member.name,
  readBlob(value) {
    if (typeof value === "string") return readBase64(value);
    throw wrongType(value, "a ByteBuffer");
  },
  writeBlob: (value) => bytesOf(value).toString("base64"),
  readTimestamp(value, shape) {
    if (typeof value === "number" || typeof value === "string")
      return readTimestamp(String(value), shape.format ?? "epoch-seconds");
    throw wrongType(value, "a Timestamp");
  },
  writeTimestamp(value, shape) {
    const format = shape.format ?? "epoch-seconds";
    return format === "epoch-seconds" ? dateOf(value).getTime() / 1000 : writeTimestamp(dateOf(value), format);
  },
  writeNumber: (value) => (Number.isFinite(value) ? value : String(value)),
};

/** restJson1 honours jsonName. */
export const REST_JSON: Dialect = { ...AWS_JSON, nameOf: (member) => member.traits.jsonName ?? member.name };

/** rpcv2Cbor has bytes, timestamps and all doubles of its own. */
export const CBOR: Dialect = {
  ...AWS_JSON,
  readBlob(value) {
    if (value instanceof Uint8Array) return value;
    throw wrongType(value, "a ByteBuffer");
  },
  writeBlob: bytesOf,
  readTimestamp(value) {
    const date =
      value instanceof Date ? value : typeof value === "number" ? new Date(Math.round(value * 1000)) : undefined;
    if (date === undefined) throw wrongType(value, "a Timestamp");
    if (Number.isNaN(date.getTime())) throw new Malformed("The timestamp is out of range");
    return date;
  },
  writeTimestamp: dateOf,
  writeNumber: (value) => value,
};

const pascal = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/**
 * The JSON of aws-sdk Task states: PascalCase whatever the service's own spelling, ISO-8601 timestamps, text for blobs.
 * Where bytes are wanted and JSON is given, its text is sent, as Step Functions does with `"Body": {…}`.
 */
export const TASK_JSON: Dialect = {
  ...AWS_JSON,
  nameOf: (member) => pascal(member.name),
  canonical: pascal,
  readBlob(value, shape) {
    const bytes =
      value instanceof Uint8Array
        ? bytesOf(value)
        : Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
    return shape.traits.streaming === 1 ? bodyOf(bytes) : bytes;
  },
  // A stream that was not collected stays what it is: its owner must read it first.
  writeBlob: (value) => (value instanceof Uint8Array ? bytesOf(value).toString() : value),
  writeTimestamp: (value) => dateOf(value).toISOString(),
};
