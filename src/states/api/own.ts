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

/**
 * The machine that an ARN names, as its plain ARN. Versions and aliases are not there, so an ARN of one names nothing;
 * neither does an ARN of another region than the one that is asked.
 */
export function ownMachine(arn: string, facts: Pick<CallFacts, "region">): string {
  const { account, region, name, qualifier, label } = parseMachineArn(arn);
  if (label !== undefined)
    throw fault("ValidationException", "This operation does not support labeled ARNs.", {
      detail: { reason: "API_DOES_NOT_SUPPORT_LABELED_ARNS" },
    });
  if (qualifier !== undefined || region !== facts.region) missingMachine(arn);
  return machineArn({ account, region, name });
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
