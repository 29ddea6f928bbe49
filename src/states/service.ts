import type * as sfn from "@aws-sdk/client-sfn";
import type { Access, CallFacts } from "../flow.ts";
import { defineService, type ServiceDefinition } from "../wire/service.ts";
import { aliasHandlers } from "./api/aliases.ts";
import { activityHandlers } from "./api/activities.ts";
import { executionHandlers } from "./api/executions.ts";
import { expressHandlers } from "./api/express.ts";
import type { StatesParts } from "./api/handlers.ts";
import { historyHandlers } from "./api/history.ts";
import { mapRunHandlers } from "./api/mapRuns.ts";
import { machineHandlers } from "./api/machines.ts";
import { tagHandlers } from "./api/tags.ts";
import { taskTokenHandlers } from "./api/taskTokens.ts";
import { testStateHandlers } from "./api/testState.ts";
import { versionHandlers } from "./api/versions.ts";
import { activityArn, machineArn } from "./arns.ts";

/** Step Functions. */
export function statesService(own: StatesParts): ServiceDefinition {
  return defineService<typeof sfn>({
    name: "states",
    model: "sfn",
    eventSource: "states.amazonaws.com",
    handlers: {
      ...machineHandlers(own),
      ...versionHandlers(own),
      ...aliasHandlers(own),
      ...executionHandlers(own),
      ...expressHandlers(own),
      ...historyHandlers(),
      ...activityHandlers(own),
      ...taskTokenHandlers(own),
      ...tagHandlers(),
      ...mapRunHandlers(),
      ...testStateHandlers(own),
    },
    concurrent: [
      "StartExecution",
      "StartSyncExecution",
      "StopExecution",
      "SendTaskSuccess",
      "SendTaskFailure",
      "SendTaskHeartbeat",
    ],
    access: async (operation, input, facts) => accessOf(operation, input, facts, own),
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
  readonly activityArn?: string;
  readonly taskToken?: string;
  readonly revealSecrets?: boolean;
  readonly tags?: readonly unknown[];
  readonly publish?: boolean;
  readonly stateMachineVersionArn?: string;
  readonly stateMachineAliasArn?: string;
  readonly routingConfiguration?: readonly { readonly stateMachineVersionArn?: string }[];
};

/** `states:<Operation>` on the machine, execution or activity that the input names. */
function accessOf(operation: string, input: Named, facts: CallFacts, { tokens }: StatesParts): readonly Access[] {
  const action = `states:${operation}`;
  if (operation === "CreateStateMachine" || operation === "CreateActivity") {
    const arn = operation === "CreateActivity" ? activityArn : machineArn;
    const resource = arn({ ...facts, name: input.name ?? "" });
    // AWS asks for states:TagResource too when something is created with tags, for the publishing when it is published.
    return [
      { action, resource },
      ...(input.tags && input.tags.length > 0 ? [{ action: "states:TagResource", resource }] : []),
      ...(input.publish === true ? [{ action: PUBLISH, resource }] : []),
    ];
  }
  if (operation === "TestState") {
    const tests = { action, resource: "*" };
    return input.revealSecrets === true ? [tests, { action: "states:RevealSecrets", resource: "*" }] : [tests];
  }
  const qualified = input.stateMachineAliasArn ?? input.stateMachineVersionArn;
  const versions = input.routingConfiguration ?? [];
  if (qualified !== undefined || operation === "CreateStateMachineAlias")
    return qualifiedAccess(action, qualified ?? versions[0]?.stateMachineVersionArn ?? "*", facts, input.name);
  // A task belongs to the machine that its token speaks of; the handler refuses other accounts' tokens.
  if (input.taskToken !== undefined) return [{ action, resource: tokens.open(input.taskToken)?.machine ?? "*" }];
  const resource =
    input.executionArn ?? input.stateMachineArn ?? input.activityArn ?? input.resourceArn ?? input.mapRunArn ?? "*";
  const needed = { action, resource, ...ownerOf(resource, facts) };
  return input.publish === true ? [needed, { ...needed, action: PUBLISH }] : [needed];
}

const PUBLISH = "states:PublishStateMachineVersion";

/** Versions and aliases are managed by who may change their machine; the number or name is a condition key. */
function qualifiedAccess(action: string, arn: string, facts: CallFacts, name?: string): readonly Access[] {
  const parts = arn.split(":");
  const resource = parts.slice(0, 7).join(":");
  const qualifier = name ?? parts[7];
  const context = qualifier === undefined ? {} : { "states:statemachinequalifier": qualifier };
  return [{ action, resource, context, ...ownerOf(resource, facts) }];
}

function ownerOf(resource: string, facts: CallFacts): { owner?: string } {
  const owner = resource.split(":")[4] ?? "";
  return /^\d{12}$/.test(owner) && owner !== facts.account ? { owner } : {};
}

/** Machines that the trail record lists. */
function resourcesOf(_operation: string, input: Named, output: unknown): { type: string; arn: string }[] {
  const arn =
    input.stateMachineArn ??
    input.stateMachineVersionArn ??
    input.stateMachineAliasArn ??
    (output as Named | undefined)?.stateMachineArn;
  return arn === undefined ? [] : [{ type: "AWS::StepFunctions::StateMachine", arn }];
}
