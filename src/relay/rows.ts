import type { Reader, Transaction } from "../store/store.ts";

export type WorkRow = {
  readonly id: string;
  readonly kind: string;
  readonly key: string;
  readonly trace: string;
  readonly body: string;
  readonly due_at: number;
  readonly since: number;
  readonly attempt: number;
  readonly fence: number;
};

/** By the primary key. */
export const insertWork = (tx: Transaction, row: WorkRow, failure: string | null = null) =>
  tx.run(
    "insert into work (id, kind, key, trace, body, due_at, since, attempt, fence, leased, failure) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10)",
    [row.id, row.kind, row.key, row.trace, row.body, row.due_at, row.since, row.attempt, row.fence, failure],
  );

/** By index work_due: the oldest rows that are due and that no other node has in hand, but for the kinds that have no hand free. */
export const dueWork = (tx: Transaction, now: number, without: readonly string[], limit: number) =>
  tx.all<WorkRow>(
    `select id, kind, key, trace, body, due_at, since, attempt, fence from work where due_at <= $1${without.map((_, i) => ` and kind <> $${i + 3}`).join("")} order by due_at, id limit $2 for update skip locked`,
    [now, limit, ...without],
  );

/** By index work_due: when the next row is due, kinds without a free hand left out. */
export const nextDue = (reader: Reader, without: readonly string[]) =>
  reader.get<{ due_at: number }>(
    `select due_at from work where due_at < ${9e15}${without.map((_, i) => ` and kind <> $${i + 1}`).join("")} order by due_at limit 1`,
    without,
  );

/** By the primary key. */
export const deleteWork = (tx: Transaction, id: string) => tx.run("delete from work where id = $1", [id]);

/** By the primary key: takes the row for an effect, which is hidden from other claims until the lease ends. */
export const leaseWork = (tx: Transaction, id: string, until: number, fence: number, node: number) =>
  tx.run("update work set due_at = $1, fence = $2, leased = $4 where id = $3", [until, fence, id, node]);

/** By the primary key: a longer lease, if it is still ours. */
export const extendLease = (tx: Transaction, id: string, until: number, fence: number) =>
  tx.run("update work set due_at = $1 where id = $2 and fence = $3 and leased <> 0", [until, id, fence]);

/** By the primary key: whether the lease is still ours. */
export const holdsLease = async (reader: Transaction, id: string, fence: number) =>
  (await reader.get("select 1 as held from work where id = $1 and fence = $2 and leased <> 0 for update", [
    id,
    fence,
  ])) !== undefined;

/** By the primary key: who has the row in hand, once whatever transaction holds it has come to its end. */
export const leaseOf = (tx: Transaction, id: string) =>
  tx.get<{ fence: number; leased: number }>("select fence, leased from work where id = $1 for update", [id]);

/** By the primary key: gives up a lease as though it had not been taken. */
export const freeLease = (tx: Transaction, id: string, dueAt: number) =>
  tx.run("update work set leased = 0, due_at = $1 where id = $2", [dueAt, id]);

/** By the primary key: due again later. */
export const postponeWork = (
  tx: Transaction,
  id: string,
  dueAt: number,
  attempt: number,
  body: string,
  failure: string | null,
) =>
  tx.run("update work set due_at = $1, attempt = $2, body = $3, failure = $4, leased = 0 where id = $5", [
    dueAt,
    attempt,
    body,
    failure,
    id,
  ]);

/** By index work_key. */
export const cancelWork = (tx: Transaction, kind: string, key: string) =>
  tx.run("delete from work where key = $1 and kind = $2", [key, kind]);

/**
 * A scan of the table, once when an embedded node starts: nobody else can hold a lease. What is freed has waited since
 * it was appended, so it stands before all that is younger.
 */
export const freeLeases = (tx: Transaction) => tx.run("update work set leased = 0, due_at = since where leased <> 0");

/** A scan of the table, once for each node that dies or leaves; the order as with `freeLeases`. */
export const freeLeasesOf = (tx: Transaction, node: number) =>
  tx.run("update work set leased = 0, due_at = since where leased = $1", [node]);
