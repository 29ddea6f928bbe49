import { AttachRolePolicyCommand, CreatePolicyCommand, CreateRoleCommand } from "@aws-sdk/client-iam";
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  StartExecutionCommand,
  type DescribeExecutionCommandOutput,
  type HistoryEvent,
} from "@aws-sdk/client-sfn";
import { eventually, type Stepwell } from "../support/stepwell.ts";

/** A Pass state whose result never changes, as in the tutorial. */
export const HELLO = JSON.stringify({
  StartAt: "Hello",
  States: { Hello: { Type: "Pass", Result: "Hello World!", End: true } },
});
/** Waits an hour, then ends. */
export const WAITING = JSON.stringify({
  StartAt: "Rest",
  States: { Rest: { Type: "Wait", Seconds: 3600, End: true } },
});
export const ABSENT = "arn:aws:states:us-east-1:123456789012:stateMachine:absent";

/** One Task, then the end. */
export function taskMachine(
  resource: string,
  parameters: unknown,
  more: Readonly<Record<string, unknown>> = {},
): string {
  const state = { Type: "Task", Resource: resource, Parameters: parameters, End: true, ...more };
  return JSON.stringify({ StartAt: "Do", States: { Do: state } });
}

/** A role that Step Functions may assume, with permissions as given. */
export async function roleFor(
  stepwell: Pick<Stepwell, "as">,
  name: string,
  actions: readonly string[],
): Promise<string> {
  const { iam } = stepwell.as;
  const trust = {
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: "states.amazonaws.com" }, Action: "sts:AssumeRole" }],
  };
  const made = await iam.send(
    new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: JSON.stringify(trust) }),
  );
  if (actions.length > 0) {
    const document = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: actions, Resource: "*" }] };
    const policy = await iam.send(
      new CreatePolicyCommand({ PolicyName: name, PolicyDocument: JSON.stringify(document) }),
    );
    await iam.send(new AttachRolePolicyCommand({ RoleName: name, PolicyArn: policy.Policy?.Arn ?? "" }));
  }
  return made.Role?.Arn ?? "";
}

export async function create(stepwell: Stepwell, name: string, definition: string, roleArn: string): Promise<string> {
  const made = await stepwell.as.states.send(new CreateStateMachineCommand({ name, definition, roleArn }));
  return made.stateMachineArn ?? "";
}

export async function start(stepwell: Stepwell, stateMachineArn: string, input: unknown = {}): Promise<string> {
  const text = JSON.stringify(input);
  const started = await stepwell.as.states.send(new StartExecutionCommand({ stateMachineArn, input: text }));
  return started.executionArn ?? "";
}

/** Waits until the execution is not RUNNING any more. */
export function ended(stepwell: Stepwell, executionArn: string): Promise<DescribeExecutionCommandOutput> {
  return eventually(async () => {
    const described = await stepwell.as.states.send(new DescribeExecutionCommand({ executionArn }));
    return described.status === "RUNNING" ? undefined : described;
  });
}

export async function history(stepwell: Stepwell, executionArn: string): Promise<HistoryEvent[]> {
  const { events } = await stepwell.as.states.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 }));
  return events ?? [];
}
