/** What an execution logs: its history's events, those that the level lets through, in AWS's form. */
import type { HistoryEvent } from "../../flow.ts";
import type { LogGroup } from "./rows.ts";

export type LogLevel = "ALL" | "ERROR" | "FATAL";
/** Where a machine's executions log to, and how much of them. */
export type Logging = { readonly level: LogLevel; readonly includeExecutionData: boolean; readonly group: LogGroup };
export type Entry = { readonly timestamp: number; readonly message: string };

type Configuration = {
  readonly level?: string;
  readonly includeExecutionData?: boolean;
  readonly destinations?: readonly { readonly cloudWatchLogsLogGroup?: { readonly logGroupArn?: string } }[];
};

/** AWS: "Log Group ARN must be provided with '*' qualifier." */
const GROUP_ARN = /^arn:[a-z-]+:logs:([a-z0-9-]+):(\d{12}):log-group:([\w./#-]{1,512}):\*$/;

/** Takes a log group's ARN apart, the `:*` at its end included; undefined if it is none. */
export function logGroupOf(arn: string): LogGroup | undefined {
  const [, region, account, name] = GROUP_ARN.exec(arn) ?? [];
  return region === undefined || account === undefined || name === undefined ? undefined : { account, region, name };
}

/** The stored LoggingConfiguration, made ready; undefined if nothing is to be logged. */
export function loggingOf(text: string | null): Logging | undefined {
  if (text === null) return undefined;
  const { level, includeExecutionData = false, destinations = [] } = JSON.parse(text) as Configuration;
  if (level !== "ALL" && level !== "ERROR" && level !== "FATAL") return undefined;
  const group = logGroupOf(destinations[0]?.cloudWatchLogsLogGroup?.logGroupArn ?? "");
  return group && { level, includeExecutionData, group };
}

/** The least level at which a type of event is logged, as AWS's table of log levels has it. */
function passes(level: LogLevel, type: string): boolean {
  if (level === "ALL") return true;
  if (type === "ExecutionFailed" || type === "ExecutionAborted" || type === "ExecutionTimedOut") return true;
  return level === "ERROR" && (type === "FailStateEntered" || /(?:Failed|Aborted|TimedOut)$/.test(type));
}

/** Members that are the execution's data. */
const DATA: ReadonlySet<string> = new Set(["input", "inputDetails", "output", "outputDetails"]);
/** AWS: escaped input or output that exceeds 248 KB is truncated. */
const PAYLOAD_LIMIT_BYTES = 248 * 1024;

/** The log entries of new events of an execution. Numbers are text in them, as on AWS. */
export function entriesOf(
  { level, includeExecutionData }: Logging,
  executionArn: string,
  redriveCount: number,
  events: readonly HistoryEvent[],
): Entry[] {
  const entries: Entry[] = [];
  for (const event of events) {
    if (!passes(level, event.type)) continue;
    const message = JSON.stringify({
      id: String(event.id),
      type: event.type,
      details: shownDetails(event, includeExecutionData),
      previous_event_id: String(event.previousEventId),
      event_timestamp: String(event.timestamp),
      execution_arn: executionArn,
      redrive_count: String(redriveCount),
    });
    entries.push({ timestamp: event.timestamp, message });
  }
  return entries;
}

/** An event's one member of details, without the data if that is not to be logged. */
function shownDetails(event: HistoryEvent, withData: boolean): Readonly<Record<string, unknown>> {
  const details = Object.values(event).find((member) => typeof member === "object" && member !== null) ?? {};
  if (!withData) return Object.fromEntries(Object.entries(details).filter(([member]) => !DATA.has(member)));
  return truncated(truncated({ ...details }, "input"), "output");
}

function truncated(details: Record<string, unknown>, payload: "input" | "output"): Record<string, unknown> {
  const text = details[payload];
  if (typeof text !== "string" || text.length * 6 <= PAYLOAD_LIMIT_BYTES) return details;
  if (Buffer.byteLength(JSON.stringify(text)) <= PAYLOAD_LIMIT_BYTES) return details;
  let kept = text;
  while (Buffer.byteLength(JSON.stringify(kept)) > PAYLOAD_LIMIT_BYTES)
    kept = kept.slice(0, Math.floor(kept.length * 0.9)).toWellFormed();
  return { ...details, [payload]: kept, [`${payload}Details`]: { truncated: true } };
}
