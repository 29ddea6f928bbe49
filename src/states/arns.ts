import { fault } from "../wire/fault.ts";

/** A state machine's place in the world. */
export type MachineName = { readonly account: string; readonly region: string; readonly name: string };
/** An execution's key: its machine's ARN and its own name. */
export type ExecutionKey = { readonly machine: string; readonly name: string };

export function machineArn({ account, region, name }: MachineName): string {
  return `arn:aws:states:${region}:${account}:stateMachine:${name}`;
}

/** `arn:aws:states:R:A:execution:M:N` */
export function executionArn({ machine, name }: ExecutionKey): string {
  return `${machine.replace(":stateMachine:", ":execution:")}:${name}`;
}

/** `arn:aws:states:R:A:activity:N` */
export function activityArn({ account, region, name }: MachineName): string {
  return `arn:aws:states:${region}:${account}:activity:${name}`;
}

/** Takes an activity's ARN apart. */
export function parseActivityArn(arn: string): MachineName {
  const { account, region, kind, rest } = parseArn(arn);
  if (kind !== "activity") throw invalidArn(`Resource type not valid in this context: ${kind}`);
  const [name = "", ...more] = rest;
  if (name === "" || more.length > 0) throw invalidArn(`Invalid ARN: ${arn}`);
  return { account, region, name };
}

/** `arn:aws:states:R:A:express:M:N:ID` */
export function expressArn({ machine, name }: ExecutionKey, id: string): string {
  return `${machine.replace(":stateMachine:", ":express:")}:${name}:${id}`;
}

/** Takes a state machine's ARN apart; versions and aliases are told from it by a further part. */
export function parseMachineArn(arn: string): MachineName & { readonly qualifier?: string; readonly label?: string } {
  const { account, region, kind, rest } = parseArn(arn);
  if (kind !== "stateMachine") throw invalidArn(`Resource type not valid in this context: ${kind}`);
  const [name = "", qualifier, ...more] = rest;
  if (name === "" || more.length > 0) throw invalidArn(`Invalid ARN: ${arn}`);
  const slash = name.indexOf("/");
  const label = slash < 0 ? undefined : name.slice(slash + 1);
  return {
    account,
    region,
    name: slash < 0 ? name : name.slice(0, slash),
    ...(qualifier !== undefined && { qualifier }),
    ...(label !== undefined && { label }),
  };
}

/** Takes an execution's ARN apart. */
export function parseExecutionArn(arn: string): ExecutionKey & { readonly account: string; readonly region: string } {
  const { account, region, kind, rest } = parseArn(arn);
  if (kind !== "execution") throw invalidArn(`Resource type not valid in this context: ${kind}`);
  const [machine = "", name = "", ...more] = rest;
  if (machine === "" || name === "" || more.length > 0) throw invalidArn(`Invalid ARN: ${arn}`);
  return { account, region, machine: machineArn({ account, region, name: machine }), name };
}

/** Takes the ARN of a map run apart: `arn:aws:states:R:A:mapRun:M/LABEL:ID`. */
export function parseMapRunArn(arn: string): { readonly region: string; readonly label: string } {
  const { region, kind, rest } = parseArn(arn);
  if (kind !== "mapRun") throw invalidArn(`Resource type not valid in this context: ${kind}`);
  const [machine = "", id = "", ...more] = rest;
  const label = machine.split("/")[1];
  if (label === undefined || id === "" || more.length > 0) throw invalidArn(`Invalid ARN: ${arn}`);
  return { region, label };
}

function parseArn(arn: string): { account: string; region: string; kind: string; rest: string[] } {
  const [prefix, , service, region = "", account = "", kind = "", ...rest] = arn.split(":");
  // AWS: "Invalid Arn: 'Invalid ARN prefix: not_a_valid_arn'"
  if (prefix !== "arn" || service !== "states") throw invalidArn(`Invalid ARN prefix: ${arn}`);
  return { account, region, kind, rest };
}

export function invalidArn(reason: string): Error {
  return fault("InvalidArn", `Invalid Arn: '${reason}'`);
}

/** Characters that names of machines and executions may not have. */
// oxlint-disable-next-line no-control-regex -- control characters are among the refused ones
const REFUSED = /[\s<>{}[\]?*"#%\\^|~`$&,;:/\u0000-\u001f\u007f-\u009f]/u;

/** Throws AWS's InvalidName for names that AWS refuses. */
export function checkName(name: string): void {
  if (name.length < 1 || name.length > 80 || REFUSED.test(name)) throw fault("InvalidName", `Invalid Name: '${name}'`);
}

/**
 * The name of an execution that was given none: a UUID that begins with the time (version 7), so that executions
 * lie in the order of their starts in the store. Random names cost a page of log each.
 */
export function executionName(now: number, uuid: string): string {
  const time = now.toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${uuid.slice(15)}`;
}
