import type { Transaction } from "../store/store.ts";

/** One line of a trace's story. `reason` is there when the story ends here. */
export type Hop = {
  readonly hop: "call" | "record" | "event" | "rule" | "delivery" | "execution" | "result";
  /** Milliseconds. */
  readonly at: number;
  /** `PutObject s3://b/k`, a rule's ARN, an execution's ARN. */
  readonly subject: string;
  readonly outcome: "ok" | "dead end" | "waiting";
  readonly reason?: string;
};

/** Appends a line to the story of a trace; all lines of one trace in one transaction are written as one row of the `flow` table before it commits. */
export type Tell = (transaction: Transaction, trace: string, hop: Hop) => void;
