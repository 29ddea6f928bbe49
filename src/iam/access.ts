/** What a caller must be allowed for each operation of IAM and STS, and on which resource. */
import type { Access, CallFacts } from "../flow.ts";
import type { Reader } from "../store/store.ts";
import { entityArn, parseEntityArn, rootArn } from "./names.ts";
import type { EntityKind } from "./names.ts";
import { keyById } from "./policy-rows.ts";
import { entityById, entityByName } from "./rows.ts";
import type { EntityRow } from "./rows.ts";
import { arnOf } from "./support.ts";
import { NO_TRUST, trustToDecide } from "./trust.ts";

type IamInput = {
  readonly UserName?: string;
  readonly GroupName?: string;
  readonly RoleName?: string;
  readonly PolicyName?: string;
  readonly PolicyArn?: string;
  readonly PolicySourceArn?: string;
  readonly Path?: string;
  readonly PathPrefix?: string;
  readonly AccessKeyId?: string;
  readonly AWSServiceName?: string;
  readonly PermissionsBoundary?: string;
  readonly DeletionTaskId?: string;
  readonly Tags?: readonly { readonly Key: string; readonly Value: string }[];
  readonly TagKeys?: readonly string[];
};

export async function iamAccess(
  operation: string,
  input: IamInput,
  facts: CallFacts,
  reader: Reader,
): Promise<readonly Access[]> {
  const { resource, entity } = await resourceOf(operation, input, facts, reader);
  const context: Record<string, string | readonly string[]> = tagContext(input, entity);
  if (input.PolicyArn !== undefined) context["iam:policyarn"] = input.PolicyArn;
  const boundary = input.PermissionsBoundary ?? entity?.boundary;
  if (boundary) context["iam:permissionsboundary"] = boundary;
  if (input.AWSServiceName !== undefined) context["iam:awsservicename"] = input.AWSServiceName;
  return [{ action: `iam:${operation}`, resource, context }];
}

type Subject = { readonly resource: string; readonly entity?: EntityRow | undefined };

async function resourceOf(operation: string, input: IamInput, facts: CallFacts, reader: Reader): Promise<Subject> {
  const { account } = facts;
  if (operation === "ListUsers") return { resource: listArn(account, "user", input.PathPrefix) };
  if (operation === "ListGroups") return { resource: listArn(account, "group", input.PathPrefix) };
  if (operation === "ListRoles") return { resource: listArn(account, "role", input.PathPrefix) };
  if (operation === "ListPolicies") return { resource: listArn(account, "policy", input.PathPrefix) };
  if (operation === "CreatePolicy") {
    return { resource: entityArn(account, "policy", input.Path ?? "/", input.PolicyName ?? "") };
  }
  if (operation === "CreateServiceLinkedRole") {
    return { resource: `arn:aws:iam::${account}:role/aws-service-role/${input.AWSServiceName ?? ""}/*` };
  }
  if (operation === "GetServiceLinkedRoleDeletionStatus") {
    return { resource: `arn:aws:iam::${account}:role/aws-service-role/*` };
  }
  // Membership is the group's, so the group comes before the user.
  if (input.GroupName !== undefined) return named(reader, account, "group", input.GroupName, input.Path);
  if (input.RoleName !== undefined) return named(reader, account, "role", input.RoleName, input.Path);
  if (input.AccessKeyId !== undefined && input.UserName === undefined)
    return keyOwner(reader, facts, input.AccessKeyId);
  if (input.UserName !== undefined) return named(reader, account, "user", input.UserName, input.Path);
  if (input.PolicyArn !== undefined) return { resource: input.PolicyArn };
  if (input.PolicySourceArn !== undefined) return { resource: input.PolicySourceArn };
  return { resource: OWN_BY_DEFAULT.has(operation) ? ownArn(facts) : "*" };
}

/** Operations that mean the caller when they name nobody. */
const OWN_BY_DEFAULT: ReadonlySet<string> = new Set([
  "GetUser",
  "CreateAccessKey",
  "ListAccessKeys",
  "ListMFADevices",
  "ListSSHPublicKeys",
  "ListSigningCertificates",
  "ListServiceSpecificCredentials",
  "GetLoginProfile",
]);

async function named(
  reader: Reader,
  account: string,
  kind: EntityKind,
  name: string,
  path: string | undefined,
): Promise<Subject> {
  const entity = await entityByName(reader, account, kind, name);
  return { resource: entity ? arnOf(entity) : entityArn(account, kind, path ?? "/", name), entity };
}

async function keyOwner(reader: Reader, facts: CallFacts, keyId: string): Promise<Subject> {
  const key = await keyById(reader, keyId);
  if (key?.account !== facts.account) return { resource: ownArn(facts) };
  const entity = key.user_id === "" ? undefined : await entityById(reader, key.user_id);
  return { resource: entity ? arnOf(entity) : rootArn(facts.account), entity };
}

function ownArn({ principal, account }: CallFacts): string {
  return "arn" in principal ? principal.arn : rootArn(account);
}

/** `arn:aws:iam::123456789012:role/`, and what lies below a path. */
function listArn(account: string, kind: EntityKind | "policy", prefix = "/"): string {
  return `arn:aws:iam::${account}:${kind}${prefix}`;
}

function tagContext(input: IamInput, entity: EntityRow | undefined): Record<string, string | readonly string[]> {
  const context: Record<string, string | readonly string[]> = {};
  for (const { Key, Value } of input.Tags ?? []) context[`aws:requesttag/${Key.toLowerCase()}`] = Value;
  const keys = input.TagKeys ?? input.Tags?.map((tag) => tag.Key);
  if (keys) context["aws:tagkeys"] = keys;
  const own = entity && entity.tags !== "{}" ? (JSON.parse(entity.tags) as Record<string, string>) : {};
  for (const [key, value] of Object.entries(own)) {
    context[`aws:resourcetag/${key.toLowerCase()}`] = value;
    context[`iam:resourcetag/${key.toLowerCase()}`] = value;
  }
  return context;
}

type StsInput = {
  readonly RoleArn?: string;
  readonly RoleSessionName?: string;
  readonly ExternalId?: string;
  readonly Tags?: IamInput["Tags"];
};

export async function stsAccess(
  operation: string,
  input: StsInput,
  _facts: CallFacts,
  reader: Reader,
): Promise<readonly Access[]> {
  // "No permissions are required to perform this operation."
  if (operation === "GetCallerIdentity" || operation === "GetSessionToken") return [];
  if (operation !== "AssumeRole" || input.RoleArn === undefined) return [{ action: `sts:${operation}`, resource: "*" }];
  const name = parseEntityArn(input.RoleArn);
  const found = name?.kind === "role" ? await entityByName(reader, name.account, "role", name.name) : undefined;
  const role = found && arnOf(found) === input.RoleArn ? found : undefined;
  const context: Record<string, string | readonly string[]> = tagContext(input.Tags ? { Tags: input.Tags } : {}, role);
  if (input.RoleSessionName !== undefined) context["sts:rolesessionname"] = input.RoleSessionName;
  if (input.ExternalId !== undefined) context["sts:externalid"] = input.ExternalId;
  const target = {
    resource: input.RoleArn,
    resourcePolicy: role ? trustToDecide(role) : NO_TRUST,
    ...(name ? { owner: name.account } : {}),
    context,
  };
  const accesses: Access[] = [{ action: "sts:AssumeRole", ...target }];
  if (input.Tags && input.Tags.length > 0) accesses.push({ action: "sts:TagSession", ...target });
  return accesses;
}
