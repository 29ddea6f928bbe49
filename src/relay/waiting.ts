import type { Reader } from "../store/store.ts";

/** The kinds of work that a story is made of, and that still wait as rows: they failed, or found no room to ride. */
export type WaitingWork = {
  readonly kind: "call" | "event" | "delivery";
  readonly key: string;
  readonly since: number;
  readonly due_at: number;
  /** The number of the try to come. */
  readonly attempt: number;
  /** What the try before it met. */
  readonly failure: string | null;
};

/** By index work_trace, which has these kinds only. */
export const waitingOf = (reader: Reader, trace: string) =>
  reader.all<WaitingWork>(
    "select kind, key, since, due_at, attempt, failure from work where trace = $1 and kind in ('call', 'event', 'delivery') order by since, id limit 100",
    [trace],
  );
