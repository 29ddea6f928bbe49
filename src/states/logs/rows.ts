import type { Reader, Transaction } from "../../store/store.ts";

/** A CloudWatch Logs group's place in the world. */
export type LogGroup = { readonly account: string; readonly region: string; readonly name: string };
export type LogEvent = {
  readonly stream: string;
  /** Milliseconds. */
  readonly timestamp: number;
  readonly ingestion: number;
  readonly serial: number;
  readonly message: string;
};

export function insertLogEvent(transaction: Transaction, group: LogGroup, event: LogEvent): Promise<number> {
  return transaction.run(
    "insert into logs_event (account, region, group_name, timestamp, serial, stream_name, ingestion, message) values ($1, $2, $3, $4, $5, $6, $7, $8)",
    [
      group.account,
      group.region,
      group.name,
      event.timestamp,
      event.serial,
      event.stream,
      event.ingestion,
      event.message,
    ],
  );
}

/** Walks the primary key of logs_event: the next group that has events. */
export function nextGroup(reader: Reader, { account, region, name }: LogGroup): Promise<LogGroup | undefined> {
  return reader.get<LogGroup>(
    "select account, region, group_name as name from logs_event where (account, region, group_name) > ($1, $2, $3) order by account, region, group_name limit 1",
    [account, region, name],
  );
}

/** Walks the primary key of logs_event from a group's old end. */
export function oldLogEvents(
  reader: Reader,
  { account, region, name }: LogGroup,
  before: number,
  limit: number,
): Promise<Pick<LogEvent, "timestamp" | "serial" | "stream">[]> {
  return reader.all(
    "select timestamp, serial, stream_name as stream from logs_event where account = $1 and region = $2 and group_name = $3 and timestamp < $4 order by timestamp limit $5",
    [account, region, name, before, limit],
  );
}

/** By the primary key. */
export function deleteLogEvent(
  transaction: Transaction,
  { account, region, name }: LogGroup,
  event: Pick<LogEvent, "timestamp" | "serial" | "stream">,
): Promise<number> {
  return transaction.run(
    "delete from logs_event where account = $1 and region = $2 and group_name = $3 and timestamp = $4 and serial = $5 and stream_name = $6",
    [account, region, name, event.timestamp, event.serial, event.stream],
  );
}
