/** The event history keeps 90 days: recurring work forgets what is older, a bounded number of events at a time. */
import type { Parts } from "../flow.ts";
import type { Outcome } from "../relay/relay.ts";
import type { Transaction } from "../store/store.ts";
import { HISTORY_MS } from "./lookup.ts";
import { firstIdAt } from "./record.ts";
import { beginChore, nextPlace, trimEvents } from "./rows.ts";

const TRIM = "trail.trim";
const BATCH = 500;
const PAUSE_MS = 1000;
const ROUND_MS = 3_600_000;

/** Names the worker. */
export function trimHistory(parts: Parts): void {
  parts.relay.pure(TRIM, async (transaction) => trimBatch(parts, transaction));
}

/** Begins the work, once for the installation. */
export async function beginTrimming(parts: Parts): Promise<void> {
  await parts.relay.transact(async (transaction) => {
    if ((await beginChore(transaction, TRIM)) === 0) return;
    const dueAt = parts.clock.now() + ROUND_MS;
    await parts.relay.append(transaction, { kind: TRIM, key: TRIM, trace: "", body: null, dueAt });
  });
}

async function trimBatch(parts: Parts, transaction: Transaction): Promise<Outcome> {
  const now = parts.clock.now();
  const before = firstIdAt(now - HISTORY_MS);
  let left = BATCH;
  let place = await nextPlace(transaction, "", "");
  while (place && left > 0) {
    left -= await trimEvents(transaction, place.account, place.region, before, left);
    place = await nextPlace(transaction, place.account, place.region);
  }
  return { kind: "again", dueAt: now + (left === 0 ? PAUSE_MS : ROUND_MS) };
}
