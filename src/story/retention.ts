/** Stories are kept 90 days, as long as the executions they tell of: recurring work forgets older ones, a bounded number at a time. */
import type { Parts } from "../flow.ts";
import type { Transaction } from "../store/store.ts";

const TRIM = "story.trim";
export const RETENTION_MS = 90 * 86_400_000;
const ROUND_MS = 3_600_000;
const AT_ONCE = 500;

/** Names the worker. */
export function trimStories({ relay, clock }: Parts): void {
  relay.pure(TRIM, async (transaction) => {
    const now = clock.now();
    // Traces are named by time-ordered UUIDs.
    const time = (now - RETENTION_MS).toString(16).padStart(12, "0");
    const trimmed = await deletePartsBefore(transaction, `${time.slice(0, 8)}-${time.slice(8)}`, AT_ONCE);
    return { kind: "again", dueAt: trimmed === AT_ONCE ? now : now + ROUND_MS };
  });
}

/** Begins the work afresh: exactly one piece of it exists, whatever was there before. */
export function beginTrimming({ relay, clock }: Parts): Promise<void> {
  return relay.transact(async (transaction) => {
    await relay.cancel(transaction, TRIM, TRIM);
    await relay.append(transaction, { kind: TRIM, key: TRIM, trace: "", body: null, dueAt: clock.now() + ROUND_MS });
  });
}

/** By the primary key: the oldest parts of stories whose trace began before a moment. */
const deletePartsBefore = (transaction: Transaction, before: string, limit: number): Promise<number> =>
  transaction.run(
    "delete from flow where (trace, part) in (select trace, part from flow where trace < $1 order by trace, part limit $2)",
    [before, limit],
  );
