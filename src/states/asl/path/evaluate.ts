/** What a path finds. Two families of callers put the misses into AWS's words; see the two kinds of miss below. */
import { runtime } from "../failure.ts";
import { isObject, numberOf, printJson } from "../json.ts";
import { pathFunction } from "./functions.ts";
import type { PathSyntax, PathToken } from "./parse.ts";

/** Why a definite path found nothing, in the words of Jayway's JsonPath. */
export type Miss = { readonly miss: string };

/** A bound on what `..` and wildcards may multiply to. */
const FOUND_MAX = 250_000;

/** All values that the tokens find, in document order. */
export function select(tokens: readonly PathToken[], start: unknown, root: unknown): unknown[] {
  let found: unknown[] = [start];
  for (const [i, token] of tokens.entries()) {
    const next: unknown[] = [];
    if (token.kind === "function") next.push(...applyFunction(token, found, root));
    // A scan comes to every object by itself: it tests none a second time as the item of its array.
    else if (token.kind === "filter" && tokens[i - 1]?.kind === "descend")
      next.push(...found.filter((value) => isObject(value) && token.filter(value, root)));
    else for (const value of found) step(token, value, root, next, i === tokens.length - 1);
    if (next.length > FOUND_MAX) throw runtime("The path finds too many values.");
    found = next;
  }
  return found;
}

/** The value of a path, or why a definite path has none. An indefinite path gives an array, perhaps an empty one. */
export function evaluate(path: PathSyntax, start: unknown): { readonly value: unknown } | Miss {
  if (!path.definite) {
    const found = select(path.tokens, start, start);
    // A function at the end of an indefinite path makes one value of what was found.
    return { value: path.tokens.at(-1)?.kind === "function" ? found[0] : found };
  }
  let value = start;
  let at = "$";
  for (const [i, token] of path.tokens.entries()) {
    const found: unknown[] = [];
    if (token.kind === "function") found.push(...applyFunction(token, [value], start));
    else step(token, value, start, found, true);
    if (found.length === 0) return { miss: missAt(path, i, token, value, at) };
    value = found[0];
    at += tokenText(token);
  }
  return { value };
}

function missAt(path: PathSyntax, index: number, token: PathToken, value: unknown, at: string): string {
  if (token.kind === "keys") {
    if (!isObject(value))
      return (
        `Expected to find an object with property ${tokenText(token)} in path ${at} but found '${javaName(value)}'. ` +
        "This is not a json object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonNodeJsonProvider'."
      );
    if (index < path.tokens.length - 1) return `Missing property in path ${at}${tokenText(token)}`;
  } else if (token.kind === "indexes" && value === null) {
    return `The path ${at} is null`;
  } else if (token.kind === "indexes" && !Array.isArray(value)) {
    return `Filter: ${tokenText(token)} can only be applied to arrays. Current context is: ${printJson(value)}`;
  }
  return `No results for path: ${["$", ...path.tokens.map(tokenText)].join("")}`;
}

/** The class of a value as Java knows it: Jackson's provider hands out unwrapped scalars. */
function javaName(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "com.fasterxml.jackson.databind.node.ArrayNode";
  if (typeof value === "string") return "java.lang.String";
  if (typeof value === "boolean") return "java.lang.Boolean";
  const number = numberOf(value) ?? 0;
  if (!/^-?\d+$/.test(printJson(value))) return "java.lang.Double";
  return Math.abs(number) < 2 ** 31 ? "java.lang.Integer" : "java.lang.Long";
}

/** `['a']`, `[0]`: the normal form that Jayway's messages use. */
function tokenText(token: PathToken): string {
  if (token.kind === "keys") return `[${token.keys.map((key) => `'${key}'`).join(",")}]`;
  if (token.kind === "indexes") return `[${token.indexes.join(",")}]`;
  if (token.kind === "slice") return `[${token.from ?? ""}:${token.to ?? ""}]`;
  if (token.kind === "function") return `.${token.name}()`;
  return token.kind === "wildcard" ? "[*]" : token.kind === "descend" ? ".." : "[?]";
}

function applyFunction(
  token: Extract<PathToken, { kind: "function" }>,
  found: readonly unknown[],
  root: unknown,
): readonly unknown[] {
  const given = token.given.map((argument) => {
    if (!("path" in argument)) return argument.value;
    const read = evaluate(argument.path, root);
    return "miss" in read ? undefined : read.value;
  });
  return pathFunction(token.name, found.length === 1 ? found[0] : found, given);
}

function step(
  token: Exclude<PathToken, { kind: "function" }>,
  value: unknown,
  root: unknown,
  out: unknown[],
  last: boolean,
): void {
  switch (token.kind) {
    case "keys":
      selectKeys(token.keys, value, out, last);
      return;
    case "indexes":
      if (!Array.isArray(value)) return;
      for (const index of token.indexes) {
        const at = index < 0 ? value.length + index : index;
        if (at >= 0 && at < value.length) out.push(value[at]);
      }
      return;
    case "slice":
      if (Array.isArray(value)) out.push(...(value.slice(token.from ?? 0, token.to) as unknown[]));
      return;
    case "wildcard":
      out.push(...children(value));
      return;
    case "descend":
      descend(value, out);
      return;
    case "filter":
      // An object under a filter is tested itself; an array's items are tested one by one.
      for (const item of Array.isArray(value) ? (value as unknown[]) : isObject(value) ? [value] : []) {
        if (token.filter(item, root)) out.push(item);
      }
  }
}

function selectKeys(keys: readonly string[], value: unknown, out: unknown[], last: boolean): void {
  if (!isObject(value)) return;
  if (keys.length === 1) {
    const key = keys[0] ?? "";
    if (Object.hasOwn(value, key)) out.push(value[key]);
    return;
  }
  const present = keys.filter((key) => Object.hasOwn(value, key));
  // Several keys at the end pick a smaller object; before the end each of them is followed.
  if (last) out.push(Object.fromEntries(present.map((key) => [key, value[key]])));
  else for (const key of present) out.push(value[key]);
}

function children(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : isObject(value) ? Object.values(value) : [];
}

function descend(value: unknown, out: unknown[]): void {
  const waiting = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next !== "object" || next === null) continue;
    if (isObject(next) || Array.isArray(next)) out.push(next);
    waiting.push(...[...children(next)].reverse());
  }
}
