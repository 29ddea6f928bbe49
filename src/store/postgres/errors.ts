import { StoreUnavailable, WriteConflict } from "../store.ts";

/** What is to become of a transaction in which this error came up. */
export type Remedy =
  /** Another transaction was in the way: the same work succeeds when it is done again. */
  | "again"
  /** The database is away, full, read-only or too slow: 503, and the caller may try again. */
  | "unavailable"
  /** The statement is wrong, which no repetition mends. */
  | "fault";

// serialization_failure, deadlock_detected, lock_not_available, unique_violation (a row that a concurrent transaction inserted after we looked),
// in_failed_sql_transaction (an earlier statement of the pipeline failed), and a plan that a migration made invalid.
const AGAIN = new Set(["40001", "40P01", "55P03", "23505", "25P02", "0A000"]);
// connection exceptions, resources, operator intervention, system errors, authorization, catalog name
const UNAVAILABLE = /^(08|53|57|58|28|3D)|^25006$|^25P03$|^26000$/;

/** Two transactions wanted each other's rows. */
export function isClash(error: unknown): boolean {
  return ["40P01", "55P03"].includes(String((error as { code?: unknown } | undefined)?.code));
}

export function remedyOf(error: unknown): Remedy {
  if (error instanceof WriteConflict) return "again";
  if (error instanceof StoreUnavailable) return "unavailable";
  const code = (error as { code?: unknown } | undefined)?.code;
  if (typeof code !== "string") return "fault";
  if (AGAIN.has(code)) return "again";
  // Node's own codes (ECONNRESET, EPIPE, ENOTFOUND …) come from the connection.
  if (UNAVAILABLE.test(code) || /^E[A-Z_]+$/.test(code)) return "unavailable";
  return "fault";
}

export function asUnavailable(error: unknown): unknown {
  if (error instanceof StoreUnavailable || remedyOf(error) !== "unavailable") return error;
  return new StoreUnavailable(`PostgreSQL: ${(error as Error).message}`, { cause: error });
}
