import type { ListExecutionsOutput } from "@aws-sdk/client-sfn";
import type { Call } from "../../flow.ts";
import { fault } from "../../wire/fault.ts";
import { executionArn } from "../arns.ts";
import { cutPage, pageSize, positionOf } from "../paging.ts";
import { executionByKey, executionsBefore, firstSerialOf, type ExecutionRow } from "../rows/executions.ts";
import { revisionById } from "../rows/machines.ts";
import { childrenBefore } from "../rows/mapRuns.ts";
import { isNumber } from "../targets.ts";
import { describedExecution, listedChild, listedExecution } from "../views.ts";
import { existingMapRun } from "./mapRuns.ts";
import { typeNotSupported } from "./express.ts";
import type { Handle, StatesHandlers, StatesParts } from "./handlers.ts";
import { described } from "./machines.ts";
import { missingExecution, namedMachine, ownExecution } from "./own.ts";
import { startOf } from "./starting.ts";

export function executionHandlers(own: StatesParts): StatesHandlers {
  return {
    StartExecution: startExecution(own),
    StopExecution: stopExecution(own),
    RedriveExecution: redriveExecution(own),
    DescribeExecution: describeExecution(own),
    DescribeStateMachineForExecution: describeStateMachineForExecution(own),
    ListExecutions: listExecutions(own),
  };
}

function startExecution(own: StatesParts): Handle<"StartExecution"> {
  const { executions, expresses } = own;
  return async (input, call) => {
    const resolve = startOf(own, input, call);
    return call.commit(async (transaction) => {
      const { asked, type } = await resolve(transaction);
      if (type === "EXPRESS") {
        const start = expresses.begin(asked);
        await expresses.start(transaction, start);
        return { executionArn: start.arn, startDate: new Date(start.startedAt) };
      }
      const startedAt = await executions.start(transaction, { ...asked, traceHeader: input.traceHeader });
      return { executionArn: executionArn(asked), startDate: new Date(startedAt) };
    });
  };
}

function stopExecution({ parts, executions }: StatesParts): Handle<"StopExecution"> {
  return async (input, call) => {
    const key = ownExecution(input.executionArn, call);
    const { error, cause } = input;
    return call.commit(async (transaction) => {
      await executions.signal(transaction, key, {
        kind: "stop",
        ...(error !== undefined && { error }),
        ...(cause !== undefined && { cause }),
      });
      const row = (await executionByKey(transaction, key)) ?? missingExecution(input.executionArn);
      return { stopDate: new Date(row.stopped_at ?? parts.clock.now()) };
    });
  };
}

function redriveExecution({ executions }: StatesParts): Handle<"RedriveExecution"> {
  return async (input, call) => {
    const key = ownExecution(input.executionArn, call);
    return call.commit(async (transaction) => {
      const redrivenAt = await executions.redrive(transaction, key, input.clientToken);
      return { redriveDate: new Date(redrivenAt) };
    });
  };
}

function describeExecution({ parts }: StatesParts): Handle<"DescribeExecution"> {
  return async (input, call) => {
    const row = await executionOf(input.executionArn, call);
    return describedExecution(row, input.includedData === "METADATA_ONLY", parts.clock.now());
  };
}

function describeStateMachineForExecution({ definitions }: StatesParts): Handle<"DescribeStateMachineForExecution"> {
  return async (input, call) => {
    const execution = await executionOf(input.executionArn, call);
    return call.read(async (reader) => {
      const revision = await revisionById(reader, execution.revision);
      if (!revision) throw new Error(`the definition of ${input.executionArn} is gone`);
      const [arn = "", label] = execution.machine.split("/");
      const machine = await definitions.machine(reader, arn);
      const name = arn.slice(arn.lastIndexOf(":") + 1);
      const settings = machine ?? {
        arn,
        name,
        logging: JSON.stringify({ level: "OFF", includeExecutionData: false }),
        tracing: 0,
        encryption: null,
        updated_at: null,
      };
      const { variableReferences } = (await definitions.revision(reader, execution.revision)).machine;
      return {
        ...described(settings, revision, input.includedData === "METADATA_ONLY", variableReferences),
        updateDate: new Date(revision.created_at),
        ...(execution.map_run && { mapRunArn: execution.map_run, stateMachineArn: execution.machine }),
        ...(label !== undefined && { label }),
      };
    });
  };
}

function listExecutions({ definitions }: StatesParts): Handle<"ListExecutions"> {
  return async (input, call) => {
    if (input.mapRunArn !== undefined && input.stateMachineArn === undefined) return listChildren(input, call);
    if (input.stateMachineArn === undefined || input.mapRunArn !== undefined)
      throw fault("ValidationException", "Must specify exactly one of stateMachineArn and mapRunArn");
    const { arn, machine, qualifier } = namedMachine(input.stateMachineArn, call);
    const status = input.statusFilter;
    // AWS: "If you provide a state machine ARN in redriveFilter, the API returns a validation exception."
    if (input.redriveFilter !== undefined)
      throw fault("ValidationException", "redriveFilter is supported for the executions of a Map Run only");
    if (status === "PENDING_REDRIVE")
      throw fault("ValidationException", "PENDING_REDRIVE is supported for the executions of a Map Run only");
    const limit = pageSize(input.maxResults);
    const list = `executions ${arn} ${status ?? ""}`;
    const filter = {
      ...(status !== undefined && { status }),
      ...(qualifier !== undefined && (isNumber(qualifier) ? { version: Number(qualifier) } : { alias: qualifier })),
    };
    const [before = Number.MAX_SAFE_INTEGER] = positionOf(list, input.nextToken, call.at) ?? [];
    const rows = await call.read(async (reader) => {
      const { created_at, type } = await definitions.existingMachine(reader, machine);
      if (type === "EXPRESS") throw typeNotSupported();
      // Executions of a deleted machine of the same name are not this one's.
      const place = { before: Number(before), since: firstSerialOf(created_at) };
      return executionsBefore(reader, machine, place, filter, limit + 1);
    });
    const { page, next } = cutPage(rows, limit, list, call.at, (row) => row.serial);
    return {
      executions: page.map((row) => listedExecution(machine, row)),
      ...next,
    };
  };
}

type ListInput = Parameters<Handle<"ListExecutions">>[0];

/** The children of a map run, newest first. */
async function listChildren(input: ListInput, call: Call): Promise<ListExecutionsOutput> {
  const { mapRunArn = "", statusFilter: status } = input;
  const redriven = input.redriveFilter === undefined ? undefined : input.redriveFilter === "REDRIVEN";
  const limit = pageSize(input.maxResults);
  const list = `children ${mapRunArn} ${status ?? ""} ${input.redriveFilter ?? ""}`;
  const [before = Number.MAX_SAFE_INTEGER] = positionOf(list, input.nextToken, call.at) ?? [];
  const rows = await call.read(async (reader) => {
    const { arn } = await existingMapRun(reader, mapRunArn, call);
    return childrenBefore(reader, arn, Number(before), status, limit + 1, redriven);
  });
  const { page, next } = cutPage(rows, limit, list, call.at, (row) => row.map_index);
  return {
    executions: page.map((row) => listedChild(mapRunArn, row)),
    ...next,
  };
}

async function executionOf(arn: string, call: Call): Promise<ExecutionRow> {
  const key = ownExecution(arn, call);
  return (await call.read((reader) => executionByKey(reader, key))) ?? missingExecution(arn);
}
