/**
 * Wildcard patterns of policies: `*` stands for any run of characters, `?` for one, `${key}` for a value of the request.
 * No regular expressions: a pattern is an array of character codes, matched in one pass with a single point of return.
 */

/** The request's condition keys, lower-case. Values are worked out only when a policy asks for them. */
export interface Context {
  value(key: string): string | readonly string[] | undefined;
}

/** Answers undefined if the pattern names a variable that the request does not have. */
export type Matcher = (text: string, context: Context) => boolean | undefined;

const STAR = -1;
const ONE = -2;

type Variable = { readonly key: string; readonly fallback: string | undefined };
type Part = number | Variable;

/** Compiles one pattern; `variables` is true in documents of version 2012-10-17. */
export function compilePattern(pattern: string, variables: boolean): Matcher {
  const parts = partsOf(pattern, variables, true);
  if (parts.some((part) => typeof part !== "number")) {
    return (text, context) => {
      const codes = resolve(parts, context);
      return codes && matchesCodes(codes, text);
    };
  }
  return staticMatcher(parts as readonly number[]);
}

/** Compiles text that is compared whole, where `*` and `?` are ordinary; answers a function to the resolved text. */
export function compileText(text: string, variables: boolean): (context: Context) => string | undefined {
  const parts = partsOf(text, variables, false);
  if (parts.every((part) => typeof part === "number")) {
    const plain = String.fromCharCode(...(parts as readonly number[]));
    return () => plain;
  }
  return (context) => {
    const codes = resolve(parts, context);
    return codes && String.fromCharCode(...codes);
  };
}

/** Does `text` match `pattern`, without variables? */
export function matchesPattern(pattern: string, text: string): boolean {
  return matchesCodes(partsOf(pattern, false, true) as readonly number[], text);
}

function staticMatcher(codes: readonly number[]): Matcher {
  const wild = codes.findIndex((code) => code < 0);
  if (wild < 0) {
    const plain = String.fromCharCode(...codes);
    return (text) => text === plain;
  }
  if (wild === codes.length - 1 && codes[wild] === STAR) {
    if (wild === 0) return () => true;
    const prefix = String.fromCharCode(...codes.slice(0, -1));
    return (text) => text.startsWith(prefix);
  }
  return (text) => matchesCodes(codes, text);
}

function partsOf(text: string, variables: boolean, wildcards: boolean): Part[] {
  const parts: Part[] = [];
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    const end = variables && char === "$" && text[at + 1] === "{" ? text.indexOf("}", at) : -1;
    if (end > 0) {
      const name = text.slice(at + 2, end);
      // `${*}`, `${?}` and `${$}` are how a policy writes the three special characters themselves.
      if (name === "*" || name === "?" || name === "$") parts.push(name.charCodeAt(0));
      else parts.push(variableOf(name));
      at = end;
    } else if (wildcards && char === "*") {
      if (parts.at(-1) !== STAR) parts.push(STAR);
    } else if (wildcards && char === "?") parts.push(ONE);
    else parts.push(text.charCodeAt(at));
  }
  return parts;
}

function variableOf(name: string): Variable {
  const comma = name.indexOf(",");
  if (comma < 0) return { key: name.trim().toLowerCase(), fallback: undefined };
  const fallback = name.slice(comma + 1).trim();
  const quoted = fallback.length >= 2 && fallback.startsWith("'") && fallback.endsWith("'");
  return { key: name.slice(0, comma).trim().toLowerCase(), fallback: quoted ? fallback.slice(1, -1) : fallback };
}

function resolve(parts: readonly Part[], context: Context): number[] | undefined {
  const codes: number[] = [];
  for (const part of parts) {
    if (typeof part === "number") {
      codes.push(part);
      continue;
    }
    const known = context.value(part.key);
    // Only single-valued keys can stand in for a variable.
    const value = typeof known === "string" ? known : known?.length === 1 ? known[0] : undefined;
    const text = value ?? part.fallback;
    if (text === undefined) return undefined;
    for (let at = 0; at < text.length; at++) codes.push(text.charCodeAt(at));
  }
  return codes;
}

function matchesCodes(codes: readonly number[], text: string): boolean {
  let at = 0;
  let next = 0;
  let star = -1;
  let resume = 0;
  while (at < text.length) {
    const code = codes[next];
    if (code === STAR) {
      star = next++;
      resume = at;
    } else if (code === ONE) {
      at += width(text, at);
      next++;
    } else if (code === text.charCodeAt(at)) {
      at++;
      next++;
    } else if (star < 0) return false;
    else {
      resume += width(text, resume);
      at = resume;
      next = star + 1;
    }
  }
  while (codes[next] === STAR) next++;
  return next === codes.length;
}

/** A character outside the basic plane is two UTF-16 units, and still one character to `?`. */
function width(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  if (unit < 0xd800 || unit > 0xdbff) return 1;
  const second = text.charCodeAt(at + 1);
  return second >= 0xdc00 && second <= 0xdfff ? 2 : 1;
}
