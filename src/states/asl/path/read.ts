/** Paths compiled to closures: one for each place of a definition where a path stands. */
import { runtime } from "../failure.ts";
import { printJson } from "../json.ts";
import type { Scope } from "../scope.ts";
import { evaluate, type Miss } from "./evaluate.ts";
import { parsePath, type PathSyntax } from "./parse.ts";

/** Reads a path: `data` is what `$` means at this place. */
export type PathReader = (data: unknown, scope: Scope) => { readonly value: unknown } | Miss;

/** Compiles a path; throws PathSyntaxError. */
export function compilePath(text: string): PathReader {
  return readerOf(parsePath(text));
}

export function readerOf(path: PathSyntax): PathReader {
  if (path.root === "") {
    return path.tokens.length === 0 ? (data) => ({ value: data }) : (data) => evaluate(path, data);
  }
  return (data, scope) => evaluate(path, rootOf(path, data, scope));
}

/** The value that `$`, `$$` or `$name` stands for at the beginning of a path. */
function rootOf(path: PathSyntax, data: unknown, scope: Scope): unknown {
  if (path.root === "") return data;
  if (path.root === "$") return scope.context();
  const value = scope.variable(path.root);
  if (value === undefined)
    throw runtime(`The variable '$${path.root}' referenced by the path '${path.text}' has not been assigned a value.`);
  return value;
}

/** The text of what a path looked into, for error sentences: untouched input is quoted as it came, white space included. */
export function rootText(path: PathSyntax, data: unknown, scope: Scope): string {
  return path.root === "" && data === scope.input.value ? scope.input.text : printJson(rootOf(path, data, scope));
}

/** A path that may not branch: where ResultPath may point. Returns its keys and indexes, or undefined. */
export function referenceTokens(path: PathSyntax): readonly (string | number)[] | undefined {
  const steps: (string | number)[] = [];
  for (const token of path.tokens) {
    const step =
      token.kind === "keys" && token.keys.length === 1
        ? token.keys[0]
        : token.kind === "indexes" && token.indexes.length === 1
          ? token.indexes[0]
          : undefined;
    if (step === undefined || (typeof step === "number" && step < 0)) return undefined;
    steps.push(step);
  }
  return steps;
}
