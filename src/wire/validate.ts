import type { Constraint } from "./model.ts";
import type { ListShape, MapShape, Member, Shape, StructShape } from "./shape.ts";

/** One constraint that a value does not satisfy. */
export type Violation = {
  /** The top-level member under which it lies. */
  readonly member: Member;
  readonly kind: "null" | "enum" | "other";
  /** `Value 'x' at 'tags.1.member.key' failed to satisfy constraint: Member must …` */
  readonly sentence: string;
};
export type Validator = (value: unknown) => readonly Violation[];

/** Compiles an input's constraints into a closure; the structures within are compiled once for all operations. */
export function validatorCompiler(): (shape: StructShape) => Validator {
  const structures = new Map<StructShape, StructCheck>();
  return (shape) => {
    const check = structureCheck(shape, structures);
    return (value) => {
      const found: Violation[] = [];
      check.run(value, undefined, found, undefined);
      return found;
    };
  };
}

/** `1 validation error detected: …`, or how many there are. */
export function sentenceOf(violations: readonly Violation[]): string {
  const count = violations.length;
  return `${count} validation error${count === 1 ? "" : "s"} detected: ${violations.map((each) => each.sentence).join("; ")}`;
}

/** Where a value lies, spelt only when something is wrong with it. */
type Path = { readonly parent: Path | undefined; readonly segment: string };
type Check = (value: unknown, path: Path, found: Violation[], top: Member) => void;
type StructCheck = {
  run: (value: unknown, path: Path | undefined, found: Violation[], top: Member | undefined) => void;
};
type Structures = Map<StructShape, StructCheck>;

function structureCheck(shape: StructShape, structures: Structures): StructCheck {
  const known = structures.get(shape);
  if (known !== undefined) return known;
  const check: StructCheck = { run: () => undefined };
  structures.set(shape, check); // before its members: shapes may be recursive
  const slots = shape.members
    .map((member) => ({
      member,
      segment: lowerCamel(member.name),
      check: checkOf(member.shape, member.constraint, sensitive(member), structures),
    }))
    .filter(({ member, check: each }) => member.required || each !== undefined);
  check.run = (value, path, found, top) => {
    const source = value as Readonly<Record<string, unknown>>;
    for (const slot of slots) {
      const each = source[slot.member.name];
      if (each === undefined || each === null) {
        if (slot.member.required && shape.kind === "struct") {
          report(
            found,
            top ?? slot.member,
            "null",
            "Value null",
            { parent: path, segment: slot.segment },
            "Member must not be null",
          );
        }
      } else if (slot.check !== undefined)
        slot.check(each, { parent: path, segment: slot.segment }, found, top ?? slot.member);
    }
  };
  return check;
}

function checkOf(
  shape: Shape,
  constraint: Constraint | undefined,
  secret: boolean,
  structures: Structures,
): Check | undefined {
  switch (shape.kind) {
    case "struct":
    case "union": {
      const check = structureCheck(shape, structures);
      return (value, path, found, top) => check.run(value, path, found, top);
    }
    case "list":
      return listCheck(shape, constraint, secret, structures);
    case "map":
      return mapCheck(shape, constraint, secret, structures);
    case "blob":
      if (shape.traits.streaming === 1) return undefined;
      return rulesCheck(rulesOf(shape, constraint), secret);
    default:
      return rulesCheck(rulesOf(shape, constraint), secret);
  }
}

type Rule = {
  readonly sentence: string;
  readonly kind: Violation["kind"];
  readonly holds: (value: unknown) => boolean;
};

function rulesCheck(rules: readonly Rule[], secret: boolean): Check | undefined {
  if (rules.length === 0) return undefined;
  return (value, path, found, top) => {
    for (const rule of rules) {
      if (!rule.holds(value))
        report(found, top, rule.kind, secret ? "Value" : `Value '${textOf(value)}'`, path, rule.sentence);
    }
  };
}

/** What is wrong with an item of scalars AWS says of the whole list; structures have places of their own. */
function listCheck(
  shape: ListShape,
  constraint: Constraint | undefined,
  secret: boolean,
  structures: Structures,
): Check | undefined {
  const own = rulesCheck(rulesOf(shape, constraint), secret);
  const item = shape.item.shape;
  if (!isComposite(item)) {
    const items = rulesOf(item, constraint?.i);
    const sentence = `Member must satisfy constraint: [${items.map((rule) => rule.sentence).join(", ")}]`;
    return both(
      own,
      allHold(items, sentence, secret, (value) => value as readonly unknown[]),
    );
  }
  const each = checkOf(item, constraint?.i, secret, structures);
  if (each === undefined) return own;
  return both(own, (value, path, found, top) => {
    for (const [at, one] of (value as readonly unknown[]).entries()) {
      if (one !== null) each(one, { parent: path, segment: `${at + 1}.member` }, found, top);
    }
  });
}

function mapCheck(
  shape: MapShape,
  constraint: Constraint | undefined,
  secret: boolean,
  structures: Structures,
): Check | undefined {
  const sentence = (of: string, rules: readonly Rule[]): string =>
    `${of} must satisfy constraint: [${rules.map((rule) => rule.sentence).join(", ")}]`;
  const keyRules = rulesOf(shape.key.shape, constraint?.k);
  const keys = allHold(keyRules, sentence("Map keys", keyRules), secret, (value) => Object.keys(value as object));
  const own = both(rulesCheck(rulesOf(shape, constraint), secret), keys);
  const item = shape.value.shape;
  if (!isComposite(item)) {
    const rules = rulesOf(item, constraint?.v);
    return both(
      own,
      allHold(rules, sentence("Map value", rules), secret, (value) => Object.values(value as object)),
    );
  }
  const each = checkOf(item, constraint?.v, secret, structures);
  if (each === undefined) return own;
  return both(own, (value, path, found, top) => {
    for (const [key, one] of Object.entries(value as object)) {
      if (one !== null) each(one, { parent: path, segment: `${key}.member` }, found, top);
    }
  });
}

function both(first: Check | undefined, second: Check | undefined): Check | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  return (value, path, found, top) => {
    first(value, path, found, top);
    second(value, path, found, top);
  };
}

function allHold(
  rules: readonly Rule[],
  sentence: string,
  secret: boolean,
  parts: (value: unknown) => readonly unknown[],
): Check | undefined {
  if (rules.length === 0) return undefined;
  const kind = rules.some((rule) => rule.kind === "enum") ? "enum" : "other";
  return (value, path, found, top) => {
    const hold = parts(value).every((part) => part === null || rules.every((rule) => rule.holds(part)));
    if (!hold) report(found, top, kind, secret ? "Value" : `Value '${textOf(value)}'`, path, sentence);
  };
}

function rulesOf(shape: Shape, constraint: Constraint | undefined): readonly Rule[] {
  if (constraint === undefined) return [];
  const { n: least, x: most, p: pattern, q: matched = pattern, e: values } = constraint;
  const rules: Rule[] = [];
  const isNumber = shape.kind === "integer" || shape.kind === "long" || shape.kind === "number";
  const size = isNumber ? (value: unknown): number => Number(value) : sizeOf;
  const what = isNumber ? "have value" : "have length";
  if (most !== undefined)
    rules.push(rule(`Member must ${what} less than or equal to ${most}`, (value) => size(value) <= most));
  if (least !== undefined)
    rules.push(rule(`Member must ${what} greater than or equal to ${least}`, (value) => size(value) >= least));
  if (pattern !== undefined && matched !== undefined && shape.kind === "string") {
    const matches = patternOf(matched, most);
    rules.push(rule(`Member must satisfy regular expression pattern: ${pattern}`, matches));
  }
  if (values !== undefined && shape.kind === "string") {
    const known: ReadonlySet<unknown> = new Set(values);
    rules.push({
      sentence: `Member must satisfy enum value set: [${values.join(", ")}]`,
      kind: "enum",
      holds: (value) => known.has(value),
    });
  }
  return rules;
}

const rule = (sentence: string, holds: Rule["holds"]): Rule => ({ sentence, kind: "other", holds });

function sizeOf(value: unknown): number {
  if (typeof value === "string" || Array.isArray(value) || value instanceof Uint8Array) return value.length;
  return typeof value === "object" && value !== null ? Object.keys(value).length : 0;
}

const LONGEST_MATCHED = 2048;

/**
 * The whole value must match. The models' expressions are not all linear in time, so a value that is over its greatest
 * length (which is a violation already) or long without a limit is not matched, unless the expression is one repeated
 * character class.
 */
function patternOf(pattern: string, most: number | undefined): Rule["holds"] {
  const linear = /^\^?(?:\[(?:[^\]\\]|\\.)+\]|\\?.)[*+]\$?$/.test(pattern);
  const limit = linear ? Infinity : Math.min(most ?? LONGEST_MATCHED, LONGEST_MATCHED);
  let expression: RegExp | undefined;
  return (value) => {
    const text = String(value);
    if (text.length > limit) return true;
    expression ??= compile(pattern);
    return expression.test(text);
  };
}

/** scripts/model.ts keeps only patterns that one of the two compiles. */
function compile(pattern: string): RegExp {
  try {
    return new RegExp(`^(?:${pattern})$`, "u");
  } catch {
    return new RegExp(`^(?:${pattern})$`);
  }
}

const isComposite = (shape: Shape): boolean =>
  shape.kind === "struct" || shape.kind === "union" || shape.kind === "list" || shape.kind === "map";

/** "Value at 'password' failed to …": what is secret is not repeated. */
const sensitive = (member: Member): boolean => member.traits.sensitive === 1;

function report(
  found: Violation[],
  member: Member,
  kind: Violation["kind"],
  value: string,
  path: Path,
  sentence: string,
): void {
  let place = path.segment;
  for (let up = path.parent; up !== undefined; up = up.parent) place = `${up.segment}.${place}`;
  found.push({ member, kind, sentence: `${value} at '${place}' failed to satisfy constraint: ${sentence}` });
}

const LONGEST_QUOTED = 2048;

/** Values as Java prints them: `[a, b]`, `{key=value}`. */
function textOf(value: unknown): string {
  const text = printed(value, 0);
  return text.length > LONGEST_QUOTED ? `${text.slice(0, LONGEST_QUOTED)}...` : text;
}

function printed(value: unknown, depth: number): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "string") return value;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return `java.nio.HeapByteBuffer[pos=0 lim=${value.length} cap=${value.length}]`;
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return `${value}`;
  if (typeof value !== "object") return "";
  if (depth > 4) return "...";
  if (Array.isArray(value))
    return `[${value
      .slice(0, 100)
      .map((each) => printed(each, depth + 1))
      .join(", ")}]`;
  const entries = Object.entries(value).slice(0, 100);
  return `{${entries.map(([key, each]) => `${key}=${printed(each, depth + 1)}`).join(", ")}}`;
}

/** AWS prints `tagKeys` for TagKeys, and `sSEAlgorithm` for SSEAlgorithm. */
function lowerCamel(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}
