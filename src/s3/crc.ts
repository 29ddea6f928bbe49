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

const OPCODES: Readonly<Record<string, readonly number[]>> = {
  block: [0x02, 0x40],
  loop: [0x03, 0x40],
  end: [0x0b],
  br: [0x0c],
  br_if: [0x0d],
  get: [0x20],
  set: [0x21],
  load64: [0x29, 0],
  load8: [0x31, 0],
  const32: [0x41],
  const64: [0x42],
  above: [0x4b],
  notbelow: [0x4f],
  add: [0x6a],
  and: [0x71],
  shl: [0x74],
  xor: [0x85],
  shr: [0x88],
  wrap: [0xa7],
};

/** The module: `crc(state: i64, table: i32, at: i32, end: i32): i64`, and its memory. Locals 4 and 5 hold sixteen bytes. */
function assemble(): Uint8Array<ArrayBuffer> {
  const [state, table, at, end, low, high] = [0, 1, 2, 3, 4, 5];
  /** The entry of `slice` for a byte of a local: table + (local >> 8·byte & 255) · 8. */
  const lookup = (slice: number, local: number, byte: number) =>
    `get ${local} const64 ${8 * byte} shr wrap const32 255 and const32 3 shl get ${table} add load64 ${slice * 2048}`;
  const bytes = [0, 1, 2, 3, 4, 5, 6, 7];
  const lookups = [
    ...bytes.map((byte) => lookup(15 - byte, low, byte)),
    ...bytes.map((byte) => lookup(7 - byte, high, byte)),
  ];
  const text = `
    block loop get ${at} const32 16 add get ${end} above br_if 1
      get ${at} load64 0 get ${state} xor set ${low} get ${at} load64 8 set ${high}
      ${lookups.join(" ")} ${"xor ".repeat(lookups.length - 1)} set ${state}
      get ${at} const32 16 add set ${at} br 0 end end
    block loop get ${at} get ${end} notbelow br_if 1
      get ${at} load8 0 get ${state} xor set ${low}
      ${lookup(0, low, 0)} get ${state} const64 8 shr xor set ${state}
      get ${at} const32 1 add set ${at} br 0 end end
    get ${state} end`;
  const i32 = 0x7f;
  const i64 = 0x7e;
  const body = [1, 2, i64, ...instructions(text)];
  const name = (word: string) => [word.length, ...Buffer.from(word)];
  const sections = [
    section(1, [1, 0x60, 4, i64, i32, i32, i32, 1, i64]),
    section(3, [1, 0]),
    section(5, [1, 0, PAGES]),
    section(7, [2, ...name("memory"), 2, 0, ...name("crc"), 0, 0]),
    section(10, [1, ...unsigned(body.length), ...body]),
  ];
  return Uint8Array.from([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections.flat()]);
}

function instructions(text: string): number[] {
  let constant = false;
  return text
    .trim()
    .split(/\s+/)
    .flatMap((word) => {
      const opcode = OPCODES[word];
      if (opcode) {
        constant = word.startsWith("const");
        return opcode;
      }
      return constant ? signed(Number(word)) : unsigned(Number(word));
    });
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
