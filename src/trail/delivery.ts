/**
 * Log files. One piece of work for each trail that is logging comes round every flush interval, writes the records
 * that wait into files of the storage bucket, and takes them off in the transaction that settles it. It goes on after
 * StopLogging or DeleteTrail until nothing waits. A crash between a file and its settling writes the records again,
 * as AWS may: a record is delivered at least once.
 */
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { LETTERS_AND_DIGITS } from "../clock/clock.ts";
import type { Parts } from "../flow.ts";
import { DONE, type Claimed, type Outcome } from "../relay/relay.ts";
import type { Transaction } from "../store/store.ts";
import { AwsFault } from "../wire/fault.ts";
import { firstIdAt } from "./record.ts";
import {
  beginFlushing,
  deletePending,
  dropPending,
  endFlushing,
  hasPending,
  noteDelivered,
  noteFailed,
  pendingRecords,
  trailWithId,
  type PendingRow,
} from "./rows.ts";
import { logFileKey, SERVICE, trailArn, type Trail } from "./trails.ts";

const compress = promisify(gzip);

export const FLUSH_MS = 60_000;
const DELIVER = "trail.deliver";
/** One file, and one turn of the work. */
const FILE_RECORDS = 1000;
const FILE_BYTES = 4 * 1024 * 1024;
const READ_RECORDS = 100;
const TURN_FILES = 20;
/** "CloudTrail will attempt to redeliver the log files to your S3 bucket for 30 days." */
const REDELIVER_MS = 30 * 24 * 3_600_000;
const DROP_RECORDS = 1000;

/** Where the records of a trail go; kept with the work, because they are still delivered when the trail is gone. */
type Destination = {
  readonly trail: string;
  readonly arn: string;
  readonly account: string;
  readonly region: string;
  readonly bucket: string;
  readonly prefix?: string;
};

/** Begins the delivery of a trail's log files, if it is not under way already. */
export async function beginDelivery(parts: Parts, tx: Transaction, trail: Trail, trace: string, flushMs: number) {
  if ((await beginFlushing(tx, trail.id)) === 0) return;
  const dueAt = parts.clock.now() + flushMs;
  await parts.relay.append(tx, { kind: DELIVER, key: trailArn(trail), trace, body: destinationOf(trail), dueAt });
}

/** Names the worker of trails' log files. */
export function deliverLogFiles(parts: Parts, flushMs: number): void {
  parts.relay.effect(
    DELIVER,
    async (work, signal) => {
      const turn = await deliverTurn(parts, work, signal);
      return (transaction) => settle(parts, transaction, turn, flushMs);
    },
    { concurrency: 4 },
  );
}

type Turn = {
  readonly destination: Destination;
  readonly delivered: readonly string[];
  readonly files: number;
  /** More records wait than one turn may take. */
  readonly more: boolean;
  readonly error?: string;
};

async function deliverTurn(parts: Parts, work: Claimed, signal: AbortSignal): Promise<Turn> {
  const known = work.body as Destination;
  const trail = await parts.store.read((reader) => trailWithId(reader, known.trail));
  const destination = trail ? destinationOf(trail) : known;
  const delivered: string[] = [];
  let files = 0;
  let after = "";
  while (files < TURN_FILES && !signal.aborted) {
    const batch = await nextBatch(parts, destination.trail, after);
    const last = batch[batch.length - 1];
    if (!last) return { destination, delivered, files, more: false };
    try {
      for (const [region, rows] of Map.groupBy(batch, (row) => row.region)) {
        await writeFile(parts, destination, region, rows, work.trace);
        files++;
        for (const row of rows) delivered.push(row.id);
      }
    } catch (error) {
      return { destination, delivered, files, more: false, error: errorCode(parts, destination, error) };
    }
    after = last.id;
  }
  return { destination, delivered, files, more: true };
}

/** The next records that wait, as many as one file holds. */
async function nextBatch(parts: Parts, trail: string, after: string): Promise<readonly PendingRow[]> {
  const batch: PendingRow[] = [];
  let from = after;
  let bytes = 0;
  while (batch.length < FILE_RECORDS && bytes < FILE_BYTES) {
    const rows = await parts.store.read((reader) => pendingRecords(reader, trail, from, READ_RECORDS));
    for (const row of rows) {
      batch.push(row);
      bytes += row.record.length;
      from = row.id;
    }
    if (rows.length < READ_RECORDS) break;
  }
  return batch;
}

async function writeFile(
  parts: Parts,
  destination: Destination,
  region: string,
  rows: readonly PendingRow[],
  trace: string,
): Promise<void> {
  const { prefix, account, bucket } = destination;
  const unique = parts.clock.text(16, LETTERS_AND_DIGITS);
  await parts.call({
    service: "s3",
    operation: "PutObject",
    input: {
      Bucket: bucket,
      Key: logFileKey({ prefix, account, region }, parts.clock.now(), unique),
      Body: await compress(`{"Records":[${rows.map((row) => row.record).join(",")}]}`),
      ContentType: "application/json",
      ContentEncoding: "gzip",
      ACL: "bucket-owner-full-control",
    },
    as: { kind: "service", service: SERVICE, sourceArn: destination.arn, account },
    trace,
    region: destination.region,
  });
}

function errorCode(parts: Parts, destination: Destination, error: unknown): string {
  const code = error instanceof AwsFault ? error.code : "InternalError";
  const message = error instanceof Error ? error.message : String(error);
  parts.log("warn", "a trail's log file could not be delivered", {
    trail: destination.arn,
    bucket: destination.bucket,
    code,
    error: message,
  });
  return code;
}

async function settle(parts: Parts, tx: Transaction, turn: Turn, flushMs: number): Promise<Outcome> {
  const { destination, delivered } = turn;
  const now = parts.clock.now();
  await deletePending(tx, destination.trail, delivered);
  const trail = await trailWithId(tx, destination.trail);
  if (turn.error !== undefined) {
    await noteFailed(tx, destination.trail, now, turn.error);
    return afterFailure(parts, tx, destination, trail, flushMs);
  }
  if (turn.files > 0) await noteDelivered(tx, destination.trail, now);
  if (turn.more) return { kind: "again", dueAt: now, body: destination };
  if (trail?.logging || (await hasPending(tx, destination.trail)))
    return { kind: "again", dueAt: now + flushMs, body: destination };
  await endFlushing(tx, destination.trail);
  return DONE;
}

async function afterFailure(
  parts: Parts,
  tx: Transaction,
  destination: Destination,
  trail: Trail | undefined,
  flushMs: number,
): Promise<Outcome> {
  const now = parts.clock.now();
  // Nobody can mend the destination of a trail that is gone; one that still exists has 30 days.
  const before = firstIdAt(trail ? now - REDELIVER_MS : Number.MAX_SAFE_INTEGER);
  const dropped = await dropPending(tx, destination.trail, before, DROP_RECORDS);
  if (dropped > 0)
    parts.log("error", "records of a trail were given up: its storage bucket does not take them", {
      trail: destination.arn,
      bucket: destination.bucket,
      records: dropped,
    });
  if (!trail && !(await hasPending(tx, destination.trail))) return DONE;
  return { kind: "again", dueAt: now + Math.max(flushMs, 1000), body: destination };
}

function destinationOf(trail: Trail): Destination {
  const { bucket, prefix } = trail.settings;
  return {
    trail: trail.id,
    arn: trailArn(trail),
    account: trail.account,
    region: trail.region,
    bucket,
    ...(prefix === undefined ? {} : { prefix }),
  };
}
