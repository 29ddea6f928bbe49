/** Wait in JSONPath: Seconds, SecondsPath, Timestamp, TimestampPath. */
import { runtime } from "./failure.ts";
import { numberOf, printJson, type Datum, type JsonObject } from "./json.ts";
import { compilePath } from "./path/read.ts";
import type { Scope } from "./scope.ts";
import { parseTimestamp, toMilliseconds } from "./time.ts";

type Until = (scope: Scope, input: Datum, now: number) => number;

/** AWS counts the delay in a 32-bit integer of seconds: 24,855 days pass, one more is too long. */
const DELAY_SECONDS_MAX = 2 ** 31 - 1;

export function waitUntil(state: JsonObject): Until {
  const literal = numberOf(state["Seconds"]);
  if (literal !== undefined) return (_scope, _input, now) => now + literal * 1000;
  if (typeof state["SecondsPath"] === "string") return secondsPath(state["SecondsPath"]);
  if (typeof state["TimestampPath"] === "string") return timestampPath(state["TimestampPath"]);
  const text = String(state["Timestamp"]);
  const at = parseTimestamp(text);
  if (at === undefined) {
    const sentence = `The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: ${text}`;
    return () => {
      throw runtime(sentence);
    };
  }
  return (_scope, _input, now) => bounded(toMilliseconds(at), now);
}

function bounded(at: number, now: number): number {
  if (at - now > DELAY_SECONDS_MAX * 1000) throw runtime("Wait state delay is too long.");
  return at;
}

function secondsPath(path: string): Until {
  const read = compilePath(path);
  return (scope, input, now) => {
    const found = read(input.value, scope);
    if ("miss" in found) throw runtime(`The SecondsPath parameter does not reference an input value: ${path}`);
    // AWS parses the value's text: "5" is as good as 5.
    const seconds = /^[+-]?\d+$/.test(shown(found.value)) ? Number(shown(found.value)) : undefined;
    if (seconds === undefined)
      throw runtime(`The SecondsPath parameter cannot be parsed as a long value: ${path} == ${shown(found.value)}`);
    if (seconds < 0) throw runtime(`The SecondsPath parameter references a negative value: ${path} == ${seconds}`);
    return bounded(now + seconds * 1000, now);
  };
}

function timestampPath(path: string): Until {
  const read = compilePath(path);
  return (scope, input, now) => {
    const found = read(input.value, scope);
    if ("miss" in found) throw runtime(`The TimestampPath parameter does not reference an input value: ${path}`);
    const at = typeof found.value === "string" ? parseTimestamp(found.value) : undefined;
    if (at === undefined) {
      throw runtime(
        `The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: ${path} == ${shown(found.value)}`,
      );
    }
    return bounded(toMilliseconds(at), now);
  };
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : printJson(value);
}
