import type * as sfn from "@aws-sdk/client-sfn";
import type { Access, CallFacts } from "../flow.ts";
import { defineService, type ServiceDefinition } from "../wire/service.ts";
import { executionHandlers } from "./api/executions.ts";
import type { StatesParts } from "./api/handlers.ts";
import { historyHandlers } from "./api/history.ts";
import { machineHandlers } from "./api/machines.ts";
import { tagHandlers } from "./api/tags.ts";
import { machineArn } from "./arns.ts";

/** Step Functions. */
export function statesService(own: StatesParts): ServiceDefinition {
  return defineService<typeof sfn>({
    name: "states",
    model: "sfn",
    eventSource: "states.amazonaws.com",
    handlers: { ...machineHandlers(own), ...executionHandlers(own), ...historyHandlers(), ...tagHandlers(own) },
    concurrent: ["StartExecution", "StopExecution"],
    access: async (operation, input, facts) => accessOf(operation, input, facts),
    resources: (operation, input, output) => resourcesOf(operation, input, output),
  });
}

/** The members of inputs that name what an operation is about. */
type Named = {
  readonly name?: string;
  readonly stateMachineArn?: string;
  readonly executionArn?: string;
  readonly resourceArn?: string;
  readonly mapRunArn?: string;
  readonly tags?: readonly unknown[];
};

/** `states:<Operation>` on the machine or execution that the input names. */
function accessOf(operation: string, input: Named, facts: CallFacts): readonly Access[] {
  const action = `states:${operation}`;
  if (operation === "CreateStateMachine") {
    const resource = machineArn({ ...facts, name: input.name ?? "" });
    const needed = [{ action, resource }];
    // AWS asks for states:TagResource too when a machine is created with tags.
    return input.tags && input.tags.length > 0 ? [...needed, { action: "states:TagResource", resource }] : needed;
  }
  const resource = input.executionArn ?? input.stateMachineArn ?? input.resourceArn ?? input.mapRunArn ?? "*";
  const owner = resource.split(":")[4] ?? "";
  return [{ action, resource, ...(/^\d{12}$/.test(owner) && owner !== facts.account && { owner }) }];
}

/** Machines that the trail record lists. */
function resourcesOf(_operation: string, input: Named, output: unknown): { type: string; arn: string }[] {
  const arn = input.stateMachineArn ?? (output as Named | undefined)?.stateMachineArn;
  return arn === undefined ? [] : [{ type: "AWS::StepFunctions::StateMachine", arn }];
}
