/** Rows as IAM's answers show them. */
import type { Reader } from "../store/store.ts";
import type { ManagedPolicy } from "./managed.ts";
import { MANAGED_SINCE } from "./managed.ts";
import { encodeDocument } from "./names.ts";
import type { PolicyRow, VersionRow } from "./policy-rows.ts";
import type { EntityRow } from "./rows.ts";
import { arnOf, tagList } from "./support.ts";
import { trustToShow } from "./trust.ts";

function boundaryOf(row: EntityRow) {
  if (!row.boundary) return {};
  const type = "PermissionsBoundaryPolicy" as const;
  return { PermissionsBoundary: { PermissionsBoundaryType: type, PermissionsBoundaryArn: row.boundary } };
}
function tagsOf(row: { readonly tags: string }) {
  return row.tags === "{}" ? {} : { Tags: tagList(row.tags) };
}

/** Lists leave boundary and tags out, as AWS's do. */
export function showUser(row: EntityRow, full: boolean) {
  const user = {
    Path: row.path,
    UserName: row.name,
    UserId: row.id,
    Arn: arnOf(row),
    CreateDate: new Date(row.created_at),
  };
  return full ? { ...user, ...boundaryOf(row), ...tagsOf(row) } : user;
}

export function showGroup(row: EntityRow) {
  return {
    Path: row.path,
    GroupName: row.name,
    GroupId: row.id,
    Arn: arnOf(row),
    CreateDate: new Date(row.created_at),
  };
}

export async function showRole(reader: Reader, row: EntityRow, full: boolean) {
  const role = {
    Path: row.path,
    RoleName: row.name,
    RoleId: row.id,
    Arn: arnOf(row),
    CreateDate: new Date(row.created_at),
    AssumeRolePolicyDocument: encodeDocument(await trustToShow(reader, row)),
    ...(row.description === null ? {} : { Description: row.description }),
    MaxSessionDuration: row.max_session ?? 3600,
  };
  return full ? { ...role, ...boundaryOf(row), ...tagsOf(row) } : role;
}

export type UseCount = { readonly attached: number; readonly bounding: number };

export function showPolicy(row: PolicyRow, use: UseCount, full: boolean) {
  return {
    PolicyName: row.name,
    PolicyId: row.id,
    Arn: row.arn,
    Path: row.path,
    DefaultVersionId: `v${row.default_version}`,
    AttachmentCount: use.attached,
    PermissionsBoundaryUsageCount: use.bounding,
    IsAttachable: true,
    CreateDate: new Date(row.created_at),
    UpdateDate: new Date(row.updated_at),
    ...(full && row.description !== null ? { Description: row.description } : {}),
    ...(full ? tagsOf(row) : {}),
  };
}

export function showManaged(policy: ManagedPolicy, use: UseCount, full: boolean) {
  return {
    PolicyName: policy.name,
    PolicyId: policy.id,
    Arn: policy.arn,
    Path: policy.path,
    DefaultVersionId: "v1",
    AttachmentCount: use.attached,
    PermissionsBoundaryUsageCount: use.bounding,
    IsAttachable: true,
    CreateDate: new Date(MANAGED_SINCE),
    UpdateDate: new Date(MANAGED_SINCE),
    ...(full ? { Description: policy.description } : {}),
  };
}

export function showVersion(row: VersionRow, defaultVersion: number, withDocument: boolean) {
  return {
    ...(withDocument ? { Document: encodeDocument(row.document) } : {}),
    VersionId: `v${row.version}`,
    IsDefaultVersion: row.version === defaultVersion,
    CreateDate: new Date(row.created_at),
  };
}
