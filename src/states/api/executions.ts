import type { Call } from "../../flow.ts";
import { fault } from "../../wire/fault.ts";
import { checkName, executionArn, executionName } from "../arns.ts";
import { checkInput } from "../input.ts";
import { pageSize, positionOf, tokenOf } from "../paging.ts";
import { executionByKey, executionsBefore, firstSerialOf, type ExecutionRow } from "../rows/executions.ts";
import { revisionById } from "../rows/machines.ts";
import { describedExecution, listedExecution } from "../views.ts";
import type { Handle, StatesHandlers, StatesParts } from "./handlers.ts";
import { described } from "./machines.ts";
import { missingExecution, ownExecution, ownMachine } from "./own.ts";

export function executionHandlers(own: StatesParts): StatesHandlers {
  return {
    StartExecution: startExecution(own),
    StopExecution: stopExecution(own),
    DescribeExecution: describeExecution(),
    DescribeStateMachineForExecution: describeStateMachineForExecution(own),
    ListExecutions: listExecutions(own),
  };
}

function startExecution({ parts, definitions, executions }: StatesParts): Handle<"StartExecution"> {
  return async (input, call) => {
    const machine = ownMachine(input.stateMachineArn, call);
    if (input.name !== undefined) checkName(input.name);
    const text = input.input ?? "{}";
    checkInput(text);
    const name = input.name ?? executionName(parts.clock.now(), parts.clock.uuid());
    const executionArnText = executionArn({ machine, name });
    return call.commit(async (transaction) => {
      const row = await definitions.existingMachine(transaction, machine);
      const revision = await definitions.revision(transaction, row.revision);
      const startedAt = await executions.start(transaction, {
        machine,
        name,
        revision,
        machineName: row.name,
        input: text,
        trace: call.trace,
        traceHeader: input.traceHeader,
      });
      return { executionArn: executionArnText, startDate: new Date(startedAt) };
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

function describeExecution(): Handle<"DescribeExecution"> {
  return async (input, call) => {
    const row = await executionOf(input.executionArn, call);
    return describedExecution(row, input.includedData === "METADATA_ONLY");
  };
}

function describeStateMachineForExecution({ definitions }: StatesParts): Handle<"DescribeStateMachineForExecution"> {
  return async (input, call) => {
    const execution = await executionOf(input.executionArn, call);
    return call.read(async (reader) => {
      const revision = await revisionById(reader, execution.revision);
      if (!revision) throw new Error(`the definition of ${input.executionArn} is gone`);
      const machine = await definitions.machine(reader, execution.machine);
      const name = execution.machine.slice(execution.machine.lastIndexOf(":") + 1);
      const settings = machine ?? {
        arn: execution.machine,
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
      };
    });
  };
}

function listExecutions({ definitions }: StatesParts): Handle<"ListExecutions"> {
  return async (input, call) => {
    if (input.mapRunArn !== undefined)
      throw fault("NotImplementedException", "Stepwell does not implement Map Runs (mapRunArn).", { status: 501 });
    if (input.redriveFilter === "REDRIVEN") return { executions: [] };
    if (input.stateMachineArn === undefined)
      throw fault("ValidationException", "Must specify exactly one of stateMachineArn and mapRunArn");
    const machine = ownMachine(input.stateMachineArn, call);
    const status = input.statusFilter;
    const limit = pageSize(input.maxResults);
    const list = `executions ${machine} ${status ?? ""}`;
    const [before = Number.MAX_SAFE_INTEGER] = positionOf(list, input.nextToken) ?? [];
    const rows = await call.read(async (reader) => {
      const { created_at } = await definitions.existingMachine(reader, machine);
      // Executions of a deleted machine of the same name are not this one's.
      const place = { before: Number(before), since: firstSerialOf(created_at) };
      return executionsBefore(reader, machine, place, status, limit + 1);
    });
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    return {
      executions: page.map((row) => listedExecution(machine, row)),
      ...(rows.length > limit && last && { nextToken: tokenOf(list, [last.serial]) }),
    };
  };
}

async function executionOf(arn: string, call: Call): Promise<ExecutionRow> {
  const key = ownExecution(arn, call);
  return (await call.read((reader) => executionByKey(reader, key))) ?? missingExecution(arn);
}
