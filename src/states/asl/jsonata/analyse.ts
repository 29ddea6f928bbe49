/** What can be told about an expression without evaluating it. */
import type { Ast } from "./library.ts";

export type Analysis = {
  /** What stands where only data that an expression has no access to could be meant: a bare name, `$`, `$$`. */
  readonly unanchored: readonly string[];
  /** The fields of `$states` that are read: `input`, `result`, … */
  readonly fields: readonly string[];
  /** Variables that the expression reads and does not bind itself; names of functions among them. */
  readonly variables: readonly string[];
  /** A regular expression that may take very long. */
  readonly slow: boolean;
  /** Has a transform, which writes into what it is given. */
  readonly writes: boolean;
  /** The expression is a variable and names below it, and nothing else. */
  readonly path: readonly string[] | undefined;
};

type Found = {
  readonly unanchored: Set<string>;
  readonly fields: Set<string>;
  readonly reads: Set<string>;
  readonly binds: Set<string>;
  slow: boolean;
  writes: boolean;
};

export function analyse(ast: Ast): Analysis {
  const found: Found = {
    unanchored: new Set(),
    fields: new Set(),
    reads: new Set(),
    binds: new Set(),
    slow: false,
    writes: false,
  };
  walk(found, ast, true);
  return {
    unanchored: [...found.unanchored],
    fields: [...found.fields],
    variables: [...found.reads].filter((name) => name !== "states" && !found.binds.has(name)),
    slow: found.slow,
    writes: found.writes,
    path: plainPath(ast),
  };
}

/** Names that no context gives a meaning to; `top` is whether the node stands where there is no context. */
const SYMBOLS: ReadonlyMap<string, string> = new Map([
  ["wildcard", "*"],
  ["descendant", "**"],
  ["parent", "%"],
]);

function walk(found: Found, node: Ast, top: boolean): void {
  switch (node.type) {
    case "name":
      if (top) found.unanchored.add(String(node.value));
      break;
    case "wildcard":
    case "descendant":
    case "parent":
      if (top) found.unanchored.add(SYMBOLS.get(node.type) ?? node.type);
      break;
    case "variable":
      variable(found, String(node.value), top);
      break;
    case "regex":
      found.slow ||= mayBacktrack(sourceOf(node.value));
      break;
    case "transform":
      found.writes = true;
      break;
    case "bind":
      if (isNode(node["lhs"])) found.binds.add(String(node["lhs"].value));
      if (isNode(node["rhs"])) walk(found, node["rhs"], top);
      return decorations(found, node);
    case "lambda":
      for (const parameter of list(node["arguments"])) if (isNode(parameter)) found.binds.add(String(parameter.value));
      if (isNode(node["body"])) walk(found, node["body"], top);
      return decorations(found, node);
    case "path":
      steps(found, list(node["steps"]).filter(isNode), top);
      return decorations(found, node);
  }
  // Terms of an order, parts of a transform have an item as their context.
  const within = node.type === "sort" || node.type === "transform" ? false : top;
  for (const [key, part] of Object.entries(node)) if (!DECORATIONS.has(key)) parts(found, part, within);
  decorations(found, node);
}

const DECORATIONS: ReadonlySet<string> = new Set(["predicate", "stages", "group", "value", "ancestor", "slot"]);

/** Filters and groupings that hang on a node: they see the items of what it gives. */
function decorations(found: Found, node: Ast): void {
  for (const key of ["predicate", "stages", "group"]) parts(found, node[key], false);
}

function parts(found: Found, part: unknown, top: boolean): void {
  if (Array.isArray(part)) for (const item of part) parts(found, item, top);
  else if (isNode(part)) walk(found, part, top);
  else if (typeof part === "object" && part !== null && !("source" in part)) {
    for (const item of Object.values(part)) if (typeof item === "object") parts(found, item, top);
  }
}

function steps(found: Found, path: readonly Ast[], top: boolean): void {
  const [first, second] = path;
  for (const [i, step] of path.entries()) walk(found, step, top && i === 0);
  if (first?.type === "variable" && first.value === "states" && second?.type === "name") {
    found.fields.add(String(second.value));
  }
}

function variable(found: Found, name: string, top: boolean): void {
  if (name === "$") found.unanchored.add("$$");
  else if (name !== "") found.reads.add(name);
  else if (top) found.unanchored.add("$");
}

/** Of a RegExp, which belongs to the library's realm. */
function sourceOf(value: unknown): string {
  return typeof value === "object" && value !== null && "source" in value ? String(value.source) : "";
}

/** An unbounded repetition: only then a match may take more than linear time. */
function mayBacktrack(source: string): boolean {
  return /[*+]|\{\d+,/.test(source.replaceAll(/\\./g, "").replaceAll(/\[[^\]]*\]/g, "x"));
}

const BARE: ReadonlySet<string> = new Set(["type", "value", "position"]);

function plainPath(ast: Ast): readonly string[] | undefined {
  const path = ast.type === "path" ? list(ast["steps"]).filter(isNode) : [ast];
  if (ast.type === "path" && Object.keys(ast).some((key) => key !== "type" && key !== "steps")) return undefined;
  const bare = path.every(
    (step, i) =>
      step.type === (i === 0 ? "variable" : "name") &&
      step.value !== "" &&
      step.value !== "$" &&
      Object.keys(step).every((key) => BARE.has(key)),
  );
  return bare ? path.map((step) => String(step.value)) : undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isNode(value: unknown): value is Ast {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}
