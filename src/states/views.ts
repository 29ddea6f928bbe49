import type { DescribeExecutionOutput, ExecutionListItem } from "@aws-sdk/client-sfn";
import { executionArn } from "./arns.ts";
import type { ChildRow } from "./rows/mapRuns.ts";
import { redriveRefusal, type Redrivable } from "./redrive.ts";
import type { ExecutionRow, ListedRow } from "./rows/executions.ts";

type RedriveStatus = "REDRIVABLE" | "NOT_REDRIVABLE" | "REDRIVABLE_BY_MAP_RUN";

/** Whether an execution could be redriven, in AWS's words. */
export function redriveOf(
  row: Redrivable,
  now: number,
): {
  redriveStatus: RedriveStatus;
  redriveStatusReason?: string;
} {
  const reason = redriveRefusal(row, now);
  if (reason !== undefined) return { redriveStatus: "NOT_REDRIVABLE", redriveStatusReason: reason };
  // Children are redriven with their map run, not by themselves.
  return { redriveStatus: row.map_run ? "REDRIVABLE_BY_MAP_RUN" : "REDRIVABLE" };
}

/** DescribeExecution: what is absent is left out, never null. `metadataOnly` hides the payloads. */
export function describedExecution(
  row: ExecutionRow,
  metadataOnly: boolean,
  now: number = row.stopped_at ?? row.started_at,
): DescribeExecutionOutput {
  return {
    executionArn: executionArn(row),
    stateMachineArn: row.machine,
    name: row.name,
    status: row.status,
    startDate: new Date(row.started_at),
    ...(row.stopped_at !== null && { stopDate: new Date(row.stopped_at) }),
    ...(!metadataOnly && { input: row.input }),
    inputDetails: { included: !metadataOnly },
    ...(row.output !== null && {
      ...(!metadataOnly && { output: row.output }),
      outputDetails: { included: !metadataOnly },
    }),
    ...(row.trace_header !== null && { traceHeader: row.trace_header }),
    ...(row.error !== null && !metadataOnly && { error: row.error }),
    ...(row.cause !== null && !metadataOnly && { cause: row.cause }),
    ...(row.map_run && { mapRunArn: row.map_run }),
    ...startedThrough(row),
    ...redrivesOf(row),
    ...redriveOf(row, now),
  };
}

/** How often an execution was redriven, and when the last time. */
function redrivesOf({ redrives, redriven_at }: Pick<ExecutionRow, "redrives" | "redriven_at">): {
  redriveCount: number;
  redriveDate?: Date;
} {
  return { redriveCount: redrives ?? 0, ...(redriven_at && { redriveDate: new Date(redriven_at) }) };
}

/** The version and the alias that an execution was started through. */
export function startedThrough({ machine, version, alias }: Pick<ExecutionRow, "machine" | "version" | "alias">): {
  stateMachineVersionArn?: string;
  stateMachineAliasArn?: string;
} {
  return {
    ...(typeof version === "number" && { stateMachineVersionArn: `${machine}:${version}` }),
    ...(typeof alias === "string" && { stateMachineAliasArn: `${machine}:${alias}` }),
  };
}

export function listedExecution(machine: string, row: ListedRow): ExecutionListItem {
  return {
    executionArn: executionArn({ machine, name: row.name }),
    stateMachineArn: machine,
    name: row.name,
    status: row.status,
    startDate: new Date(row.started_at),
    ...(row.stopped_at !== null && { stopDate: new Date(row.stopped_at) }),
    ...startedThrough({ machine, ...row }),
    ...redrivesOf(row),
  };
}

/** A child in the list of its map run's executions. */
export function listedChild(mapRunArn: string, row: ChildRow): ExecutionListItem {
  const { machine, name, item_count } = row;
  return { ...listedExecution(machine, { ...row, name, serial: 0 }), mapRunArn, itemCount: item_count };
}
