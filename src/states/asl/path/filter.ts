/** Filters of paths: `[?(@.year == 1997 && @.tags contains 'x' || !(@.name))]`. */
import { runtime } from "../failure.ts";
import { compareNumbers, equalJson, isObject, numberOf, parseJson, printJson } from "../json.ts";
import { select } from "./evaluate.ts";
import { PathSyntaxError, readLiteral, readQuoted, readTokens, skip, type PathToken } from "./parse.ts";

/** Whether an item stands the test; `root` is what `$` means. */
export type Filter = (item: unknown, root: unknown) => boolean;

type Operand = (item: unknown, root: unknown) => unknown;
/** What an operand gives that finds nothing. */
const NOTHING = Symbol("nothing");
type Operator = (left: unknown, right: unknown) => boolean;

/** Parses from after `?(` to after the matching `)`. */
export function parseFilter(text: string, start: number): [Filter, number] {
  const [filter, at] = parseOr(text, start);
  if (text[at] !== ")") throw new PathSyntaxError(`Filter is not closed at character ${at}`);
  return [filter, at + 1];
}

function parseOr(text: string, start: number): [Filter, number] {
  let [left, at] = parseAnd(text, start);
  while (text.startsWith("||", at)) {
    const before = left;
    const [right, end] = parseAnd(text, at + 2);
    left = (item, root) => before(item, root) || right(item, root);
    at = end;
  }
  return [left, at];
}

function parseAnd(text: string, start: number): [Filter, number] {
  let [left, at] = parseTest(text, start);
  while (text.startsWith("&&", at)) {
    const before = left;
    const [right, end] = parseTest(text, at + 2);
    left = (item, root) => before(item, root) && right(item, root);
    at = end;
  }
  return [left, at];
}

function parseTest(text: string, start: number): [Filter, number] {
  let at = skip(text, start);
  if (text[at] === "!" && text[at + 1] !== "=") {
    const [inner, end] = parseTest(text, at + 1);
    return [(item, root) => !inner(item, root), end];
  }
  if (text[at] === "(") {
    const [inner, end] = parseOr(text, at + 1);
    if (text[end] !== ")") throw new PathSyntaxError(`Filter is not closed at character ${end}`);
    return [inner, skip(text, end + 1)];
  }
  const [left, afterLeft] = parseOperand(text, at);
  at = skip(text, afterLeft);
  OPERATOR.lastIndex = at;
  const word = OPERATOR.exec(text)?.[0];
  if (word === undefined) return [(item, root) => left(item, root) !== NOTHING, at];
  const operator = operators[word.trim().toLowerCase()];
  if (operator === undefined) throw new PathSyntaxError(`Filter operator ${word} is not supported!`);
  const [right, end] = parseOperand(text, skip(text, at + word.length));
  return [(item, root) => operator(left(item, root), right(item, root)), skip(text, end)];
}

const OPERATOR = /(?:===|!==|==|=~|!=|<=|>=|<|>|(?:in|nin|subsetof|anyof|noneof|size|empty|contains|all)\b)/iy;

function parseOperand(text: string, at: number): [Operand, number] {
  const first = text[at];
  if (first === "@" || first === "$") {
    const tokens: PathToken[] = [];
    const end = readTokens(text, at + 1, tokens);
    const definite = tokens.every(
      (token) => token.kind === "keys" || token.kind === "indexes" || token.kind === "function",
    );
    const read: Operand = (item, root) => {
      const found = select(tokens, first === "@" ? item : root, root);
      return definite ? (found.length === 0 ? NOTHING : found[0]) : found;
    };
    return [read, end];
  }
  if (first === "/") {
    const [pattern, end] = readPattern(text, at);
    return [() => pattern, end];
  }
  if (first === "[" || first === "{") {
    const end = closingBracket(text, at, first === "[" ? "]" : "}");
    const list = parseList(text.slice(at, end));
    return [() => list, end];
  }
  const [value, end] = readLiteral(text, at);
  return [() => value, end];
}

function readPattern(text: string, at: number): [RegExp, number] {
  let end = at + 1;
  while (end < text.length && text[end] !== "/") end += text[end] === "\\" ? 2 : 1;
  const flags = /[a-z]*/y;
  flags.lastIndex = end + 1;
  const given = flags.exec(text)?.[0] ?? "";
  const source = text.slice(at + 1, end);
  // A repeated group that repeats or chooses within itself, or a back reference, may backtrack without end.
  if (/\([^)]*[*+{|][^)]*\)[*+{]|\\[1-9k]/.test(source)) {
    throw new PathSyntaxError(`The regular expression at character ${at} may backtrack without end`);
  }
  try {
    return [new RegExp(`^(?:${source})$`, given.replace(/[^ims]/g, "")), end + 1 + given.length];
  } catch {
    throw new PathSyntaxError(`The regular expression at character ${at} is not valid`);
  }
}

/** Backtracking may take the length of the text to the power of the pattern's open ends; this many steps are a second. */
const PATTERN_STEPS_MAX = 1e8;

function matchesPattern(pattern: RegExp, text: string): boolean {
  const openEnds = pattern.source.match(/[*+]|\{\d+,\}/g)?.length ?? 0;
  if (text.length ** openEnds > PATTERN_STEPS_MAX)
    throw runtime("The regular expression of the path's filter is too expensive for its text.");
  return pattern.test(text);
}

function closingBracket(text: string, at: number, close: string): number {
  let end = at + 1;
  for (let open = 1; end < text.length;) {
    if (text[end] === text[at]) open += 1;
    else if (text[end] === close && (open -= 1) === 0) break;
    end = text[end] === "'" || text[end] === '"' ? readQuoted(text, end)[1] : end + 1;
  }
  return end + 1;
}

function parseList(text: string): unknown {
  try {
    return parseJson(
      text.replace(/'((?:[^'\\]|\\.)*)'/g, (_, inner: string) => JSON.stringify(inner.replace(/\\(.)/g, "$1"))),
    );
  } catch {
    throw new PathSyntaxError(`Expected a list in the filter, but found ${text}`);
  }
}

const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const includes = (list: unknown, value: unknown): boolean => asList(list).some((item) => equalNodes(value, item));

/** Jayway compares a number with a text by the number that the text is, and a text with a number by its digits. */
function equalNodes(left: unknown, right: unknown): boolean {
  if (typeof left === "string" && numberOf(right) !== undefined) return left === printJson(right);
  if (typeof right === "string" && numberOf(left) !== undefined)
    return right.trim() !== "" && numberOf(left) === Number(right);
  return equalJson(left, right);
}

const equal: Operator = (left, right) => left !== NOTHING && right !== NOTHING && equalNodes(left, right);
const same: Operator = (left, right) => left !== NOTHING && right !== NOTHING && equalJson(left, right);

function ordered(test: (order: number) => boolean): Operator {
  return (left, right) => {
    const numbers = compareNumbers(left, right);
    if (numbers !== undefined) return test(numbers);
    if (typeof left !== "string" || typeof right !== "string") return false;
    return test(left < right ? -1 : left > right ? 1 : 0);
  };
}

function sizeOf(value: unknown): number | undefined {
  return typeof value === "string" || Array.isArray(value) ? value.length : undefined;
}

function isEmpty(value: unknown): boolean | undefined {
  return isObject(value)
    ? Object.keys(value).length === 0
    : sizeOf(value) === undefined
      ? undefined
      : sizeOf(value) === 0;
}

/** What a pattern is held against: texts, numbers and booleans as they print. */
function matchable(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "boolean" || numberOf(value) !== undefined ? printJson(value) : undefined;
}

const matched: Operator = (left, right) => {
  const [pattern, text] = right instanceof RegExp ? [right, matchable(left)] : [left, matchable(right)];
  return pattern instanceof RegExp && text !== undefined && matchesPattern(pattern, text);
};

const operators: { readonly [word: string]: Operator } = {
  "==": equal,
  "===": same,
  "!=": (left, right) => !equal(left, right),
  "!==": (left, right) => !same(left, right),
  "<": ordered((order) => order < 0),
  "<=": ordered((order) => order <= 0),
  ">": ordered((order) => order > 0),
  ">=": ordered((order) => order >= 0),
  "=~": matched,
  in: (left, right) => left !== NOTHING && includes(right, left),
  nin: (left, right) => left !== NOTHING && !includes(right, left),
  contains: (left, right) =>
    typeof left === "string" ? typeof right === "string" && left.includes(right) : includes(left, right),
  all: (left, right) => asList(right).every((item) => includes(left, item)),
  subsetof: (left, right) => Array.isArray(left) && left.every((item) => includes(right, item)),
  anyof: (left, right) => asList(left).some((item) => includes(right, item)),
  noneof: (left, right) => Array.isArray(left) && !left.some((item) => includes(right, item)),
  size: (left, right) => sizeOf(left) !== undefined && sizeOf(left) === numberOf(right),
  empty: (left, right) => isEmpty(left) !== undefined && isEmpty(left) === right,
};
