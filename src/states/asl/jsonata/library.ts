/**
 * The reference implementation of JSONata, made synchronous and shut in.
 *
 * jsonata 2.0.6 (the level that AWS runs) evaluates through promises, which a pure transition function cannot wait for;
 * yet nothing in it ever waits for anything but itself. So its source is loaded with `async` and `await` taken out,
 * which changes no result, into a realm of its own where no text can become code. The same place closes what the
 * library leaves open: prototypes can be reached by name, data is changed in a few spots, work and memory are unbounded.
 * The text of the library is pinned; every patch insists on finding what it replaces.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { constants, createContext, Script } from "node:vm";

/** A node of the library's syntax tree, as far as anyone here looks at it. */
export type Ast = { readonly type: string; readonly value?: unknown; readonly [part: string]: unknown };

/** What the library looks variables up in. */
export type Frame = {
  readonly bind: (name: string, value: unknown) => void;
  readonly lookup: (name: unknown) => unknown;
  readonly timestamp: Date;
  readonly async: boolean;
  isParallelCall: boolean;
  readonly global: { readonly ancestry: readonly unknown[] };
};

/** Called by the patched library; each may throw. */
export type Meter = {
  enter(): void;
  leave(result: unknown): void;
  /** So many elements were put into an array. */
  elements(count: number): void;
  /** A function of the library is about to work on these. */
  inputs(values: readonly unknown[]): void;
  /** An array of this size is about to be made. */
  allocate(size: number): void;
  /** A string of this length is about to be made. */
  characters(length: number): void;
  random(): number;
};

export type Library = {
  parse(text: string): Ast;
  evaluate(ast: Ast, input: unknown, frame: Frame): unknown;
  /** Writes `message` into an error that the library threw. */
  explain(error: unknown): void;
  readonly builtins: { readonly lookup: (name: string) => unknown };
  defineFunction(implementation: (...inputs: never[]) => unknown, signature?: string): unknown;
  sequence(items: readonly unknown[]): unknown[];
  fromMillis(milliseconds: number, picture?: string, timezone?: string): string;
  /** Runs the work, and breaks it off after so many milliseconds with an error of the code ERR_SCRIPT_EXECUTION_TIMEOUT. */
  guarded(work: () => unknown, timeoutMs: number): unknown;
};

type Patch = readonly [found: string, replacement: string];

const METERING: readonly Patch[] = [
  ["environment.lookup(Symbol.for('jsonata.__evaluate_entry'))", "__meter.enter"],
  ["environment.lookup(Symbol.for('jsonata.__evaluate_exit'))", "__meter.leave"],
  ["entryCallback(expr, input, environment);", "entryCallback();"],
  ["exitCallback(expr, input, environment, result);", "exitCallback(result);"],
  ["enclosingEnvironment.lookup(Symbol.for('jsonata.__createFrame_push'))", "undefined"],
  [
    "res.forEach(val => resultSequence.push(val));",
    "__meter.elements(res.length); res.forEach(val => resultSequence.push(val));",
  ],
  ["res.forEach(val => result.push(val));", "__meter.elements(res.length); res.forEach(val => result.push(val));"],
  ["flattened.push(arg);", "__meter.elements(1); flattened.push(arg);"],
  ["results.push(input);", "__meter.elements(1); results.push(input);"],
  ["return arg1.concat(arg2);", "__meter.elements(arg1.length + arg2.length); return arg1.concat(arg2);"],
  ["function isDeepEqual(lhs, rhs) {", "function isDeepEqual(lhs, rhs) { __meter.elements(0.25);"],
  ["for(var i = 0; i < rhs.length; i++) {", "__meter.elements(rhs.length / 16); for(var i = 0; i < rhs.length; i++) {"],
  [
    "result = proc.implementation.apply(focus, validatedArgs);",
    "__meter.inputs(validatedArgs); result = proc.implementation.apply(focus, validatedArgs); if (Array.isArray(result)) __meter.elements(result.length);",
  ],
  [
    "var arr = [];\n        for (let char of str) {",
    "__meter.elements(str.length); var arr = [];\n        for (let char of str) {",
  ],
  ["return stringToArray(str).length;", "return __characters(str);"],
  ["result = new Array(size);", "__meter.allocate(size); result = new Array(size);"],
  [
    "var padLength = Math.abs(width) - length(str);",
    "__meter.characters(Math.abs(width)); var padLength = Math.abs(width) - length(str);",
  ],
];

const SAFETY: readonly Patch[] = [
  // Names of fields are never names of what an object inherits.
  ["result = input[key];", "if (Object.prototype.hasOwnProperty.call(input, key)) result = input[key];"],
  ["var bindings = {};", "var bindings = Object.create(null);"],
  ["bindings.hasOwnProperty(name)", "name in bindings"],
  ["var groups = {};", "var groups = Object.create(null);"],
  ["groups.hasOwnProperty(key)", "key in groups"],
  [
    "if(typeof value !== 'undefined') {\n                result[key] = value;",
    "if(typeof value !== 'undefined') {\n                __put(result, key, value);",
  ],
  ["result[prop] = obj[prop];", "__put(result, prop, obj[prop]);"],
  ["match && (match.isPrototypeOf(result) || match instanceof Object.constructor)", "false"],
  // Data is shared: nothing is written into it.
  [
    "if (input.length === 0) {\n            input.push(undefined);",
    "if (input.length === 0) {\n            input = [undefined];",
  ],
  ["resultSequence.keepSingleton = true;", "if (resultSequence.sequence) resultSequence.keepSingleton = true;"],
  // Long lists: no argument for each item, no recursion and no copy for each item.
  ["Math.max.apply(Math, args)", "args.reduce((a, b) => Math.max(a, b))"],
  ["Math.min.apply(Math, args)", "args.reduce((a, b) => Math.min(a, b))"],
  [
    "var merged = [];\n            await merge_iter(merged, l, r);\n            return merged;",
    "return __merge(l, r, comp);",
  ],
];

/** Where the library stumbles over its own data. */
const REPAIRS: readonly Patch[] = [
  [
    "var activePart = subpicture",
    "if (prefix === undefined) throw { code: 'D3086' };\n            var activePart = subpicture",
  ],
];

const OPENING: Patch = [
  "jsonata.parser = parser;",
  "jsonata.inside = { parser, evaluate, populateMessage, staticFrame, defineFunction, createSequence, datetime }; jsonata.RegexEngine = RegExp; jsonata.parser = parser;",
];

/** What the patches call. `__meter` is set by the host. */
const PRELUDE = `
  const __put = (target, key, value) => {
    if (key === "__proto__") Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
    else target[key] = value;
  };
  const __merge = (left, right, swaps) => {
    const merged = [];
    let l = 0, r = 0;
    while (l < left.length && r < right.length) merged.push(swaps(left[l], right[r]) ? right[r++] : left[l++]);
    while (l < left.length) merged.push(left[l++]);
    while (r < right.length) merged.push(right[r++]);
    return merged;
  };
  const __characters = (text) => {
    let count = 0;
    for (let at = 0; at < text.length; at += text.codePointAt(at) > 0xffff ? 2 : 1) count += 1;
    return count;
  };
  Math.random = () => __meter.random();
`;

type Inside = {
  readonly parser: (text: string) => Ast;
  readonly evaluate: Library["evaluate"];
  readonly populateMessage: (error: unknown) => void;
  readonly staticFrame: Library["builtins"];
  readonly defineFunction: Library["defineFunction"];
  readonly createSequence: () => unknown[];
  readonly datetime: { readonly fromMillis: Library["fromMillis"] };
};

/** Loads the library; `meter` is asked all the time. Takes some 10 ms. */
export function loadLibrary(meter: Meter): Library {
  const path = createRequire(import.meta.url).resolve("jsonata");
  // An ordinary global object: names are found at full speed.
  const context = createContext(constants.DONT_CONTEXTIFY, {
    name: "jsonata",
    codeGeneration: { strings: false, wasm: false },
  });
  context["__meter"] = meter;
  const source = `{ ${PRELUDE} const module = { exports: {} }; const exports = module.exports;\n${synchronous(readFileSync(path, "utf8"))}\n; module.exports; }`;
  const jsonata = new Script(source, { filename: path }).runInContext(context) as { readonly inside: Inside };
  const { inside } = jsonata;
  return {
    parse: (text) => inside.parser(text),
    evaluate: (ast, input, frame) => inside.evaluate(ast, input, frame),
    explain: (error) => inside.populateMessage(error),
    builtins: inside.staticFrame,
    defineFunction: (implementation, signature) => inside.defineFunction(implementation, signature),
    sequence: (items) => {
      const made = inside.createSequence();
      for (const item of items) made.push(item);
      return made;
    },
    fromMillis: (milliseconds, picture, timezone) => inside.datetime.fromMillis(milliseconds, picture, timezone),
    guarded: guardedIn(context),
  };
}

/** The source without `async` and `await`, patched. */
function synchronous(source: string): string {
  let text = source;
  for (const [found, replacement] of [...METERING, ...SAFETY, ...REPAIRS, OPENING]) {
    const pieces = text.split(found);
    if (pieces.length < 2) throw new Error(`the jsonata library is not the one that is known: no '${found}'`);
    text = pieces.join(replacement);
  }
  return text
    .replaceAll(/\basync (?=function\b|\()/g, "")
    .replaceAll(/\bawait /g, "")
    .replaceAll("Promise.all(", "(");
}

function guardedIn(context: ReturnType<typeof createContext>): Library["guarded"] {
  let work: () => unknown = () => undefined;
  context["__run"] = (): unknown => work();
  const script = new Script("__run()");
  return (wanted, timeoutMs) => {
    work = wanted;
    return script.runInContext(context, { timeout: timeoutMs }) as unknown;
  };
}
