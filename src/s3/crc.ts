/**
 * CRC-32C and CRC-64/NVME, sixteen bytes a step. Both are reflected CRCs, so one WebAssembly function serves both,
 * each with its own tables; plain JavaScript has no 64-bit integers that are fast enough for the body of an object.
 */
export type Crc = { readonly width: 32 | 64; readonly polynomial: bigint };
export const CRC32: Crc = { width: 32, polynomial: 0xedb88320n };
export const CRC32C: Crc = { width: 32, polynomial: 0x82f63b78n };
export const CRC64NVME: Crc = { width: 64, polynomial: 0x9a6c9329ac4bc9b5n };

const SLICES = 16;
const TABLE_BYTES = SLICES * 256 * 8;
const BUFFER_AT = 2 * TABLE_BYTES;
const BUFFER_BYTES = 65_536;
const PAGES = (BUFFER_AT + BUFFER_BYTES) / 65_536;

/** What is used of the WebAssembly that every JavaScript engine has; its types come with the DOM's, which are not loaded. */
declare const WebAssembly: {
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

type Engine = {
  readonly memory: Uint8Array;
  readonly crc: (state: bigint, table: number, at: number, end: number) => bigint;
  readonly tables: Map<Crc, number>;
};
let engine: Engine | undefined;

/** Goes on with a CRC of which `state` is what the last call answered (0n at the start). */
export function crcUpdate(crc: Crc, state: bigint, bytes: Uint8Array): bigint {
  engine ??= startEngine();
  const table = engine.tables.get(crc) ?? addTable(engine, crc);
  const ones = (1n << BigInt(crc.width)) - 1n;
  let register = state ^ ones;
  for (let at = 0; at < bytes.length; at += BUFFER_BYTES) {
    const piece = bytes.subarray(at, at + BUFFER_BYTES);
    engine.memory.set(piece, BUFFER_AT);
    register = BigInt.asUintN(64, engine.crc(register, table, BUFFER_AT, BUFFER_AT + piece.length));
  }
  return register ^ ones;
}

/** The CRC of A followed by B, from the CRCs of both and the length of B. */
export function crcCombine(crc: Crc, first: bigint, second: bigint, secondBytes: number): bigint {
  return multiply(crc, shift(crc, secondBytes), first) ^ second;
}

const shifts = new Map<string, bigint>();
/** x^(8·bytes) modulo the polynomial. Parts of an upload share a length, so the last few are kept. */
function shift(crc: Crc, bytes: number): bigint {
  const name = `${crc.polynomial}/${bytes}`;
  const known = shifts.get(name);
  if (known !== undefined) return known;
  let product = 1n << BigInt(crc.width - 1);
  let power = 1n << BigInt(crc.width - 2);
  for (let exponent = BigInt(bytes) * 8n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) product = multiply(crc, power, product);
    power = multiply(crc, power, power);
  }
  if (shifts.size >= 64) shifts.clear();
  shifts.set(name, product);
  return product;
}

/** The product of two polynomials modulo the CRC's, the highest bit being x^0 as reflected CRCs have it. */
function multiply(crc: Crc, a: bigint, b: bigint): bigint {
  let product = 0n;
  for (let bit = 1n << BigInt(crc.width - 1); bit > 0n; bit >>= 1n) {
    if (a & bit) product ^= b;
    b = b & 1n ? (b >> 1n) ^ crc.polynomial : b >> 1n;
  }
  return product;
}

function addTable(to: Engine, crc: Crc): number {
  const at = to.tables.size * TABLE_BYTES;
  const view = new DataView(to.memory.buffer, at, TABLE_BYTES);
  const first: bigint[] = [];
  for (let byte = 0n; byte < 256n; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1n ? (value >> 1n) ^ crc.polynomial : value >> 1n;
    first.push(value);
  }
  let slice = first;
  for (let number = 0; number < SLICES; number++) {
    for (const [index, value] of slice.entries()) view.setBigUint64((number * 256 + index) * 8, value, true);
    slice = slice.map((value) => (value >> 8n) ^ (first[Number(value & 255n)] ?? 0n));
  }
  to.tables.set(crc, at);
  return at;
}

function startEngine(): Engine {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(assemble()));
  const { memory, crc } = instance.exports as { memory: { buffer: ArrayBuffer }; crc: Engine["crc"] };
  return { memory: new Uint8Array(memory.buffer), crc, tables: new Map() };
}

/** The module: `crc(state: i64, table: i32, at: i32, end: i32): i64`, and its memory. */
function assemble(): Uint8Array<ArrayBuffer> {
  const [state, table, at, end, low, high] = [0, 1, 2, 3, 4, 5];
  const get = (local: number) => [0x20, local];
  const set = (local: number) => [0x21, local];
  const load64 = (offset: number) => [0x29, 0, ...unsigned(offset)];
  /** The entry of `slice` for byte `byte` of a local: table + (local >> 8·byte & 255) · 8. */
  const lookup = (slice: number, local: number, byte: number) => [
    ...[...get(local), 0x42, ...signed(8 * byte), 0x88, 0xa7, 0x41, ...signed(255), 0x71],
    ...[0x41, 3, 0x74, ...get(table), 0x6a, ...load64(slice * 2048)],
  ];
  const lookups: number[] = [];
  for (let byte = 0; byte < 8; byte++) {
    lookups.push(...lookup(15 - byte, low, byte), ...(byte > 0 ? [0x85] : []));
  }
  for (let byte = 0; byte < 8; byte++) lookups.push(...lookup(7 - byte, high, byte), 0x85);
  const step = (bytes: number) => [...get(at), 0x41, bytes, 0x6a, ...set(at)];
  const body = [
    // While sixteen bytes are left.
    ...[0x02, 0x40, 0x03, 0x40, ...get(at), 0x41, 16, 0x6a, ...get(end), 0x4b, 0x0d, 1],
    ...[...get(at), ...load64(0), ...get(state), 0x85, ...set(low), ...get(at), ...load64(8), ...set(high)],
    ...[...lookups, ...set(state), ...step(16), 0x0c, 0, 0x0b, 0x0b],
    // Then byte by byte.
    ...[0x02, 0x40, 0x03, 0x40, ...get(at), ...get(end), 0x4f, 0x0d, 1],
    ...[...get(at), 0x31, 0, 0, ...get(state), 0x85, ...set(low)],
    ...[...lookup(0, low, 0), ...get(state), 0x42, 8, 0x88, 0x85, ...set(state), ...step(1), 0x0c, 0, 0x0b, 0x0b],
    ...[...get(state), 0x0b],
  ];
  const code = [1, 2, 0x7e, ...body];
  const text = (word: string) => [word.length, ...Buffer.from(word)];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 4, 0x7e, 0x7f, 0x7f, 0x7f, 1, 0x7e]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, PAGES]),
    ...section(7, [2, ...text("memory"), 2, 0, ...text("crc"), 0, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ]);
}
function section(id: number, bytes: readonly number[]): number[] {
  return [id, ...unsigned(bytes.length), ...bytes];
}
function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}
function signed(value: number): number[] {
  return value < 64 ? [value] : [(value & 127) | 128, ...signed(value >> 7)];
}
