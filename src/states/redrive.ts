/** Whether an ended execution can be redriven, and what is remembered of its redrives. */
import type { ExecutionRow } from "./rows/executions.ts";
import { REDRIVE_EVENTS_MAX } from "./asl/redrive.ts";

const DAY_MS = 86_400_000;
/** AWS redrives within 14 days of the end. */
export const REDRIVE_WINDOW_MS = 14 * DAY_MS;
/** An execution may take a year, its redrives included. */
const LONGEST_MS = 365 * DAY_MS;
export const MOST_REDRIVES = 1_000;
/** With so many events there is no room for a redrive. */
export const SPENT_EVENTS = REDRIVE_EVENTS_MAX;
/** AWS: "The API will return idempotent responses for the last 10 client tokens used to successfully redrive the execution. These client tokens are valid for up to 15 minutes after they are first used." */
const TOKENS_KEPT = 10;
const TOKEN_MS = 15 * 60_000;

export type Redrivable = Pick<
  ExecutionRow,
  "status" | "started_at" | "stopped_at" | "redrives" | "map_run" | "last_event" | "kept"
>;

/** Why an execution cannot be redriven, in AWS's words where they are known; undefined if it can. */
export function redriveRefusal(row: Redrivable, now: number): string | undefined {
  const { status } = row;
  if (status === "RUNNING" || status === "SUCCEEDED" || status === "PENDING_REDRIVE") return refusal(`is ${status}`);
  if (now - (row.stopped_at ?? now) > REDRIVE_WINDOW_MS) return refusal("ended more than 14 days ago");
  if ((row.redrives ?? 0) >= MOST_REDRIVES) return refusal(`was redriven ${MOST_REDRIVES} times`);
  if (now - row.started_at > LONGEST_MS) return refusal("started more than a year ago");
  if ((row.last_event ?? 0) >= SPENT_EVENTS) return refusal("has no room left in its history");
  if (row.kept === 0) return refusal("has left no snapshot");
  return undefined;
}

function refusal(reason: string): string {
  return `Execution ${reason} and cannot be redriven`;
}

type Token = readonly [token: string, redrivenAt: number];

/** When a redrive with this token happened, if it is still remembered. */
export function redrivenWith(tokens: string | null, token: string | undefined, now: number): number | undefined {
  if (token === undefined) return undefined;
  return parsed(tokens).find(([known, at]) => known === token && now - at <= TOKEN_MS)?.[1];
}

/** The tokens to remember after a redrive. */
export function tokensAfter(tokens: string | null, token: string | undefined, now: number): string | null {
  return token === undefined ? tokens : JSON.stringify([...parsed(tokens), [token, now]].slice(-TOKENS_KEPT));
}

function parsed(tokens: string | null): readonly Token[] {
  return tokens === null ? [] : (JSON.parse(tokens) as readonly Token[]);
}
