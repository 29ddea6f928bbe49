import { fault } from "../wire/fault.ts";

/** The most bytes that an execution's input, a state's data or a task's result may have. */
export const PAYLOAD_LIMIT_BYTES = 262_144;

/** Throws AWS's InvalidExecutionInput unless the text is JSON and small enough. */
export function checkInput(text: string): void {
  if (text === "") throw invalidInput("Invalid execution input.");
  if (text.length * 3 > PAYLOAD_LIMIT_BYTES && Buffer.byteLength(text) > PAYLOAD_LIMIT_BYTES)
    throw fault(
      "ValidationException",
      "1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have length less than or equal to 262144",
      { status: 400 },
    );
  try {
    JSON.parse(text);
  } catch {
    throw invalidInput(parserSentence(text));
  }
}

function invalidInput(reason: string): Error {
  return fault("InvalidExecutionInput", `Invalid State Machine Execution Input: '${reason}'`);
}

const EXPECTED = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

/** What AWS's JSON parser says of a text that is not JSON: exact for the common mistakes. */
export function parserSentence(text: string): string {
  const start = text.trimStart();
  const word = /^[A-Za-z_$][\w$]*/.exec(start)?.[0];
  if (word !== undefined && !["null", "true", "false"].includes(word))
    return `Unrecognized token '${word}': was expecting ${EXPECTED}`;
  const key = /^\{\s*([^"}\s])/.exec(start)?.[1];
  if (key !== undefined)
    return `Unexpected character ('${key}' (code ${key.codePointAt(0)})): was expecting double-quote to start field name`;
  const first = start[0];
  if (first !== undefined && !/["[{\d-]/.test(first) && word === undefined)
    return `Unexpected character ('${first}' (code ${first.codePointAt(0)})): expected a valid value ${EXPECTED}`;
  return "Invalid execution input.";
}
