import { Malformed, MOST_DEPTH, put } from "./malformed.ts";

/**
 * CBOR (RFC 8949) as far as rpcv2Cbor uses it: integers, byte and text strings, arrays and maps of definite or
 * indefinite length, tag 1 for timestamps, tags 2 and 3 for big integers, booleans, null, floats of every width.
 */
export function decodeCbor(bytes: Uint8Array): unknown {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (reader.at !== bytes.length) throw new Malformed("The CBOR document is followed by something else");
  return value;
}

const BREAK = Symbol("break");
const MANY_SECONDS = 8.64e12;

class Reader {
  at = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  value(depth: number): unknown {
    const value = this.#item(depth);
    if (value === BREAK) throw new Malformed("The CBOR document breaks off a list that was not begun");
    return value;
  }

  #item(depth: number): unknown {
    if (depth > MOST_DEPTH) throw new Malformed(`The document is nested more than ${MOST_DEPTH} levels deep`);
    const first = this.#bytes[this.#take(1)] ?? 0;
    const major = first >> 5;
    const minor = first & 0x1f;
    if (major === 7) return this.#simple(minor);
    if (minor === 31) return this.#indefinite(major, depth);
    const argument = this.#argument(minor);
    switch (major) {
      case 0:
        return argument;
      case 1:
        return typeof argument === "bigint" ? -1n - argument : -1 - argument;
      case 2:
        return this.#slice(argument);
      case 3:
        return text(this.#slice(argument));
      case 4:
        return this.#list(this.#count(argument), depth);
      case 5:
        return this.#map(this.#count(argument), depth);
      default:
        return this.#tagged(argument, depth);
    }
  }

  #simple(minor: number): unknown {
    switch (minor) {
      case 20:
        return false;
      case 21:
        return true;
      case 22:
      case 23:
        return null;
      case 25:
        return this.#half();
      case 26:
        return this.#view.getFloat32(this.#take(4));
      case 27:
        return this.#view.getFloat64(this.#take(8));
      case 31:
        return BREAK;
      default:
        throw new Malformed(`The CBOR document holds the unknown simple value ${minor}`);
    }
  }

  #half(): number {
    const bits = this.#view.getUint16(this.#take(2));
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    if (exponent === 0) return sign * 2 ** -24 * fraction;
    if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
    return sign * 2 ** (exponent - 25) * (1024 + fraction);
  }

  #argument(minor: number): number | bigint {
    if (minor < 24) return minor;
    if (minor === 24) return this.#view.getUint8(this.#take(1));
    if (minor === 25) return this.#view.getUint16(this.#take(2));
    if (minor === 26) return this.#view.getUint32(this.#take(4));
    if (minor !== 27) throw new Malformed("The CBOR document holds a reserved length");
    const wide = this.#view.getBigUint64(this.#take(8));
    return wide <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(wide) : wide;
  }

  #list(count: number, depth: number): unknown[] {
    const out: unknown[] = [];
    for (let i = 0; i < count; i++) out.push(this.value(depth + 1));
    return out;
  }

  #map(count: number, depth: number): Record<string, unknown> {
    const out: Record<string, unknown> = {};
    for (let i = 0; i < count; i++) put(out, key(this.value(depth + 1)), this.value(depth + 1));
    return out;
  }

  #indefinite(major: number, depth: number): unknown {
    const items: unknown[] = [];
    for (let item = this.#item(depth + 1); item !== BREAK; item = this.#item(depth + 1)) {
      items.push(item);
      if (major === 5) items.push(this.value(depth + 1));
    }
    if (major === 4) return items;
    if (major === 5) {
      const out: Record<string, unknown> = {};
      for (let i = 0; i < items.length; i += 2) put(out, key(items[i]), items[i + 1]);
      return out;
    }
    if (major === 2 && items.every((item) => item instanceof Uint8Array)) return Buffer.concat(items);
    if (major === 3 && items.every((item) => typeof item === "string")) return items.join("");
    throw new Malformed("The CBOR document holds an indefinite value that cannot be one");
  }

  #tagged(tag: number | bigint, depth: number): unknown {
    const value = this.value(depth + 1);
    if (tag === 1) {
      const seconds = Number(value);
      if (!(Math.abs(seconds) <= MANY_SECONDS)) throw new Malformed("The timestamp is out of range");
      return new Date(Math.round(seconds * 1000));
    }
    if ((tag === 2 || tag === 3) && value instanceof Uint8Array && value.length <= 1024) {
      const big = BigInt(`0x0${Buffer.from(value).toString("hex")}`);
      return tag === 2 ? big : -1n - big;
    }
    return value;
  }

  /** Every element takes a byte at least, so a count beyond what is left is a lie, refused before anything is made for it. */
  #count(argument: number | bigint): number {
    if (argument > this.#bytes.length - this.at) throw new Malformed("The CBOR document ends too early");
    return Number(argument);
  }

  #slice(length: number | bigint): Uint8Array {
    const from = this.#take(this.#count(length));
    return this.#bytes.subarray(from, this.at);
  }

  #take(count: number): number {
    const from = this.at;
    if (from + count > this.#bytes.length) throw new Malformed("The CBOR document ends too early");
    this.at = from + count;
    return from;
  }
}

function key(value: unknown): string {
  if (typeof value !== "string") throw new Malformed("A key in the CBOR document is not text");
  return value;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
function text(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new Malformed("A text in the CBOR document is not UTF-8");
  }
}

/** Members that are undefined are left out; Dates become tag 1. */
export function encodeCbor(value: unknown): Buffer {
  const writer = new Writer();
  writer.value(value);
  return writer.bytes();
}

class Writer {
  #buffer = Buffer.allocUnsafe(1024);
  #at = 0;

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  value(value: unknown): void {
    if (value === null || value === undefined) this.#byte(0xf6);
    else if (typeof value === "string") this.#text(value);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "boolean") this.#byte(value ? 0xf5 : 0xf4);
    else if (typeof value === "bigint") this.#number(Number(value));
    else if (value instanceof Date) {
      this.#byte(0xc1);
      this.#number(value.getTime() / 1000);
    } else if (value instanceof Uint8Array) {
      this.#head(2, value.length);
      this.#room(value.length);
      this.#buffer.set(value, this.#at);
      this.#at += value.length;
    } else if (Array.isArray(value)) {
      this.#head(4, value.length);
      for (const each of value) this.value(each);
    } else {
      const entries = Object.entries(value).filter(([, each]) => each !== undefined);
      this.#head(5, entries.length);
      for (const [name, each] of entries) {
        this.#text(name);
        this.value(each);
      }
    }
  }

  #text(text: string): void {
    const length = Buffer.byteLength(text);
    this.#head(3, length);
    this.#room(length);
    this.#at += this.#buffer.write(text, this.#at);
  }

  #number(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
      if (value >= 0) this.#head(0, value);
      else this.#head(1, -1 - value);
      return;
    }
    this.#byte(0xfb);
    this.#room(8);
    this.#at = this.#buffer.writeDoubleBE(value, this.#at);
  }

  #head(major: number, argument: number): void {
    this.#room(9);
    const first = major << 5;
    if (argument < 24) this.#at = this.#buffer.writeUInt8(first | argument, this.#at);
    else if (argument < 0x100)
      this.#at = this.#buffer.writeUInt8(argument, this.#buffer.writeUInt8(first | 24, this.#at));
    else if (argument < 0x10000)
      this.#at = this.#buffer.writeUInt16BE(argument, this.#buffer.writeUInt8(first | 25, this.#at));
    else if (argument < 0x100000000)
      this.#at = this.#buffer.writeUInt32BE(argument, this.#buffer.writeUInt8(first | 26, this.#at));
    else this.#at = this.#buffer.writeBigUInt64BE(BigInt(argument), this.#buffer.writeUInt8(first | 27, this.#at));
  }

  #byte(byte: number): void {
    this.#room(1);
    this.#at = this.#buffer.writeUInt8(byte, this.#at);
  }

  #room(count: number): void {
    if (this.#at + count <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + count));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}
