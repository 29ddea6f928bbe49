/** Fields of a definition in which strings may be expressions: `{% … %}`, at any depth. */
import { QueryFailure } from "../failure.ts";
import { Datum, isObject, put, printJson } from "../json.ts";
import { EvaluationProblem, parseExpression, type Sight } from "./expression.ts";
import { typeOf } from "./result.ts";

export type Evaluate = (sight: Sight) => unknown;

/** The expression within the marks, which must begin and end the string; undefined for any other value. */
export function expressionText(value: unknown): string | undefined {
  return typeof value === "string" && value.length >= 4 && value.startsWith("{%") && value.endsWith("%}")
    ? value.slice(2, -2).trim()
    : undefined;
}

/** Compiles a field; `at` is its place in the state, as errors name it: `Output/v`, `Choices[1]/Condition`. */
export function compileField(value: unknown, at: string): Evaluate {
  return compilePart(value, at) ?? (() => value);
}

/** A field that gives a state's data. What is passed on whole keeps its text. */
export function compileDatum(value: unknown, at: string): (sight: Sight) => Datum {
  const text = expressionText(value);
  if (text === "$states.input") return ({ scope }) => scope.input;
  const evaluate = compilePart(value, at);
  if (evaluate === undefined) {
    const literal = Datum.of(value);
    return () => literal;
  }
  return (sight) => {
    if (text === "$states.result" && sight.result !== undefined) return sight.result;
    return Datum.of(evaluate(sight));
  };
}

/** Undefined if nothing in it is to be evaluated. */
function compilePart(part: unknown, at: string): Evaluate | undefined {
  const text = expressionText(part);
  if (text !== undefined) return compileExpression(text, at);
  if (Array.isArray(part)) return compileList(part as unknown[], at);
  if (!isObject(part)) return undefined;
  const entries = Object.entries(part).map(([key, value]) => [key, compilePart(value, `${at}/${key}`), value] as const);
  if (entries.every(([, evaluate]) => evaluate === undefined)) return undefined;
  return (sight) => {
    const made: Record<string, unknown> = {};
    for (const [key, evaluate, value] of entries) put(made, key, evaluate === undefined ? value : evaluate(sight));
    return made;
  };
}

function compileList(items: readonly unknown[], at: string): Evaluate | undefined {
  const parts = items.map((item, i) => compilePart(item, `${at}[${i}]`));
  if (parts.every((part) => part === undefined)) return undefined;
  return (sight) => parts.map((part, i) => (part === undefined ? items[i] : part(sight)));
}

function compileExpression(text: string, at: string): Evaluate {
  const expression = parseExpression(text);
  return (sight) => {
    let value: unknown;
    try {
      value = expression.evaluate(sight);
    } catch (error) {
      if (!(error instanceof EvaluationProblem)) throw error;
      throw new QueryFailure(`${named(text, at)} ${error.message}`, at);
    }
    if (value === undefined) throw new QueryFailure(`${named(text, at)} returned nothing (undefined).`, at);
    return value;
  };
}

function named(text: string, at: string): string {
  return `The JSONata expression '${text}' specified for the field '${at}'`;
}

/** A field whose value must be of one kind: `take` gives undefined for others. */
export function compileTyped<T>(
  value: unknown,
  at: string,
  expected: string,
  take: (value: unknown) => T | undefined,
): (sight: Sight) => T {
  const evaluate = compileField(value, at);
  const text = expressionText(value);
  return (sight) => {
    const given = evaluate(sight);
    const taken = take(given);
    if (taken !== undefined) return taken;
    const subject = text === undefined ? `The field '${at}' has` : `${named(text, at)} returned`;
    throw new QueryFailure(
      `${subject} an unexpected result type. Expected '${expected}', but was '${typeOf(given)}' for value: ${printJson(given)}`,
      at,
    );
  };
}
