import type { DescribeMapRunOutput, MapRunListItem } from "@aws-sdk/client-sfn";
import type { CallFacts } from "../../flow.ts";
import type { Reader } from "../../store/store.ts";
import { fault } from "../../wire/fault.ts";
import { executionArn, parseMapRunArn } from "../arns.ts";
import type { MapPlan } from "../asl/types.ts";
import { endedChildren } from "../mapruns/tally.ts";
import { cutPage, pageSize, positionOf } from "../paging.ts";
import { executionByKey } from "../rows/executions.ts";
import { MOST_REDRIVES, SPENT_EVENTS } from "../redrive.ts";
import {
  childrenSpent,
  childrenWith,
  lockedMapRun,
  mapRunByArn,
  mapRunsOf,
  updateLimits,
  type MapRunRow,
} from "../rows/mapRuns.ts";
import type { Handle, StatesHandlers } from "./handlers.ts";
import { missingExecution, ownExecution } from "./own.ts";

export function mapRunHandlers(): StatesHandlers {
  return { DescribeMapRun: describeMapRun(), ListMapRuns: listMapRuns(), UpdateMapRun: updateMapRun() };
}

function describeMapRun(): Handle<"DescribeMapRun"> {
  return (input, call) =>
    call.read(async (reader) => {
      const run = await existingMapRun(reader, input.mapRunArn, call);
      if (run.redrive_count === 0) return describedMapRun(run);
      const waiting = await childrenWith(reader, run.arn, "PENDING_REDRIVE");
      const { executionType } = JSON.parse(run.plan) as MapPlan;
      // Express children begin anew, whatever became of them.
      const express = executionType === "EXPRESS";
      const spent = express ? undefined : await childrenSpent(reader, run.arn, SPENT_EVENTS, MOST_REDRIVES);
      return describedMapRun(run, waiting, spent);
    });
}

function listMapRuns(): Handle<"ListMapRuns"> {
  return async (input, call) => {
    const key = ownExecution(input.executionArn, call);
    const limit = pageSize(input.maxResults);
    const list = `mapRuns ${input.executionArn}`;
    const [after = ""] = positionOf(list, input.nextToken, call.at) ?? [];
    return call.read(async (reader) => {
      if (!(await executionByKey(reader, key))) missingExecution(input.executionArn);
      const rows = await mapRunsOf(reader, key, String(after), limit + 1);
      const { page, next } = cutPage(rows, limit, list, call.at, (row) => row.arn);
      return {
        mapRuns: page.map(listedMapRun),
        ...next,
      };
    });
  };
}

/** Acts on the live run: the next children are started, and failures counted, by the new limits. */
function updateMapRun(): Handle<"UpdateMapRun"> {
  return async (input, call) => {
    const { mapRunArn, maxConcurrency, toleratedFailureCount, toleratedFailurePercentage } = input;
    if ([maxConcurrency, toleratedFailureCount, toleratedFailurePercentage].every((one) => one === undefined))
      throw fault(
        "ValidationException",
        "At least one of maxConcurrency, toleratedFailurePercentage and toleratedFailureCount must be specified",
      );
    return call.commit(async (transaction) => {
      await existingMapRun(transaction, mapRunArn, call);
      const run = await lockedMapRun(transaction, mapRunArn);
      if (run === undefined) throw missingMapRun(mapRunArn);
      if (run.status !== "RUNNING")
        throw fault("ValidationException", `Map Run is ${run.status} and cannot be updated: '${mapRunArn}'`);
      await updateLimits(transaction, {
        arn: run.arn,
        max_concurrency: maxConcurrency ?? run.max_concurrency,
        tolerated_count: toleratedFailureCount ?? run.tolerated_count,
        tolerated_percentage:
          toleratedFailurePercentage === undefined ? run.tolerated_percentage : String(toleratedFailurePercentage),
      });
      return {};
    });
  };
}

/** Throws ResourceNotFound if there is no such run here. */
export async function existingMapRun(reader: Reader, arn: string, call: Pick<CallFacts, "region">): Promise<MapRunRow> {
  const { region } = parseMapRunArn(arn);
  const run = region === call.region ? await mapRunByArn(reader, arn) : undefined;
  if (run === undefined) throw missingMapRun(arn);
  return run;
}

function missingMapRun(arn: string): Error {
  return fault("ResourceNotFound", `Resource not found: '${arn}'`, { detail: { resourceName: arn } });
}

const NONE = { children: 0, items: 0 };

/**
 * @param waiting children that a redrive has not come to yet, and their items
 * @param spent children that no redrive can help any more
 */
function describedMapRun(run: MapRunRow, waiting = NONE, spent = NONE): DescribeMapRunOutput {
  const running = run.children - endedChildren(run) - waiting.children;
  const endedItems = run.items_succeeded + run.items_failed + run.items_timed_out + run.items_aborted;
  const total = Math.max(run.items_total ?? 0, run.items_read);
  const pending = run.status === "RUNNING" ? total - run.items_read : 0;
  const { batcher } = JSON.parse(run.plan) as MapPlan;
  const pendingChildren = batcher === undefined ? pending : 0;
  return {
    mapRunArn: run.arn,
    executionArn: executionArn(run),
    status: run.status,
    startDate: new Date(run.started_at),
    ...(run.stopped_at !== null && { stopDate: new Date(run.stopped_at) }),
    maxConcurrency: run.max_concurrency,
    toleratedFailurePercentage: Number(run.tolerated_percentage ?? 0),
    toleratedFailureCount: run.tolerated_count ?? 0,
    itemCounts: {
      pending,
      running: run.items_read - endedItems - waiting.items,
      succeeded: run.items_succeeded,
      failed: run.items_failed,
      timedOut: run.items_timed_out,
      aborted: run.items_aborted,
      total,
      resultsWritten: run.items_written,
      ...(run.redrive_count > 0 && { failuresNotRedrivable: spent.items, pendingRedrive: waiting.items }),
    },
    executionCounts: {
      pending: pendingChildren,
      running,
      succeeded: run.succeeded,
      failed: run.failed,
      timedOut: run.timed_out,
      aborted: run.aborted,
      total: run.children + pendingChildren,
      resultsWritten: run.written,
      ...(run.redrive_count > 0 && { failuresNotRedrivable: spent.children, pendingRedrive: waiting.children }),
    },
    ...(run.redrive_count > 0 && { redriveCount: run.redrive_count }),
    ...(run.redriven_at !== null && { redriveDate: new Date(run.redriven_at) }),
  };
}

function listedMapRun(run: MapRunRow): MapRunListItem {
  const { label } = JSON.parse(run.plan) as MapPlan;
  const [machine = ""] = run.machine.split("/");
  return {
    executionArn: executionArn(run),
    mapRunArn: run.arn,
    stateMachineArn: `${machine}/${label}`,
    startDate: new Date(run.started_at),
    ...(run.stopped_at !== null && { stopDate: new Date(run.stopped_at) }),
  };
}
