/** One JSONata expression: parsed once, evaluated many times. */
import { isObject, withDoubles, type Datum } from "../json.ts";
import type { Scope } from "../scope.ts";
import { analyse, type Analysis } from "./analyse.ts";
import { stepFunctions, type Surroundings } from "./functions.ts";
import { loadLibrary, type Ast, type Frame, type Library } from "./library.ts";
import { outOfMemory, tooDeep, tooLong, UncodedError, Usage } from "./meter.ts";
import { settled, UnsupportedResult } from "./result.ts";

/** What an expression can see: the state's scope, and the result or the error where there is one. */
export type Sight = { readonly scope: Scope; readonly result?: Datum; readonly errorOutput?: Datum };

export type Expression = {
  /** As it stands in the definition, without the marks and the blanks around it. */
  readonly text: string;
  readonly analysis: Analysis;
  /** The value as JSON has it, or undefined where there is none; throws EvaluationProblem. */
  evaluate(sight: Sight): unknown;
};

/** Why an evaluation gave nothing, as the end of AWS's sentence. */
export class EvaluationProblem extends Error {
  override readonly name = "EvaluationProblem";
}

/** Why a text is not an expression, in the words of the library. */
export class InvalidExpression extends Error {
  override readonly name = "InvalidExpression";
}

/** Regular expressions are the one thing whose work cannot be counted. */
const REGEX_TIMEOUT_MS = 1000;
const PARSED_MAX = 5000;

const usage = new Usage();
let loaded: { readonly library: Library; readonly functions: ReadonlyMap<string, unknown> } | undefined;
let surroundings: Surroundings = { now: 0, random: Math.random, uuid: () => "" };
const parsed = new Map<string, Expression>();

/** Parses an expression; throws InvalidExpression. */
export function parseExpression(text: string): Expression {
  let expression = parsed.get(text);
  if (expression === undefined) {
    expression = compile(text);
    if (parsed.size >= PARSED_MAX) parsed.clear();
    parsed.set(text, expression);
  }
  return expression;
}

/** Names of all functions, so that they are not taken for variables. */
export function isFunctionName(name: string): boolean {
  const { library, functions } = load();
  return functions.has(name) || library.builtins.lookup(name) !== undefined;
}

function load(): NonNullable<typeof loaded> {
  if (loaded === undefined) {
    const library = loadLibrary(usage);
    loaded = { library, functions: stepFunctions(library, usage, () => surroundings) };
  }
  return loaded;
}

function compile(text: string): Expression {
  const { library } = load();
  let ast: Ast;
  try {
    ast = library.parse(text);
  } catch (error) {
    library.explain(error);
    throw new InvalidExpression(messageOf(error));
  }
  const analysis = analyse(ast);
  const { path } = analysis;
  const full = (sight: Sight): unknown => evaluate(ast, analysis, sight);
  // A name that is a function's too is the library's business.
  if (path === undefined || isFunctionName(path[0] ?? "")) return { text, analysis, evaluate: full };
  return { text, analysis, evaluate: (sight) => follow(path, sight, full) };
}

/** A plain path is followed without the library, and passes values on as they are, numbers beyond doubles included. */
function follow(path: readonly string[], sight: Sight, full: (sight: Sight) => unknown): unknown {
  const [root = "", ...names] = path;
  let value: unknown;
  if (root !== "states") {
    value = sight.scope.variable(root);
  } else {
    const field = names.shift();
    if (field === undefined) return full(sight);
    if (field === "context") value = sight.scope.context();
    else value = dataOf(sight, field)?.value;
  }
  for (const name of names) {
    if (Array.isArray(value)) return full(sight);
    value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }
  return value;
}

function dataOf(sight: Sight, field: string): Datum | undefined {
  if (field === "input") return sight.scope.input;
  if (field === "result") return sight.result;
  return field === "errorOutput" ? sight.errorOutput : undefined;
}

function evaluate(ast: Ast, analysis: Analysis, sight: Sight): unknown {
  const { library } = load();
  const { scope } = sight;
  const states = statesOf(sight, analysis.writes);
  usage.reset(scope.random);
  surroundings = scope;
  const frame = rootFrame(scope, states, analysis.writes);
  const work = (): unknown => library.evaluate(ast, undefined, frame);
  try {
    return settled(analysis.slow ? library.guarded(work, REGEX_TIMEOUT_MS) : work(), states);
  } catch (error) {
    throw problem(library, error);
  }
}

/** The value of `$states`. What nobody looks at is not made. */
function statesOf(sight: Sight, copied: boolean): object {
  const read = (data: Datum): unknown => (copied ? structuredClone(withDoubles(data.value)) : data.doubles);
  const { scope, result, errorOutput } = sight;
  const states = {
    get input(): unknown {
      return read(scope.input);
    },
    get context(): unknown {
      const context = withDoubles(scope.context());
      return copied ? structuredClone(context) : context;
    },
  };
  if (result !== undefined) Object.defineProperty(states, "result", { enumerable: true, get: () => read(result) });
  if (errorOutput !== undefined) {
    Object.defineProperty(states, "errorOutput", { enumerable: true, get: () => read(errorOutput) });
  }
  return states;
}

/** Variables of the expression itself, then `$states`, then the execution's variables, then functions. */
function rootFrame(scope: Scope, states: object, copied: boolean): Frame {
  const { library, functions } = load();
  const own = new Map<unknown, unknown>();
  return {
    bind: (name, value) => void own.set(name, value),
    lookup: (name) => {
      if (own.has(name)) return own.get(name);
      if (name === "states") return states;
      if (typeof name !== "string") return undefined;
      const variable = scope.variable(name);
      if (variable !== undefined) return copied ? structuredClone(withDoubles(variable)) : withDoubles(variable);
      return functions.has(name) ? functions.get(name) : library.builtins.lookup(name);
    },
    timestamp: new Date(scope.now),
    async: false,
    isParallelCall: false,
    global: { ancestry: [null] },
  };
}

/** The library throws objects with a code; its realm has errors of its own; AWS's words for each. */
function problem(library: Library, error: unknown): Error {
  if (error instanceof UnsupportedResult) return new EvaluationProblem("returned an unsupported result type.");
  const thrown = translated(error);
  if (thrown instanceof UncodedError)
    return new EvaluationProblem(`threw an error during evaluation: ${thrown.message}`);
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  if (typeof code !== "string" || !/^[SDT]\d{4}$/.test(code))
    return new EvaluationProblem("threw an internal error during evaluation.");
  library.explain(error);
  return new EvaluationProblem(`threw an error during evaluation. ${code}: ${messageOf(error)}`);
}

function translated(error: unknown): unknown {
  if (typeof error !== "object" || error === null || !("message" in error)) return error;
  if ("code" in error && error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return tooLong();
  const message = String(error.message);
  if (/call stack/.test(message)) return tooDeep(101);
  return /^Invalid (?:string|array|typed array) length|^Invalid count value/.test(message) ? outOfMemory() : error;
}

function messageOf(error: unknown): string {
  return typeof error === "object" && error !== null && "message" in error ? String(error.message) : String(error);
}
