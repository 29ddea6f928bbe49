import type { Constraint, Model, RawTraits, Reference, StructRow, Traits } from "./model.ts";

/** A shape of the model with its references resolved; what codecs are compiled from. */
export type Shape = SimpleShape | TimestampShape | ListShape | MapShape | StructShape;
export type SimpleShape = {
  readonly kind: "string" | "integer" | "long" | "number" | "boolean" | "blob" | "bigint" | "decimal" | "document";
  readonly name: string;
  readonly traits: Traits;
};
export type TimestampFormat = "date-time" | "http-date" | "epoch-seconds";
export type TimestampShape = {
  readonly kind: "timestamp";
  readonly name: string;
  readonly traits: Traits;
  /** Absent where the protocol and the place decide. */
  readonly format: TimestampFormat | undefined;
};
export type ListShape = {
  readonly kind: "list";
  readonly name: string;
  readonly traits: Traits;
  readonly item: Member;
};
export type MapShape = {
  readonly kind: "map";
  readonly name: string;
  readonly traits: Traits;
  readonly key: Member;
  readonly value: Member;
};
export type StructShape = {
  readonly kind: "struct" | "union";
  readonly name: string;
  readonly traits: Traits;
  readonly members: readonly Member[];
};
/** A named slot of a structure, list or map. `traits` are the shape's overlaid with the slot's `own`. */
export type Member = {
  readonly name: string;
  readonly required: boolean;
  readonly own: Traits;
  readonly traits: Traits;
  readonly shape: Shape;
  readonly constraint: Constraint | undefined;
};
export type Operation = {
  readonly name: string;
  readonly traits: Traits;
  readonly errors: readonly string[];
  /** Resolved on first use. */
  readonly input: StructShape;
  readonly output: StructShape;
  /** The model says that there is no output at all, which is not the same as an empty structure. */
  readonly unit: boolean;
};

const NO_TRAITS: Traits = {};
const UNIT: StructShape = { kind: "struct", name: "Unit", traits: NO_TRAITS, members: [] };
const BITS = [
  "httpLabel",
  "idempotent",
  "idempotencyToken",
  "sensitive",
  "httpPayload",
  "httpResponseCode",
  "httpQueryParams",
] as const;

/** The numbers are those of the clients' schemas; 3 and 8 are the generator's own. */
const SCALARS: ReadonlyMap<number, Shape> = new Map<number, Shape>([
  [0, { kind: "string", name: "String", traits: NO_TRAITS }],
  [1, { kind: "number", name: "Double", traits: NO_TRAITS }],
  [2, { kind: "boolean", name: "Boolean", traits: NO_TRAITS }],
  [3, { kind: "integer", name: "Integer", traits: NO_TRAITS }],
  [4, { kind: "timestamp", name: "Timestamp", traits: NO_TRAITS, format: undefined }],
  [5, { kind: "timestamp", name: "Timestamp", traits: NO_TRAITS, format: "date-time" }],
  [6, { kind: "timestamp", name: "Timestamp", traits: NO_TRAITS, format: "http-date" }],
  [7, { kind: "timestamp", name: "Timestamp", traits: NO_TRAITS, format: "epoch-seconds" }],
  [8, { kind: "long", name: "Long", traits: NO_TRAITS }],
  [15, { kind: "document", name: "Document", traits: NO_TRAITS }],
  [17, { kind: "bigint", name: "BigInteger", traits: NO_TRAITS }],
  [19, { kind: "decimal", name: "BigDecimal", traits: NO_TRAITS }],
  [21, { kind: "blob", name: "Blob", traits: NO_TRAITS }],
  [42, { kind: "blob", name: "StreamingBlob", traits: { streaming: 1 } }],
]);

export type Shapes = {
  readonly operations: ReadonlyMap<string, Operation>;
  /** A structure or error by name. */
  struct(name: string): StructShape;
};

/** Resolves a model's references, each shape once, when something first asks for it. */
export function shapesOf(model: Model): Shapes {
  const resolver = new Resolver(model);
  const operations = new Map<string, Operation>();
  for (const [name, [traits, input, output, errors]] of Object.entries(model.operations)) {
    operations.set(name, {
      name,
      traits: traitsOf(traits),
      errors,
      get input() {
        return resolver.struct(input);
      },
      get output() {
        return resolver.struct(output);
      },
      unit: output === "unit",
    });
  }
  return { operations, struct: (name) => resolver.struct(name) };
}

class Resolver {
  readonly #model: Model;
  readonly #named = new Map<string, Shape>();
  constructor(model: Model) {
    this.#model = model;
  }

  struct(reference: Reference): StructShape {
    if (typeof reference !== "string" || reference === "unit") return UNIT;
    const shape = this.#resolve(reference);
    return shape.kind === "struct" || shape.kind === "union" ? shape : UNIT;
  }

  #resolve(reference: Reference): Shape {
    if (typeof reference === "number") return this.#scalar(reference);
    if (typeof reference !== "string") return this.#resolve(reference[0]);
    return this.#named.get(reference) ?? this.#build(reference);
  }

  #build(name: string): Shape {
    const row = this.#model.shapes[name];
    if (row === undefined) throw new Error(`the model of ${this.#model.service.name} has no shape ${name}`);
    const traits = traitsOf(row[1]);
    // Lists, maps and structures are known by name before what they hold is resolved: shapes may be recursive.
    const unresolved = undefined as unknown as Member;
    if (row[0] === 0) {
      const base = this.#resolve(row[2]);
      const shape = { ...base, name, traits: { ...base.traits, ...traits } };
      this.#named.set(name, shape);
      return shape;
    }
    if (row[0] === 1) {
      const shape = { kind: "list" as const, name, traits, item: unresolved };
      this.#named.set(name, shape);
      shape.item = this.#slot("member", row[2]);
      return shape;
    }
    if (row[0] === 2) {
      const shape = { kind: "map" as const, name, traits, key: unresolved, value: unresolved };
      this.#named.set(name, shape);
      shape.key = this.#slot("key", row[2]);
      shape.value = this.#slot("value", row[3]);
      return shape;
    }
    return this.#structure(name, row, traits);
  }

  #structure(name: string, row: StructRow, traits: Traits): StructShape {
    const members: Member[] = [];
    const shape: StructShape = { kind: row[0] === 4 ? "union" : "struct", name, traits, members };
    this.#named.set(name, shape);
    const [, , names, references, required, constraints = {}] = row;
    for (const [at, reference] of references.entries()) {
      const member = names[at] ?? "";
      const index = constraints[member];
      const constraint = index === undefined ? undefined : this.#model.constraints[index];
      members.push(this.#slot(member, reference, at < required, constraint));
    }
    return shape;
  }

  #scalar(number: number): Shape {
    const found = SCALARS.get(number);
    if (found !== undefined) return found;
    const item = number & 0x3f;
    if (number >= 128) {
      return {
        kind: "map",
        name: "Map",
        traits: NO_TRAITS,
        key: this.#slot("key", 0),
        value: this.#slot("value", item),
      };
    }
    if (number >= 64) return { kind: "list", name: "List", traits: NO_TRAITS, item: this.#slot("member", item) };
    throw new Error(`unknown scalar ${number}`);
  }

  #slot(name: string, reference: Reference, required = true, constraint?: Constraint): Member {
    let own = NO_TRAITS;
    let bare = reference;
    while (typeof bare === "object") {
      own = { ...traitsOf(bare[1]), ...own };
      bare = bare[0];
    }
    const shape = this.#resolve(bare);
    return { name, required, own, traits: { ...shape.traits, ...own }, shape, constraint };
  }
}

const traitsOfBits = new Map<number, Traits>();
function traitsOf(raw: RawTraits): Traits {
  if (typeof raw === "object") return raw;
  let traits = traitsOfBits.get(raw);
  if (traits === undefined) {
    traits = Object.fromEntries(BITS.flatMap((bit, at) => ((raw >> at) & 1 ? [[bit, 1]] : [])));
    traitsOfBits.set(raw, traits);
  }
  return traits;
}
