import type { Reader, Transaction, Value } from "../store/store.ts";
import type { Settings, Trail } from "./trails.ts";

type TrailRow = {
  readonly id: string;
  readonly account: string;
  readonly region: string;
  readonly name: string;
  readonly logging: number;
  readonly settings: string;
};
const TRAIL = "id, account, region, name, logging, settings";
const trailOf = (row: TrailRow): Trail => ({
  id: row.id,
  account: row.account,
  region: row.region,
  name: row.name,
  logging: row.logging === 1,
  settings: JSON.parse(row.settings) as Settings,
});

/** Every cache of an account's trails is kept under this scope: a multi-region trail concerns all regions at once. */
export const trailsScope = (account: string): string => `trail/${account}`;

/** By the primary key: an account's trails of all regions (a handful), by region and name. */
export const trailsOf = async (reader: Reader, account: string): Promise<Trail[]> =>
  (
    await reader.all<TrailRow>(
      `select ${TRAIL} from trail_trails where account = $1 order by account, region, name limit 1000`,
      [account],
    )
  ).map(trailOf);

/** By the primary key. */
export const trailNamed = async (
  reader: Reader,
  place: { readonly account: string; readonly region: string; readonly name: string },
): Promise<Trail | undefined> => {
  const row = await reader.get<TrailRow>(
    `select ${TRAIL} from trail_trails where account = $1 and region = $2 and name = $3`,
    [place.account, place.region, place.name],
  );
  return row && trailOf(row);
};

/** By index trail_trails_id. */
export const trailWithId = async (reader: Reader, id: string): Promise<Trail | undefined> => {
  const row = await reader.get<TrailRow>(`select ${TRAIL} from trail_trails where id = $1`, [id]);
  return row && trailOf(row);
};

/** By the primary key. */
export const insertTrail = (tx: Transaction, trail: Trail) =>
  tx.run(
    "insert into trail_trails (id, account, region, name, logging, flushing, settings) values ($1, $2, $3, $4, $5, 0, $6)",
    [trail.id, trail.account, trail.region, trail.name, trail.logging ? 1 : 0, JSON.stringify(trail.settings)],
  );

/** By index trail_trails_id. */
export const updateTrail = (tx: Transaction, trail: Trail) =>
  tx.run("update trail_trails set logging = $1, settings = $2 where id = $3", [
    trail.logging ? 1 : 0,
    JSON.stringify(trail.settings),
    trail.id,
  ]);

/** By index trail_trails_id. */
export const deleteTrail = (tx: Transaction, id: string) => tx.run("delete from trail_trails where id = $1", [id]);

/** By index trail_trails_id: answers 1 if no work was delivering the trail's files yet. */
export const beginFlushing = (tx: Transaction, id: string) =>
  tx.run("update trail_trails set flushing = 1 where id = $1 and flushing = 0", [id]);

/** By index trail_trails_id. */
export const endFlushing = (tx: Transaction, id: string) =>
  tx.run("update trail_trails set flushing = 0 where id = $1", [id]);

export type DeliveryStatus = {
  readonly delivered_at: number | null;
  readonly attempted_at: number | null;
  readonly delivery_error: string | null;
};

/** By index trail_trails_id. */
export const deliveryStatus = (reader: Reader, id: string) =>
  reader.get<DeliveryStatus>("select delivered_at, attempted_at, delivery_error from trail_trails where id = $1", [id]);

/** By index trail_trails_id: files were written. */
export const noteDelivered = (tx: Transaction, id: string, at: number) =>
  tx.run("update trail_trails set delivered_at = $1, attempted_at = $1, delivery_error = null where id = $2", [at, id]);

/** By index trail_trails_id: a file could not be written. */
export const noteFailed = (tx: Transaction, id: string, at: number, error: string) =>
  tx.run("update trail_trails set attempted_at = $1, delivery_error = $2 where id = $3", [at, error, id]);

/** By the primary key, at its end for each trail. */
export const insertPending = (tx: Transaction, trail: string, id: string, region: string, record: string) =>
  tx.run("insert into trail_pending (trail, id, region, record) values ($1, $2, $3, $4)", [trail, id, region, record]);

export type PendingRow = { readonly id: string; readonly region: string; readonly record: string };

/** By the primary key: the oldest records after `after` that no log file holds yet. */
export const pendingRecords = (reader: Reader, trail: string, after: string, limit: number) =>
  reader.all<PendingRow>(
    "select id, region, record from trail_pending where trail = $1 and id > $2 order by id limit $3",
    [trail, after, limit],
  );

/** By the primary key. */
export const hasPending = async (reader: Reader, trail: string): Promise<boolean> =>
  (await reader.get("select 1 as found from trail_pending where trail = $1 limit 1", [trail])) !== undefined;

/** By the primary key: records that a log file holds now, at most a hundred a statement. */
export const deletePending = async (tx: Transaction, trail: string, ids: readonly string[]): Promise<void> => {
  for (let start = 0; start < ids.length; start += 100) {
    const some = ids.slice(start, start + 100);
    const places = some.map((_, index) => `$${index + 2}`).join(", ");
    await tx.run(`delete from trail_pending where trail = $1 and id in (${places})`, [trail, ...some]);
  }
};

/** By the primary key: gives up on records before an event ID, at most `limit`. */
export const dropPending = (tx: Transaction, trail: string, before: string, limit: number) =>
  tx.run(
    "delete from trail_pending where trail = $1 and id in (select id from trail_pending where trail = $1 and id < $2 order by id limit $3)",
    [trail, before, limit],
  );

export type EventRow = {
  readonly account: string;
  readonly region: string;
  readonly id: string;
  readonly name: string;
  readonly source: string;
  readonly username: string;
  readonly accessKey: string;
  readonly readOnly: boolean;
  readonly resources: string;
  readonly record: string;
};

/** By the primary key, at its end for each account and region. */
export const insertEvent = (tx: Transaction, row: EventRow) =>
  tx.run(
    "insert into trail_events (account, region, id, name, source, username, access_key, read_only, resources, record) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    [
      row.account,
      row.region,
      row.id,
      row.name,
      row.source,
      row.username,
      row.accessKey,
      row.readOnly ? 1 : 0,
      row.resources,
      row.record,
    ],
  );

export type Filter = { readonly condition: string; readonly value: Value };
export type FoundRow = {
  readonly id: string;
  readonly name: string;
  readonly source: string;
  readonly username: string;
  readonly access_key: string;
  readonly read_only: number;
  readonly resources: string;
  readonly record: string;
};

/** Walks the primary key, whose rows hold the filter's columns before the record: events of [from, before), newest first. */
export const findEvents = (
  reader: Reader,
  place: { readonly account: string; readonly region: string },
  range: { readonly from: string; readonly before: string },
  filter: Filter | undefined,
  limit: number,
) =>
  reader.all<FoundRow>(
    `select id, name, source, username, access_key, read_only, resources, record from trail_events where account = $1 and region = $2 and id >= $3 and id < $4${filter ? ` and ${filter.condition}` : ""} order by id desc limit $5`,
    [place.account, place.region, range.from, range.before, limit, ...(filter ? [filter.value] : [])],
  );

/** By the primary key: the event that lies `offset` events before the range's end. It bounds one search. */
export const eventBefore = (
  reader: Reader,
  place: { readonly account: string; readonly region: string },
  range: { readonly from: string; readonly before: string },
  offset: number,
) =>
  reader.get<{ id: string }>(
    "select id from trail_events where account = $1 and region = $2 and id >= $3 and id < $4 order by id desc limit 1 offset $5",
    [place.account, place.region, range.from, range.before, offset],
  );

/** By the primary key: the next account and region that have a history. */
export const nextPlace = (reader: Reader, account: string, region: string) =>
  reader.get<{ account: string; region: string }>(
    "select account, region from trail_events where (account, region) > ($1, $2) order by account, region limit 1",
    [account, region],
  );

/** By the primary key: forgets the oldest events before an event ID, at most `limit`. */
export const trimEvents = (tx: Transaction, account: string, region: string, before: string, limit: number) =>
  tx.run(
    "delete from trail_events where account = $1 and region = $2 and id in (select id from trail_events where account = $1 and region = $2 and id < $3 order by id limit $4)",
    [account, region, before, limit],
  );

/** By the primary key: answers 1 the first time. */
export const beginChore = (tx: Transaction, name: string) =>
  tx.run("insert into trail_chores (name) values ($1) on conflict (name) do nothing", [name]);
