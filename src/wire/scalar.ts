import { Malformed } from "./malformed.ts";
import type { Traits } from "./model.ts";
import type { Shape, TimestampFormat } from "./shape.ts";

/** A scalar as text: in headers, labels, query strings, XML and forms. */
export type TextCodec = { readonly read: (text: string) => unknown; readonly write: (value: unknown) => string };

export function textCodec(shape: Shape, traits: Traits, timestamps: TimestampFormat, inHeader = false): TextCodec {
  switch (shape.kind) {
    case "string":
      return inHeader && traits.mediaType !== undefined ? BASE64_TEXT : PLAIN;
    case "integer":
      return { read: (text) => readInteger(text, 2 ** 31, "an Integer"), write: String };
    case "long":
      return { read: (text) => readInteger(text, 2 ** 63, "a Long"), write: String };
    case "number":
      return { read: readNumber, write: String };
    case "boolean":
      return { read: readBoolean, write: String };
    case "blob":
      return { read: readBase64, write: (value) => bytesOf(value).toString("base64") };
    case "bigint":
      return { read: (text) => BigInt(readInteger(text, Infinity, "a BigInteger") && text.trim()), write: String };
    case "decimal":
      return PLAIN;
    case "timestamp": {
      const format = shape.format ?? timestamps;
      return { read: (text) => readTimestamp(text, format), write: (value) => writeTimestamp(dateOf(value), format) };
    }
    default:
      throw new Error(`${shape.name} is not a scalar`);
  }
}

export const isScalar = (shape: Shape): boolean =>
  shape.kind !== "struct" &&
  shape.kind !== "union" &&
  shape.kind !== "list" &&
  shape.kind !== "map" &&
  shape.kind !== "document";

const PLAIN: TextCodec = { read: (text) => text, write: String };
const BASE64_TEXT: TextCodec = {
  read: (text) => Buffer.from(text, "base64").toString(),
  write: (value) => Buffer.from(String(value)).toString("base64"),
};

function readInteger(text: string, beyond: number, wanted: string): number {
  const trimmed = text.trim();
  const value = Number(trimmed);
  if (!/^[+-]?\d+$/.test(trimmed) || value >= beyond || value < -beyond)
    throw new Malformed(`'${quote(text)}' can not be converted to ${wanted}`);
  return value;
}

function readNumber(text: string): number {
  const trimmed = text.trim();
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(trimmed)) return Number(trimmed);
  if (trimmed === "NaN" || trimmed === "Infinity" || trimmed === "-Infinity") return Number(trimmed);
  throw new Malformed(`'${quote(text)}' can not be converted to a Double`);
}

function readBoolean(text: string): boolean {
  const lower = text.trim().toLowerCase();
  if (lower === "true") return true;
  if (lower === "false") return false;
  throw new Malformed(`'${quote(text)}' can not be converted to a Boolean`);
}

/** Base64 with or without padding; anything else would be dropped silently by Buffer. */
export function readBase64(text: string): Buffer {
  if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(text)) throw new Malformed("The value is not base64");
  return Buffer.from(text, "base64");
}

const quote = (text: string): string => (text.length > 100 ? `${text.slice(0, 100)}…` : text);

export function readTimestamp(text: string, format: TimestampFormat): Date {
  const trimmed = text.trim();
  // Clients send the form that the place asks for; AWS takes the others too, as they cannot be mistaken for each other.
  const date = /^-?\d+(?:\.\d+)?(?:[eE]\+?\d+)?$/.test(trimmed)
    ? new Date(Math.round(Number(trimmed) * 1000))
    : new Date(trimmed);
  if (trimmed === "" || Number.isNaN(date.getTime()))
    throw new Malformed(`'${quote(text)}' can not be converted to a timestamp (${format})`);
  return date;
}

/** Milliseconds are written only where there are any, except by S3, which always writes them. */
export function writeTimestamp(date: Date, format: TimestampFormat): string {
  if (format === "http-date") return date.toUTCString();
  if (format === "date-time") return date.toISOString().replace(".000Z", "Z");
  return String(date.getTime() / 1000);
}

/** Handlers give Dates; a number is milliseconds. */
export function dateOf(value: unknown): Date {
  const date = value instanceof Date ? value : new Date(value as number);
  if (Number.isNaN(date.getTime())) throw new Error(`${String(value)} is not a timestamp`);
  return date;
}

export function bytesOf(value: unknown): Buffer {
  if (Buffer.isBuffer(value)) return value;
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return Buffer.from(String(value));
}
