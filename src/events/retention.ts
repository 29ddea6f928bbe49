/** What the room keeps of the past is trimmed by recurring work: dead ends after 90 days, and word of rules long gone. */
import type { Parts } from "../flow.ts";
import type { Outcome } from "../relay/relay.ts";
import type { Transaction } from "../store/store.ts";
import { WINDOW } from "./registry.ts";
import { changesOfPage, deleteChange, deleteDeadEndsBefore, lastChange, nextChangedBus, putFloor } from "./rows.ts";

const TRIM = "events.trim";
/** As long as AWS keeps the history of executions; a dead-letter queue would keep its messages 14 days at most. */
export const RETENTION_MS = 90 * 86_400_000;
const ROUND_MS = 3_600_000;
const AT_ONCE = 500;

/** How far a round has come: nowhere, or to a change of a bus. */
type Place = { readonly bus: string; readonly seq: number };
const BEGINNING: Place = { bus: "", seq: 0 };

/** Names the worker. */
export function trimPast({ relay, clock }: Parts): void {
  relay.pure(TRIM, async (transaction, work) => {
    const now = clock.now();
    const next = await trim(transaction, work.body as Place, now - RETENTION_MS);
    return { kind: "again", dueAt: next === BEGINNING ? now + ROUND_MS : now, body: next } satisfies Outcome;
  });
}

/** Begins the work afresh: exactly one piece of it exists, whatever was there before. */
export function beginTrimming({ relay, clock }: Parts): Promise<void> {
  return relay.transact(async (transaction) => {
    await relay.cancel(transaction, TRIM, TRIM);
    const dueAt = clock.now() + ROUND_MS;
    await relay.append(transaction, { kind: TRIM, key: TRIM, trace: "", body: BEGINNING, dueAt });
  });
}

/** Does one bounded piece of a round, and answers where the next one begins. */
async function trim(transaction: Transaction, place: Place, before: number): Promise<Place> {
  if (place.bus !== "") return trimChanges(transaction, place);
  // Dead ends are named by time-ordered UUIDs.
  const time = before.toString(16).padStart(12, "0");
  const trimmed = await deleteDeadEndsBefore(transaction, `${time.slice(0, 8)}-${time.slice(8)}`, AT_ONCE);
  return trimmed === AT_ONCE ? place : nextBus(transaction, "");
}

/**
 * Forgets changes that tell of a rule that is gone, but for the last ones. Whoever has followed the bus only to a
 * point before such a change must read its rules afresh; the floor says so.
 */
async function trimChanges(transaction: Transaction, { bus, seq }: Place): Promise<Place> {
  const end = (await lastChange(transaction, bus)) - 2 * WINDOW;
  const page = await changesOfPage(transaction, bus, seq, end, AT_ONCE);
  const gone = page.filter(({ rule }) => rule === null);
  for (const { name } of gone) await deleteChange(transaction, bus, name);
  const last = gone.at(-1);
  if (last) await putFloor(transaction, bus, last.seq);
  return page.length === AT_ONCE ? { bus, seq: page.at(-1)?.seq ?? end } : nextBus(transaction, bus);
}

async function nextBus(transaction: Transaction, after: string): Promise<Place> {
  const bus = await nextChangedBus(transaction, after);
  return bus === undefined ? BEGINNING : { bus, seq: 0 };
}
