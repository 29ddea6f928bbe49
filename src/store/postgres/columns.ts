/** Parameters as the driver sends them: single values, and whole columns of values as one array. */
import { encoded } from "./nul.ts";
import type { Value } from "../store.ts";

/** A column of values, and its elements' type if they travel in PostgreSQL's binary form. */
export type Column = { readonly type: string; readonly values: readonly Value[] };
export type Parameter = Value | Column;

const OIDS: Readonly<Record<string, number>> = { text: 25, bigint: 20, bytea: 17 };
const HEADER_BYTES = 20;

export function sentOf(parameter: Parameter): string | Buffer | null {
  if (parameter === null || parameter === undefined) return null;
  if (typeof parameter === "string") return encoded(parameter);
  if (typeof parameter !== "object") return String(parameter);
  if (parameter instanceof Uint8Array) return bytesOf(parameter);
  return arrayOf(parameter);
}

/** The types whose columns can be sent. */
export function isSendable(type: string): boolean {
  return type in OIDS;
}

function bytesOf(value: Uint8Array): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

/** PostgreSQL's binary form of a one-dimensional array: nothing has to be escaped here, or parsed there. */
function arrayOf({ type, values }: Column): Buffer {
  const elements = values.map((value) => elementOf(type, value));
  let size = HEADER_BYTES;
  for (const element of elements) size += 4 + sizeOf(element);
  const buffer = Buffer.allocUnsafe(size);
  buffer.writeInt32BE(1, 0);
  buffer.writeInt32BE(elements.includes(null) ? 1 : 0, 4);
  buffer.writeInt32BE(OIDS[type] ?? 0, 8);
  buffer.writeInt32BE(elements.length, 12);
  buffer.writeInt32BE(1, 16);
  let at = HEADER_BYTES;
  for (const element of elements) {
    if (element === null) {
      at = buffer.writeInt32BE(-1, at);
      continue;
    }
    const length =
      typeof element === "string"
        ? buffer.write(element, at + 4)
        : typeof element === "number"
          ? writeWhole(buffer, element, at + 4)
          : element.copy(buffer, at + 4);
    buffer.writeInt32BE(length, at);
    at += 4 + length;
  }
  return buffer;
}

type Element = string | number | Buffer | null;

function elementOf(type: string, value: Value): Element {
  if (value === null || value === undefined) return null;
  if (type === "bigint") {
    if (typeof value === "number" && Number.isSafeInteger(value)) return value;
    // Throws for a fraction, which PostgreSQL refuses too.
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeBigInt64BE(BigInt(typeof value === "object" ? Number.NaN : value));
    return bytes;
  }
  if (value instanceof Uint8Array) return bytesOf(value);
  return encoded(String(value));
}
function sizeOf(element: Element): number {
  if (element === null) return 0;
  if (typeof element === "string") return Buffer.byteLength(element);
  return typeof element === "number" ? 8 : element.length;
}

/** A whole number in 64 bits, without the detour by way of a BigInt. */
function writeWhole(buffer: Buffer, value: number, at: number): number {
  const high = Math.floor(value / 2 ** 32);
  buffer.writeInt32BE(high, at);
  buffer.writeUInt32BE(value - high * 2 ** 32, at + 4);
  return 8;
}
