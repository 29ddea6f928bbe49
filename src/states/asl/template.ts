/** Payload templates: the keys that end in `.$` are evaluated, at any depth; everything else is as written. */
import { runtime } from "./failure.ts";
import { compileIntrinsic, type Evaluate } from "./intrinsic/compile.ts";
import { looksLikeIntrinsic } from "./intrinsic/parse.ts";
import { isObject, put } from "./json.ts";
import { parsePath } from "./path/parse.ts";
import { readerOf, rootText } from "./path/read.ts";

/** Compiles a template; parts without `.$` keys are shared, not copied. Throws PathSyntaxError. */
export function compileTemplate(template: unknown): Evaluate {
  return compilePart(template) ?? (() => template);
}

/** The value of a `….$` key: a path or an intrinsic call. `field` is named in the error. */
export function compileExpression(text: string, field: string): Evaluate {
  if (looksLikeIntrinsic(text)) return compileIntrinsic(text);
  const path = parsePath(text);
  const read = readerOf(path);
  return (data, scope) => {
    const found = read(data, scope);
    if (!("miss" in found)) return found.value;
    const input = rootText(path, data, scope);
    throw runtime(
      `The JSONPath '${text}' specified for the field '${field}' could not be found in the input '${input}'`,
    );
  };
}

/** Undefined if nothing in it is to be evaluated. */
function compilePart(part: unknown): Evaluate | undefined {
  if (Array.isArray(part)) return compileList(part as unknown[]);
  if (!isObject(part)) return undefined;
  const entries = Object.entries(part).map(([key, value]): readonly [string, Evaluate | undefined, unknown] => {
    if (!key.endsWith(".$")) return [key, compilePart(value), value];
    return [key.slice(0, -2), compileExpression(String(value), key), value];
  });
  if (entries.every(([, evaluate]) => evaluate === undefined)) return undefined;
  return (data, scope) => {
    const made: Record<string, unknown> = {};
    for (const [key, evaluate, value] of entries)
      put(made, key, evaluate === undefined ? value : evaluate(data, scope));
    return made;
  };
}

function compileList(items: readonly unknown[]): Evaluate | undefined {
  const parts = items.map(compilePart);
  if (parts.every((part) => part === undefined)) return undefined;
  return (data, scope) => parts.map((part, i) => (part === undefined ? items[i] : part(data, scope)));
}
