import { fault } from "../wire/fault.ts";
import { jsonProblem } from "./asl/validate/json.ts";

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
  const problem = jsonProblem(text);
  if (problem !== undefined) throw invalidInput(problem.message);
}

function invalidInput(reason: string): Error {
  return fault("InvalidExecutionInput", `Invalid State Machine Execution Input: '${reason}'`);
}
