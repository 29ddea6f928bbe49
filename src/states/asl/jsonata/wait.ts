/** Wait in JSONata: Seconds or Timestamp, as literals or expressions. */
import { QueryFailure, runtime } from "../failure.ts";
import { numberOf, type Datum, type JsonObject } from "../json.ts";
import type { Scope } from "../scope.ts";
import { parseTimestamp, toMilliseconds } from "../time.ts";
import { compileTyped } from "./field.ts";

type Until = (scope: Scope, input: Datum, now: number) => number;

/** AWS counts the delay in a 32-bit integer of seconds. */
const DELAY_SECONDS_MAX = 2 ** 31 - 1;
const SECONDS_MAX = 99_999_999;

export function jsonataUntil(state: JsonObject): Until {
  return state["Seconds"] === undefined ? untilTimestamp(state) : untilSeconds(state);
}

function untilSeconds(state: JsonObject): Until {
  const evaluate = compileTyped(state["Seconds"], "Seconds", "number", numberOf);
  return (scope, _input, now) => {
    const seconds = evaluate({ scope });
    if (Number.isInteger(seconds) && seconds >= 0 && seconds <= SECONDS_MAX) return now + seconds * 1000;
    const sentence = `The Seconds field must be an integer between 0 and ${SECONDS_MAX} but was: ${seconds}`;
    throw new QueryFailure(sentence, "Seconds", "late");
  };
}

function untilTimestamp(state: JsonObject): Until {
  const take = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
  const evaluate = compileTyped(state["Timestamp"], "Timestamp", "string", take);
  return (scope, _input, now) => {
    const text = evaluate({ scope });
    const at = parseTimestamp(text);
    if (at === undefined) {
      const sentence = `The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: ${text}`;
      throw new QueryFailure(sentence, "Timestamp", "late");
    }
    const ms = toMilliseconds(at);
    if (ms - now > DELAY_SECONDS_MAX * 1000) throw runtime("Wait state delay is too long.");
    return ms;
  };
}
