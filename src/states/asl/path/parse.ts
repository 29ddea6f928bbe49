/**
 * The grammar of paths as Jayway's JsonPath reads them: `$`, `$$` (the context object) or `$name` (a variable), then
 * `.key`, `['key','other']`, `[0]`, `[0,2]`, `[1:3]`, `.*`, `[*]`, `..`, `[?(filter)]`, and a trailing function `.length()`.
 */
import { parseJson } from "../json.ts";
import { parseFilter, type Filter } from "./filter.ts";

export type PathToken =
  | { readonly kind: "keys"; readonly keys: readonly string[] }
  | { readonly kind: "indexes"; readonly indexes: readonly number[] }
  | { readonly kind: "slice"; readonly from: number | undefined; readonly to: number | undefined }
  | { readonly kind: "wildcard" }
  | { readonly kind: "descend" }
  | { readonly kind: "filter"; readonly filter: Filter }
  | { readonly kind: "function"; readonly name: string; readonly given: readonly Given[] };

/** An argument of a path function: a literal, or a path from the same root. */
export type Given = { readonly value: unknown } | { readonly path: PathSyntax };

export type PathSyntax = {
  /** As written. */
  readonly text: string;
  /** "" is the state's data, "$" the context object, anything else a variable's name. */
  readonly root: string;
  readonly tokens: readonly PathToken[];
  /** False if it may find any number of values and therefore gives an array. */
  readonly definite: boolean;
};

export class PathSyntaxError extends Error {
  override readonly name = "PathSyntaxError";
}

/** The functions of Jayway's JsonPath. */
const PATH_FUNCTIONS: ReadonlySet<string> = new Set([
  "length",
  "size",
  "min",
  "max",
  "avg",
  "sum",
  "stddev",
  "keys",
  "first",
  "last",
  "index",
  "concat",
  "append",
]);

const VARIABLE = /\$(\$|[\p{ID_Start}_][\p{ID_Continue}]*)?/uy;
const NAME = /[^.[\]()\s'"]+/uy;

/** Reads a whole path; throws PathSyntaxError. */
export function parsePath(text: string): PathSyntax {
  const [path, end] = readPath(text, 0);
  if (end !== text.length) throw new PathSyntaxError(`Unexpected text at character ${end} of '${text}'`);
  return path;
}

/** Reads the path that begins at `start` and returns where it ends; filters and intrinsics contain paths. */
export function readPath(text: string, start: number): [PathSyntax, number] {
  VARIABLE.lastIndex = start;
  const head = VARIABLE.exec(text);
  if (head === null) throw new PathSyntaxError("A path must begin with '$'");
  const tokens: PathToken[] = [];
  const at = readTokens(text, VARIABLE.lastIndex, tokens);
  return [
    {
      text: text.slice(start, at),
      root: head[1] ?? "",
      tokens,
      definite: tokens.every((token, i) => isDefinite(token, i === tokens.length - 1)),
    },
    at,
  ];
}

/** Reads tokens until something else comes; also used for `@.a.b` in filters. */
export function readTokens(text: string, start: number, tokens: PathToken[]): number {
  let at = start;
  while (at < text.length) {
    if (text.startsWith("..", at)) {
      tokens.push({ kind: "descend" });
      at += 2;
      if (at >= text.length) throw new PathSyntaxError("Path must not end with a '.' or '..'");
      if (text[at] !== "[") at = readName(text, at, tokens);
    } else if (text[at] === ".") {
      // Jayway reads `$.['a']` as `$['a']`.
      at = text[at + 1] === "[" ? at + 1 : readName(text, at + 1, tokens);
    } else if (text[at] === "[") {
      at = readBracket(text, at + 1, tokens);
    } else {
      break;
    }
  }
  return at;
}

/** Several keys at the end of a path make one object of them, as Jayway does. */
function isDefinite(token: PathToken, last: boolean): boolean {
  if (token.kind === "keys") return token.keys.length === 1 || last;
  if (token.kind === "indexes") return token.indexes.length === 1;
  return token.kind === "function";
}

function readName(text: string, at: number, tokens: PathToken[]): number {
  if (text[at] === "*") {
    tokens.push({ kind: "wildcard" });
    return at + 1;
  }
  NAME.lastIndex = at;
  // A comma or an operator ends a path within an intrinsic call or a filter only where white space or a bracket does not.
  const name = NAME.exec(text)?.[0].replace(/(?:[,=<>!&|~].*)$/su, "") ?? "";
  if (name === "") throw new PathSyntaxError("Path must not end with a '.' or '..'");
  const end = at + name.length;
  if (text[end] === "(") {
    if (!PATH_FUNCTIONS.has(name)) throw new PathSyntaxError(`Function with name: ${name} does not exist.`);
    const [given, after] = readArguments(text, end + 1);
    tokens.push({ kind: "function", name, given });
    return after;
  }
  tokens.push({ kind: "keys", keys: [name] });
  return end;
}

/** From after `(` to after `)`. */
function readArguments(text: string, start: number): [readonly Given[], number] {
  const given: Given[] = [];
  let at = skip(text, start);
  while (text[at] !== ")") {
    if (text[at] === "$") {
      const [path, end] = readPath(text, at);
      if (path.root !== "") throw new PathSyntaxError("A path function's argument must be a path of the same root");
      given.push({ path });
      at = end;
    } else {
      const [value, end] = readLiteral(text, at);
      given.push({ value });
      at = end;
    }
    at = skip(text, at);
    if (text[at] === ",") at = skip(text, at + 1);
    else if (text[at] !== ")") throw new PathSyntaxError("Arguments to function are not closed");
  }
  return [given, at + 1];
}

/** A quoted text, a number, true, false or null. */
export function readLiteral(text: string, at: number): [unknown, number] {
  if (text[at] === "'" || text[at] === '"') return readQuoted(text, at);
  const literal = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
  literal.lastIndex = at;
  const found = literal.exec(text)?.[0];
  if (found === undefined) throw new PathSyntaxError(`Expected a value at character ${at}`);
  return [parseJson(found), literal.lastIndex];
}

function readBracket(text: string, start: number, tokens: PathToken[]): number {
  let at = skip(text, start);
  if (text[at] === "?") {
    at = skip(text, at + 1);
    if (text[at] !== "(") throw new PathSyntaxError("Expected '(' after '?'");
    const [filter, end] = parseFilter(text, at + 1);
    tokens.push({ kind: "filter", filter });
    at = end;
  } else if (text[at] === "*") {
    tokens.push({ kind: "wildcard" });
    at += 1;
  } else if (text[at] === "'" || text[at] === '"') {
    const keys: string[] = [];
    for (;;) {
      const [key, end] = readQuoted(text, at);
      keys.push(key);
      at = skip(text, end);
      if (text[at] !== ",") break;
      at = skip(text, at + 1);
    }
    tokens.push({ kind: "keys", keys });
  } else {
    const close = text.indexOf("]", at);
    if (close < 0) throw new PathSyntaxError(`Could not parse token starting at position ${start}`);
    tokens.push(numbersToken(text.slice(at, close).trim()));
    at = close;
  }
  at = skip(text, at);
  if (text[at] !== "]") throw new PathSyntaxError(`Could not parse token starting at position ${start}`);
  return at + 1;
}

function numbersToken(inside: string): PathToken {
  // Jayway takes a third part, the step, and does not look at it.
  const slice = /^(-?\d+)?\s*:\s*(-?\d+)?\s*(?::\s*(?:-?\d+)?)?$/.exec(inside);
  if (slice !== null) {
    const edge = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));
    return { kind: "slice", from: edge(slice[1]), to: edge(slice[2]) };
  }
  if (!/^-?\d+(\s*,\s*-?\d+)*$/.test(inside)) throw new PathSyntaxError(`Could not parse token '[${inside}]'`);
  return { kind: "indexes", indexes: inside.split(",").map(Number) };
}

const ESCAPES: { readonly [letter: string]: string } = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/** A quoted text with backslash escapes, from its opening quote; returns the character after the closing one. */
export function readQuoted(text: string, at: number): [string, number] {
  const quote = text[at];
  let value = "";
  for (let i = at + 1; i < text.length; i += 1) {
    const character = text[i] ?? "";
    if (character === "\\") {
      i += 1;
      const escaped = text[i] ?? "";
      const code = escaped === "u" ? /^[0-9a-fA-F]{4}/.exec(text.slice(i + 1))?.[0] : undefined;
      value += code === undefined ? (ESCAPES[escaped] ?? escaped) : String.fromCharCode(parseInt(code, 16));
      i += code?.length ?? 0;
    } else if (character === quote) {
      return [value, i + 1];
    } else {
      value += character;
    }
  }
  throw new PathSyntaxError("Property has not been closed - missing closing quote");
}

export function skip(text: string, at: number): number {
  let next = at;
  while (text[next] === " " || text[next] === "\t" || text[next] === "\n" || text[next] === "\r") next += 1;
  return next;
}
