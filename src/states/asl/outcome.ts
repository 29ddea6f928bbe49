/** What comes of executing a state. */
import type { Failure } from "./failure.ts";
import type { Datum } from "./json.ts";
import type { Assigned } from "./scope.ts";

export type Outcome =
  /** The thread waits for a signal, a child or its turn. */
  | { readonly kind: "blocked" }
  /** The state is left; without `next` its thread ends. */
  | {
      readonly kind: "exit";
      readonly output: Datum;
      readonly next: string | undefined;
      readonly assigned: Assigned | undefined;
    }
  | { readonly kind: "failed"; readonly failure: Failure };

export const BLOCKED: Outcome = { kind: "blocked" };

/** 256 KiB of UTF-8: no input, result or output may be larger. */
export const PAYLOAD_BYTES_MAX = 262_144;

/** The failure of a payload that is too large; `name` is the task's type or the state's name. */
export function tooLarge(name: string): Failure {
  return {
    error: "States.DataLimitExceeded",
    cause: `The state/task '${name}' returned a result with a size exceeding the maximum number of bytes service limit.`,
  };
}
