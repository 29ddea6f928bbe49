import type { CallFacts } from "../../flow.ts";
import { fault } from "../../wire/fault.ts";
import {
  activityArn,
  machineArn,
  parseActivityArn,
  parseExecutionArn,
  parseMachineArn,
  type ExecutionKey,
} from "../arns.ts";
import { missingMachine } from "../definitions.ts";
import type { MachineRow } from "../rows/machines.ts";
import type { NamedMachine } from "../targets.ts";

/** The machine that an ARN names, as its plain ARN; for operations that take neither versions nor aliases. */
export function ownMachine(arn: string, facts: Pick<CallFacts, "region">): string {
  const { machine, qualifier } = namedMachine(arn, facts);
  if (qualifier !== undefined)
    throw fault("ValidationException", `This operation does not support qualified ARNs: '${arn}'`);
  return machine;
}

/** The machine, version or alias that an ARN names. An ARN of another region than the one that is asked names nothing. */
export function namedMachine(arn: string, facts: Pick<CallFacts, "region">): NamedMachine {
  const { account, region, name, qualifier, label } = parseMachineArn(arn);
  if (label !== undefined)
    throw fault("ValidationException", "This operation does not support labeled ARNs.", {
      detail: { reason: "API_DOES_NOT_SUPPORT_LABELED_ARNS" },
    });
  if (region !== facts.region) missingMachine(arn);
  return { arn, machine: machineArn({ account, region, name }), ...(qualifier !== undefined && { qualifier }) };
}

/** A machine that may be changed: it is there, and nobody is deleting it. */
export function writableMachine(row: MachineRow | undefined, arn: string): MachineRow {
  if (!row) return missingMachine(arn);
  if (row.deleting === 1) deletingMachine(arn);
  return row;
}

export function deletingMachine(arn: string): never {
  throw fault("StateMachineDeleting", `State Machine is being deleted: '${arn}'`);
}

/** The execution that an ARN names. */
export function ownExecution(arn: string, facts: Pick<CallFacts, "region">): ExecutionKey {
  const { region, machine, name } = parseExecutionArn(arn);
  if (region !== facts.region) missingExecution(arn);
  return { machine, name };
}

export function missingExecution(arn: string): never {
  throw fault("ExecutionDoesNotExist", `Execution Does Not Exist: '${arn}'`);
}

/** The activity that an ARN names. */
export function ownActivity(arn: string, facts: Pick<CallFacts, "region">): string {
  const named = parseActivityArn(arn);
  if (named.region !== facts.region) missingActivity(arn);
  return activityArn(named);
}

export function missingActivity(arn: string): never {
  throw fault("ActivityDoesNotExist", `Activity Does Not Exist: '${arn}'`);
}
