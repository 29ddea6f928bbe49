import type { Caller, Parts, Principal } from "../../flow.ts";
import type { Transaction } from "../../store/store.ts";
import { AwsFault } from "../../wire/fault.ts";
import { parseMachineArn } from "../arns.ts";
import type { TaskWork } from "../executions.ts";
import { TaskFailed } from "./failure.ts";

export const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** In whose name a task calls: the machine's role, or a session of the role that its Credentials name. */
export async function callerOf(
  parts: Parts,
  task: TaskWork,
  trace: string,
  transaction?: Transaction,
): Promise<Caller> {
  const { account, region } = parseMachineArn(task.machine);
  const machineRole: Caller = {
    kind: "role",
    roleArn: task.roleArn,
    service: "states.amazonaws.com",
    sessionName: parts.clock.text(32, LETTERS),
    sourceArn: task.machine,
    account,
  };
  const { taskRoleArn } = task;
  if (taskRoleArn === undefined) return machineRole;
  return {
    kind: "principal",
    principal: await taskSession(parts, machineRole, taskRoleArn, {
      trace,
      region,
      ...(transaction && { transaction }),
    }),
  };
}

type Assumed = {
  readonly Credentials?: { readonly AccessKeyId?: string };
  readonly AssumedRoleUser?: { readonly Arn?: string; readonly AssumedRoleId?: string };
};

/** The machine's role assumes the task's role, so both the machine's permission and the task role's trust are asked. */
async function taskSession(
  parts: Parts,
  machineRole: Extract<Caller, { kind: "role" }>,
  roleArn: string,
  circumstances: { readonly trace: string; readonly region: string; readonly transaction?: Transaction },
): Promise<Principal> {
  const { sessionName } = machineRole;
  const input = { RoleArn: roleArn, RoleSessionName: sessionName };
  let assumed: Assumed;
  try {
    assumed = await parts.call<Assumed>({
      service: "sts",
      operation: "AssumeRole",
      input,
      as: machineRole,
      ...circumstances,
    });
  } catch (error) {
    if (!(error instanceof AwsFault)) throw error;
    throw new TaskFailed(
      "States.TaskFailed",
      `The role ${machineRole.roleArn} is not authorized to assume the task state's role, ${roleArn}.`,
    );
  }
  return {
    kind: "session",
    account: roleArn.split(":")[4] ?? "",
    arn: assumed.AssumedRoleUser?.Arn ?? "",
    id: assumed.AssumedRoleUser?.AssumedRoleId ?? "",
    roleArn,
    roleName: roleArn.slice(roleArn.lastIndexOf("/") + 1),
    sessionName,
    accessKeyId: assumed.Credentials?.AccessKeyId ?? "",
    createdAt: parts.clock.now(),
    invokedBy: "states.amazonaws.com",
  };
}
