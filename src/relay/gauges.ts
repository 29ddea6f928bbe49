import type { Reader } from "../store/store.ts";

/** Rows counted at most: beyond that the backlog is large, however large it is. */
const MOST = 10_000;

/**
 * What is due and not done, counted up to 10,000, and for how long the oldest of it has been due. Both by index
 * work_due. Leased work is due when its lease ends, so what is being worked on does not count.
 */
export async function relayGauges(
  reader: Reader,
  now: number,
): Promise<{ readonly name: string; readonly help: string; readonly value: number }[]> {
  const due = await reader.get<{ due: number }>(
    "select count(*) as due from (select id from work where due_at <= $1 limit $2) as counted",
    [now, MOST],
  );
  const oldest = await reader.get<{ due_at: number }>(
    "select due_at from work where due_at <= $1 order by due_at limit 1",
    [now],
  );
  const age = oldest ? Math.max(0, now - Number(oldest.due_at)) / 1000 : 0;
  return [
    { name: "stepwell_work_due", help: `Work that is due and not done, up to ${MOST}.`, value: Number(due?.due ?? 0) },
    { name: "stepwell_work_oldest_seconds", help: "How long the oldest due work has waited.", value: age },
  ];
}
