import { Malformed, MOST_DEPTH, put } from "./malformed.ts";
import type { ListShape, MapShape, Member, Shape, TimestampShape } from "./shape.ts";

/** A shape's two closures. `read` throws Malformed; `depth` is how deep in the document its value lies. */
export type TreeCodec = { read: (value: unknown, depth: number) => unknown; write: (value: unknown) => unknown };

/** What documents made of objects, lists and scalars disagree on: JSON, CBOR, and JSON as aws-sdk Task states write it. */
export type Dialect = {
  /** A member's name in documents read, and in documents written. */
  readonly nameOf: (member: Member) => string;
  /** Replaces looking a member up by `nameOf`; unknown members are refused then. */
  readonly canonical?: (name: string) => string;
  readonly readBlob: (value: unknown, member: Shape) => unknown;
  readonly writeBlob: (value: unknown) => unknown;
  readonly readTimestamp: (value: unknown, shape: TimestampShape) => Date;
  readonly writeTimestamp: (value: unknown, shape: TimestampShape) => unknown;
  /** JSON has no NaN and no infinities: they travel as text. */
  readonly writeNumber: (value: number) => unknown;
};
export type TreeCompiler = {
  (shape: Shape): TreeCodec;
  /** A structure of some of a shape's members: the ones that travel in the body. */
  readonly members: (members: readonly Member[]) => TreeCodec;
};

/** Compiles each shape once. */
export function treeCompiler(dialect: Dialect): TreeCompiler {
  const compiled = new Map<Shape, TreeCodec>();
  const compile = (shape: Shape): TreeCodec => {
    let codec = compiled.get(shape);
    if (codec === undefined) {
      codec = { read: unfinished, write: unfinished };
      compiled.set(shape, codec); // before its members: shapes may be recursive
      Object.assign(codec, build(shape));
    }
    return codec;
  };
  const build = (shape: Shape): TreeCodec => {
    switch (shape.kind) {
      case "struct":
      case "union":
        return structure(shape.members, dialect, compile);
      case "list":
        return list(shape, compile);
      case "map":
        return map(shape, compile);
      case "blob":
        return { read: (value) => dialect.readBlob(value, shape), write: dialect.writeBlob };
      case "timestamp":
        return {
          read: (value) => dialect.readTimestamp(value, shape),
          write: (value) => dialect.writeTimestamp(value, shape),
        };
      case "document":
        return { read: readDocument, write: (value) => value };
      default:
        return simple(shape.kind, dialect);
    }
  };
  return Object.assign(compile, {
    members: (members: readonly Member[]) => structure(members, dialect, compile),
  });
}

type Compile = (shape: Shape) => TreeCodec;

function structure(members: readonly Member[], dialect: Dialect, compile: Compile): TreeCodec {
  const slots = members.map((member) => ({
    name: member.name,
    wire: dialect.nameOf(member),
    codec: compile(member.shape),
  }));
  const { canonical } = dialect;
  const byName = canonical && new Map(slots.map((slot) => [canonical(slot.name), slot]));
  const read = (value: unknown, depth: number): unknown => {
    const source = recordOf(value, depth);
    const out: Record<string, unknown> = {};
    for (const { name, wire, codec } of slots) {
      const each = source[wire];
      if (each !== undefined && each !== null) out[name] = codec.read(each, depth + 1);
    }
    return out;
  };
  const readLoosely = (value: unknown, depth: number): unknown => {
    const out: Record<string, unknown> = {};
    for (const [name, each] of Object.entries(recordOf(value, depth))) {
      const slot = byName?.get(canonical?.(name) ?? name);
      if (slot === undefined) throw new Malformed(`The field '${name}' is not supported`);
      if (each !== null) out[slot.name] = slot.codec.read(each, depth + 1);
    }
    return out;
  };
  return {
    read: byName === undefined ? read : readLoosely,
    write(value) {
      const source = value as Readonly<Record<string, unknown>>;
      const out: Record<string, unknown> = {};
      for (const { name, wire, codec } of slots) {
        const each = source[name];
        if (each !== undefined && each !== null) out[wire] = codec.write(each);
      }
      return out;
    },
  };
}

function list(shape: ListShape, compile: Compile): TreeCodec {
  const item = compile(shape.item.shape);
  const sparse = shape.traits.sparse === 1;
  return {
    read(value, depth) {
      if (!Array.isArray(value)) throw wrongType(value, "list");
      if (depth > MOST_DEPTH) throw tooDeep();
      const out: unknown[] = [];
      for (const each of value as readonly unknown[]) {
        if (each !== null && each !== undefined) out.push(item.read(each, depth + 1));
        else if (sparse) out.push(null);
      }
      return out;
    },
    write: (value) => (value as readonly unknown[]).map((each) => (each === null ? null : item.write(each))),
  };
}

function map(shape: MapShape, compile: Compile): TreeCodec {
  const item = compile(shape.value.shape);
  const sparse = shape.traits.sparse === 1;
  const convert = (source: Readonly<Record<string, unknown>>, each: (value: unknown) => unknown): unknown => {
    const out: Record<string, unknown> = {};
    for (const key of Object.keys(source)) {
      const value = source[key];
      if (value !== null && value !== undefined) put(out, key, each(value));
      else if (sparse) put(out, key, null);
    }
    return out;
  };
  return {
    read: (value, depth) => convert(recordOf(value, depth), (each) => item.read(each, depth + 1)),
    write: (value) => convert(value as Readonly<Record<string, unknown>>, (each) => item.write(each)),
  };
}

const WANTED = {
  string: "a String",
  integer: "an Integer",
  long: "a Long",
  number: "a Double",
  boolean: "a Boolean",
  bigint: "a BigInteger",
  decimal: "a BigDecimal",
} as const;

function simple(kind: keyof typeof WANTED, dialect: Dialect): TreeCodec {
  const wanted = WANTED[kind];
  const same = (type: "string" | "boolean"): TreeCodec["read"] => {
    return (value) => {
      if (typeof value === type) return value;
      throw wrongType(value, wanted);
    };
  };
  switch (kind) {
    case "string":
      return { read: same("string"), write: (value) => value };
    case "boolean":
      return { read: same("boolean"), write: (value) => value };
    case "integer":
    case "long": {
      const beyond = kind === "integer" ? 2 ** 31 : 2 ** 63;
      return {
        read(value) {
          const number = typeof value === "bigint" ? Number(value) : value;
          if (typeof number === "number" && Number.isInteger(number) && number < beyond && number >= -beyond)
            return number;
          throw wrongType(value, wanted);
        },
        write: (value) => value,
      };
    }
    case "number":
      return {
        read(value) {
          if (typeof value === "number") return value;
          if (typeof value === "bigint") return Number(value);
          if (value === "NaN" || value === "Infinity" || value === "-Infinity") return Number(value);
          throw wrongType(value, wanted);
        },
        write: (value) => dialect.writeNumber(value as number),
      };
    case "bigint":
      return {
        read(value) {
          if (typeof value === "bigint") return value;
          if (typeof value === "number" && Number.isInteger(value)) return BigInt(value);
          throw wrongType(value, wanted);
        },
        write: (value) => Number(value),
      };
    case "decimal":
      return {
        read(value) {
          if (typeof value === "number" || typeof value === "string") return String(value);
          throw wrongType(value, wanted);
        },
        write: (value) => Number(value),
      };
  }
}

/** A document is any JSON; only its depth is looked at. */
function readDocument(value: unknown, depth: number): unknown {
  if (depth > MOST_DEPTH) throw tooDeep();
  if (Array.isArray(value)) for (const each of value) readDocument(each, depth + 1);
  else if (typeof value === "object" && value !== null)
    for (const each of Object.values(value)) readDocument(each, depth + 1);
  return value;
}

function recordOf(value: unknown, depth: number): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrongType(value, "map");
  if (depth > MOST_DEPTH) throw tooDeep();
  return value as Readonly<Record<string, unknown>>;
}

const tooDeep = (): Malformed => new Malformed(`The document is nested more than ${MOST_DEPTH} levels deep`);
const unfinished = (): never => {
  throw new Error("used before it was compiled");
};

/** AWS's sentences: "NUMBER_VALUE can not be converted to a String", "Start of structure or map found where not expected." */
export function wrongType(value: unknown, wanted: string): Malformed {
  if (wanted === "list" || wanted === "map") return new Malformed(`Expected ${wanted} or null`);
  if (Array.isArray(value)) return new Malformed("Start of list found where not expected");
  if (typeof value === "object") return new Malformed("Start of structure or map found where not expected.");
  const token =
    typeof value === "boolean"
      ? `${value ? "TRUE" : "FALSE"}_VALUE`
      : typeof value === "string"
        ? "STRING_VALUE"
        : "NUMBER_VALUE";
  return new Malformed(`${token} can not be converted to ${wanted}`);
}
