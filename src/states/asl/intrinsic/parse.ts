/** The grammar of intrinsic calls: `States.Format('{} of {}', $.a, States.ArrayLength($.b))`. */
import { parseJson } from "../json.ts";
import { PathSyntaxError, readPath, skip, type PathSyntax } from "../path/parse.ts";

export type Argument =
  | { readonly kind: "literal"; readonly value: unknown }
  | { readonly kind: "path"; readonly path: PathSyntax }
  | { readonly kind: "call"; readonly call: Call };

export type Call = {
  /** `Format`, without `States.` */
  readonly name: string;
  readonly arguments: readonly Argument[];
  /** As written. */
  readonly text: string;
};

const DEPTH_MAX = 10;
const NAME = /States\.([A-Za-z0-9]+)\s*\(/y;
const LITERAL = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

export function looksLikeIntrinsic(text: string): boolean {
  return text.startsWith("States.");
}

/** Reads a whole call; throws PathSyntaxError. */
export function parseIntrinsic(text: string): Call {
  const [call, end] = readCall(text, 0, 1);
  if (skip(text, end) !== text.length) throw new PathSyntaxError(`Unexpected text at character ${end}`);
  return call;
}

function readCall(text: string, start: number, depth: number): [Call, number] {
  if (depth > DEPTH_MAX) throw new PathSyntaxError(`Intrinsic functions may be nested ${DEPTH_MAX} deep`);
  NAME.lastIndex = start;
  const head = NAME.exec(text);
  if (head === null) throw new PathSyntaxError(`Expected an intrinsic function at character ${start}`);
  const given: Argument[] = [];
  let at = skip(text, NAME.lastIndex);
  while (text[at] !== ")") {
    const [argument, end] = readArgument(text, at, depth);
    given.push(argument);
    at = skip(text, end);
    if (text[at] === ",") {
      at = skip(text, at + 1);
      if (text[at] === ")") throw new PathSyntaxError(`Expected an argument at character ${at}`);
    } else if (text[at] !== ")") {
      throw new PathSyntaxError(`Expected ',' or ')' at character ${at}`);
    }
  }
  return [{ name: head[1] ?? "", arguments: given, text: text.slice(start, at + 1) }, at + 1];
}

function readArgument(text: string, at: number, depth: number): [Argument, number] {
  if (text[at] === "'") {
    const [value, end] = readString(text, at);
    return [{ kind: "literal", value }, end];
  }
  if (text[at] === "$") {
    const [path, end] = readPath(text, at);
    return [{ kind: "path", path }, end];
  }
  if (text.startsWith("States.", at)) {
    const [call, end] = readCall(text, at, depth + 1);
    return [{ kind: "call", call }, end];
  }
  LITERAL.lastIndex = at;
  const literal = LITERAL.exec(text)?.[0];
  if (literal === undefined) throw new PathSyntaxError(`Expected an argument at character ${at}`);
  return [{ kind: "literal", value: parseJson(literal) }, LITERAL.lastIndex];
}

/** `\'` and `\\` are resolved here; `\{` and `\}` stay for States.Format, which tells them from placeholders. */
function readString(text: string, at: number): [string, number] {
  let value = "";
  for (let i = at + 1; i < text.length; i += 1) {
    const character = text[i] ?? "";
    if (character === "\\") {
      const next = text[(i += 1)] ?? "";
      value += next === "'" ? next : `\\${next}`;
    } else if (character === "'") {
      return [value, i + 1];
    } else {
      value += character;
    }
  }
  throw new PathSyntaxError("The string is not closed: missing a single quote");
}

/** What a string argument means outside States.Format's template. */
export function unescape(text: string): string {
  return text.includes("\\") ? text.replace(/\\([\\{}])/g, "$1") : text;
}
