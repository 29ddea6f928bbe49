/** What users, groups and roles are granted: inline policies, attached policies, permissions boundaries. */
import type * as sdk from "@aws-sdk/client-iam";
import type { Call } from "../flow.ts";
import type { Handlers } from "../wire/service.ts";
import { encodeDocument } from "./names.ts";
import type { EntityKind } from "./names.ts";
import { accountScope, attachedPolicies, deleteAttached, deleteInline, inlinePolicies, inlinePolicy } from "./rows.ts";
import { insertAttached, putInline } from "./rows.ts";
import { findAttachable, findChangeable, findEntity, limitExceeded, noSuchEntity, pageOfList } from "./support.ts";
import { policyNameOf, policySize, saveEntity } from "./support.ts";
import type { Page } from "./support.ts";
import { checkedPolicy } from "./validate.ts";

/** Bytes of all inline policies together. */
const INLINE_LIMITS: Readonly<Record<EntityKind, number>> = { user: 2048, group: 5120, role: 10_240 };
const ATTACHED_LIMIT = 10;
const QUOTAS: Readonly<Record<EntityKind, string>> = {
  user: "PoliciesPerUser",
  group: "PoliciesPerGroup",
  role: "PoliciesPerRole",
};

export const inlineHandlers = {
  PutUserPolicy: (input, call) => put(call, "user", input.UserName, input),
  PutGroupPolicy: (input, call) => put(call, "group", input.GroupName, input),
  PutRolePolicy: (input, call) => put(call, "role", input.RoleName, input),
  GetUserPolicy: (input, call) =>
    get(call, "user", input.UserName, input.PolicyName, (name, policy) => ({ UserName: name, ...policy })),
  GetGroupPolicy: (input, call) =>
    get(call, "group", input.GroupName, input.PolicyName, (name, policy) => ({ GroupName: name, ...policy })),
  GetRolePolicy: (input, call) =>
    get(call, "role", input.RoleName, input.PolicyName, (name, policy) => ({ RoleName: name, ...policy })),
  DeleteUserPolicy: (input, call) => remove(call, "user", input.UserName, input.PolicyName),
  DeleteGroupPolicy: (input, call) => remove(call, "group", input.GroupName, input.PolicyName),
  DeleteRolePolicy: (input, call) => remove(call, "role", input.RoleName, input.PolicyName),
  ListUserPolicies: (input, call) => list(call, "user", input.UserName, input),
  ListGroupPolicies: (input, call) => list(call, "group", input.GroupName, input),
  ListRolePolicies: (input, call) => list(call, "role", input.RoleName, input),
} satisfies Handlers<typeof sdk>;

export const attachHandlers = {
  AttachUserPolicy: (input, call) => attach(call, "user", input.UserName, input.PolicyArn),
  AttachGroupPolicy: (input, call) => attach(call, "group", input.GroupName, input.PolicyArn),
  AttachRolePolicy: (input, call) => attach(call, "role", input.RoleName, input.PolicyArn),
  DetachUserPolicy: (input, call) => detach(call, "user", input.UserName, input.PolicyArn),
  DetachGroupPolicy: (input, call) => detach(call, "group", input.GroupName, input.PolicyArn),
  DetachRolePolicy: (input, call) => detach(call, "role", input.RoleName, input.PolicyArn),
  ListAttachedUserPolicies: (input, call) => listAttached(call, "user", input.UserName, input),
  ListAttachedGroupPolicies: (input, call) => listAttached(call, "group", input.GroupName, input),
  ListAttachedRolePolicies: (input, call) => listAttached(call, "role", input.RoleName, input),
  PutUserPermissionsBoundary: (input, call) => bound(call, "user", input.UserName, input.PermissionsBoundary),
  PutRolePermissionsBoundary: (input, call) => bound(call, "role", input.RoleName, input.PermissionsBoundary),
  DeleteUserPermissionsBoundary: (input, call) => bound(call, "user", input.UserName, null),
  DeleteRolePermissionsBoundary: (input, call) => bound(call, "role", input.RoleName, null),
} satisfies Handlers<typeof sdk>;

function put(
  call: Call,
  kind: EntityKind,
  owner: string,
  { PolicyName: name, PolicyDocument: document }: { readonly PolicyName: string; readonly PolicyDocument: string },
): Promise<object> {
  checkedPolicy(document, "identity");
  return call.commit(async (tx) => {
    const row = await findChangeable(tx, call.account, kind, owner);
    const others = (await inlinePolicies(tx, row.id)).filter((policy) => policy.name !== name);
    const size = others.reduce((sum, policy) => sum + policySize(policy.document), policySize(document));
    if (size > INLINE_LIMITS[kind]) {
      throw limitExceeded(`Maximum policy size of ${INLINE_LIMITS[kind]} bytes exceeded for ${kind} ${row.name}`);
    }
    await putInline(tx, row.id, name, document);
    tx.bump(accountScope(call.account));
    return {};
  });
}

function get<T>(
  call: Call,
  kind: EntityKind,
  owner: string,
  name: string,
  show: (owner: string, policy: { readonly PolicyName: string; readonly PolicyDocument: string }) => T,
): Promise<T> {
  return call.read(async (reader) => {
    const row = await findEntity(reader, call.account, kind, owner);
    const policy = await inlinePolicy(reader, row.id, name);
    if (!policy) throw noSuchEntity(`The ${kind} policy with name ${name} cannot be found.`);
    return show(row.name, { PolicyName: policy.name, PolicyDocument: encodeDocument(policy.document) });
  });
}

function remove(call: Call, kind: EntityKind, owner: string, name: string): Promise<object> {
  return call.commit(async (tx) => {
    const row = await findChangeable(tx, call.account, kind, owner);
    if ((await deleteInline(tx, row.id, name)) === 0) {
      throw noSuchEntity(`The ${kind} policy with name ${name} cannot be found.`);
    }
    tx.bump(accountScope(call.account));
    return {};
  });
}

function list(call: Call, kind: EntityKind, owner: string, input: Page) {
  return call.read(async (reader) => {
    const row = await findEntity(reader, call.account, kind, owner);
    const names = (await inlinePolicies(reader, row.id)).map((policy) => policy.name).sort();
    const { rows, ...page } = await pageOfList(input, names, (name) => name);
    return { PolicyNames: [...rows], ...page };
  });
}

function attach(call: Call, kind: EntityKind, owner: string, policyArn: string): Promise<object> {
  return call.commit(async (tx) => {
    const row = await findChangeable(tx, call.account, kind, owner);
    await findAttachable(tx, call.account, policyArn);
    const attached = await attachedPolicies(tx, row.id);
    if (attached.length >= ATTACHED_LIMIT && !attached.includes(policyArn)) {
      throw limitExceeded(`Cannot exceed quota for ${QUOTAS[kind]}: ${ATTACHED_LIMIT}`);
    }
    await insertAttached(tx, row.id, policyArn);
    tx.bump(accountScope(call.account));
    return {};
  });
}

function detach(call: Call, kind: EntityKind, owner: string, policyArn: string): Promise<object> {
  return call.commit(async (tx) => {
    const row = await findChangeable(tx, call.account, kind, owner);
    if ((await deleteAttached(tx, row.id, policyArn)) === 0) throw noSuchEntity(`Policy ${policyArn} was not found.`);
    tx.bump(accountScope(call.account));
    return {};
  });
}

function listAttached(
  call: Call,
  kind: EntityKind,
  owner: string,
  input: Page & { readonly PathPrefix?: string | undefined },
) {
  return call.read(async (reader) => {
    const row = await findEntity(reader, call.account, kind, owner);
    const prefix = input.PathPrefix ?? "/";
    const arns = (await attachedPolicies(reader, row.id)).filter((arn) => pathOf(arn).startsWith(prefix)).sort();
    const { rows, ...page } = await pageOfList(input, arns, (arn) => arn);
    return { AttachedPolicies: rows.map((arn) => ({ PolicyName: policyNameOf(arn), PolicyArn: arn })), ...page };
  });
}

function pathOf(policyArn: string): string {
  return policyArn.slice(policyArn.indexOf("/"), policyArn.lastIndexOf("/") + 1);
}

function bound(call: Call, kind: "user" | "role", owner: string, boundary: string | null): Promise<object> {
  return call.commit(async (tx) => {
    const row = await findChangeable(tx, call.account, kind, owner);
    if (boundary !== null) await findAttachable(tx, call.account, boundary);
    else if (row.boundary === null) {
      throw noSuchEntity(`The permissions boundary of ${kind} ${row.name} cannot be found.`);
    }
    await saveEntity(tx, { ...row, boundary });
    return {};
  });
}
