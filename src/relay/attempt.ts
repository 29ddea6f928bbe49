import type { Clock } from "../clock/clock.ts";
import type { Claimed } from "./relay.ts";
import type { WorkRow } from "./rows.ts";

export type Log = (
  level: "info" | "warn" | "error",
  message: string,
  facts?: Readonly<Record<string, unknown>>,
) => void;

/** The pause before the next try: doubles from one second to five minutes, and is spread by half so that failures do not march in step. */
export function backOff(attempt: number, clock: Clock): number {
  const ceiling = Math.min(1000 * 2 ** (attempt - 1), 300_000);
  // Whole milliseconds: PostgreSQL refuses a fraction in a bigint.
  return Math.round(ceiling / 2 + (ceiling / 2) * clock.random());
}

export function failureText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message).slice(0, 2000) : String(error);
}

export function claimedOf(row: WorkRow): Claimed {
  return {
    id: row.id,
    kind: row.kind,
    key: row.key,
    trace: row.trace,
    body: JSON.parse(row.body),
    dueAt: row.due_at,
    attempt: row.attempt,
    since: row.since,
  };
}
