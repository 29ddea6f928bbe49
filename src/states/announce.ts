import { defaultBus, isoSeconds, type Parts, type Routed } from "../flow.ts";
import type { Transaction } from "../store/store.ts";
import { executionArn } from "./arns.ts";
import type { ExecutionRow } from "./rows/executions.ts";
import { redriveOf, startedThrough } from "./views.ts";

/** AWS leaves the payloads out of an event that would be too large with them. */
const PAYLOADS_LIMIT = 240_000;

/**
 * Sends "Step Functions Execution Status Change" to the default bus: at RUNNING and at the end. Its detail has the
 * members of DescribeExecution, all of them, null where there is nothing, dates in epoch milliseconds.
 */
export function announce(parts: Parts, transaction: Transaction, row: ExecutionRow): Promise<void> {
  // Twice an execution: the parts of a stored ARN need no checking.
  const [, , , region = "", account = ""] = row.machine.split(":", 5);
  const arn = executionArn(row);
  const bus = defaultBus(account, region);
  const now = row.stopped_at ?? row.redriven_at ?? row.started_at;
  const included = row.input.length + (row.output?.length ?? 0) <= PAYLOADS_LIMIT;
  const redrive = redriveOf(row, now);
  const routed: Routed = {
    bus,
    ingestedAt: now,
    event: {
      version: "0",
      id: parts.clock.uuid(),
      "detail-type": "Step Functions Execution Status Change",
      source: "aws.states",
      account,
      time: isoSeconds(now),
      region,
      resources: [arn],
      detail: {
        executionArn: arn,
        stateMachineArn: row.machine,
        name: row.name,
        status: row.status,
        startDate: row.started_at,
        stopDate: row.stopped_at,
        input: included ? row.input : null,
        output: included ? row.output : null,
        stateMachineVersionArn: null,
        stateMachineAliasArn: null,
        ...startedThrough(row),
        redriveCount: row.redrives ?? 0,
        redriveDate: row.redriven_at ?? null,
        redriveStatus: redrive.redriveStatus,
        redriveStatusReason: redrive.redriveStatusReason ?? null,
        inputDetails: { included },
        outputDetails: row.output === null ? null : { included },
        error: row.error,
        cause: row.cause,
      },
    },
  };
  return parts.relay.append(transaction, { kind: "event", key: bus, trace: row.trace, body: routed });
}
