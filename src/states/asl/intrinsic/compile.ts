/** Intrinsic calls compiled to closures. */
import { runtime, type StateFailure } from "../failure.ts";
import { PathSyntaxError } from "../path/parse.ts";
import { readerOf, rootText } from "../path/read.ts";
import type { Scope } from "../scope.ts";
import { functions, IntrinsicError } from "./functions.ts";
import { parseIntrinsic, unescape, type Argument, type Call } from "./parse.ts";

export type Evaluate = (data: unknown, scope: Scope) => unknown;

/** Compiles `States.…(…)`; throws PathSyntaxError. */
export function compileIntrinsic(text: string): Evaluate {
  return compileCall(parseIntrinsic(text));
}

function compileCall(call: Call): Evaluate {
  const definition = functions.get(call.name);
  if (definition === undefined) throw new PathSyntaxError(`The intrinsic function States.${call.name} does not exist`);
  const count = call.arguments.length;
  if (count < definition.least || count > definition.most) {
    throw new PathSyntaxError(`Invalid number of arguments for States.${call.name}`);
  }
  const given = call.arguments.map((argument, i) =>
    compileArgument(argument, call.name === "Format" && i === 0, call.text),
  );
  if (call.arguments.some(opensEscape)) {
    // AWS: "If an open-escape-backslash \\ is found in the intrinsic invocation string, the interpreter will return a runtime error."
    return () => {
      throw failed(call, `Invalid arguments in States.${call.name}`);
    };
  }
  return (data, scope) => {
    const values = given.map((argument) => argument(data, scope));
    try {
      return definition.apply(values, scope);
    } catch (error) {
      if (!(error instanceof IntrinsicError)) throw error;
      throw failed(call, error.reason ?? `Invalid arguments in States.${call.name}`);
    }
  };
}

function compileArgument(argument: Argument, template: boolean, call: string): Evaluate {
  if (argument.kind === "literal") {
    const value = typeof argument.value === "string" && !template ? unescape(argument.value) : argument.value;
    return () => value;
  }
  if (argument.kind === "call") return compileCall(argument.call);
  const read = readerOf(argument.path);
  const { path } = argument;
  return (data, scope) => {
    const found = read(data, scope);
    if ("miss" in found)
      throw runtime(
        `The function '${call}' had the following error: The JsonPath argument for the field '${path.text}' ` +
          `could not be found in the input '${rootText(path, data, scope)}'`,
      );
    return found.value;
  };
}

function failed(call: Call, reason: string): StateFailure {
  return runtime(`There was an error while evaluating the intrinsic function: ${call.text}. ${reason}`);
}

/** A backslash that escapes nothing. */
function opensEscape(argument: Argument): boolean {
  if (argument.kind !== "literal" || typeof argument.value !== "string") return false;
  return /\\[^\\{}]/.test(argument.value.replaceAll("\\\\", ""));
}
