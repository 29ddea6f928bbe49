/** Managed policies and their versions. */
import type * as sdk from "@aws-sdk/client-iam";
import type { Parts } from "../flow.ts";
import type { Reader } from "../store/store.ts";
import { fault } from "../wire/fault.ts";
import type { Handlers } from "../wire/service.ts";
import { awsManagedPolicies, awsManagedPolicy, isAwsManaged, MANAGED_SINCE } from "./managed.ts";
import { entityArn, newId } from "./names.ts";
import { deletePolicy, deleteVersion, insertPolicy, insertVersion, policiesAfter, policyByArn } from "./policy-rows.ts";
import { policyVersion, policyVersions, updatePolicy } from "./policy-rows.ts";
import type { PolicyRow, VersionRow } from "./policy-rows.ts";
import { accountScope, entitiesAttachedTo, entitiesBoundedBy } from "./rows.ts";
import { showManaged, showPolicy, showVersion } from "./show.ts";
import type { UseCount } from "./show.ts";
import {
  alreadyExists,
  checkPath,
  deleteConflict,
  limitExceeded,
  noSuchEntity,
  pageOf,
  pageOfList,
} from "./support.ts";
import { policySize, withTags } from "./support.ts";
import { checkedPolicy } from "./validate.ts";

const SIZE_LIMIT = 6144;
const VERSIONS_LIMIT = 5;

export function policyHandlers({ clock }: Parts) {
  return {
    CreatePolicy: (input, call) => {
      checkDocument(input.PolicyDocument);
      return call.commit(async (tx) => {
        const path = input.Path ?? "/";
        checkPath(path);
        const now = clock.now();
        const row: PolicyRow = {
          arn: entityArn(call.account, "policy", path, input.PolicyName),
          account: call.account,
          name_key: input.PolicyName.toLowerCase(),
          name: input.PolicyName,
          id: newId(clock, "policy"),
          path,
          description: input.Description ?? null,
          default_version: 1,
          latest_version: 1,
          created_at: now,
          updated_at: now,
          tags: withTags("{}", input.Tags),
        };
        if (!(await insertPolicy(tx, row))) {
          throw alreadyExists(`A policy called ${input.PolicyName} already exists. Duplicate names are not allowed.`);
        }
        await insertVersion(tx, row.arn, { version: 1, document: input.PolicyDocument, created_at: now });
        tx.bump(accountScope(call.account));
        return { Policy: showPolicy(row, { attached: 0, bounding: 0 }, true) };
      });
    },
    GetPolicy: (input, call) =>
      call.read(async (reader) => {
        const aws = awsManagedPolicy(input.PolicyArn);
        const use = await useOf(reader, call.account, input.PolicyArn);
        if (aws) return { Policy: showManaged(aws, use, true) };
        return { Policy: showPolicy(await findPolicy(reader, call.account, input.PolicyArn), use, true) };
      }),
    DeletePolicy: (input, call) =>
      call.commit(async (tx) => {
        const row = await findOwnPolicy(tx, call.account, input.PolicyArn);
        const use = await useOf(tx, call.account, row.arn);
        if (use.attached + use.bounding > 0) throw deleteConflict("Cannot delete a policy attached to entities.");
        if ((await policyVersions(tx, row.arn)).length > 1) {
          throw deleteConflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
          );
        }
        await deletePolicy(tx, row.arn);
        tx.bump(accountScope(call.account));
        return {};
      }),
  } satisfies Handlers<typeof sdk>;
}
const LIST_LIMIT = 5000;

export const policyLists = {
  ListPolicies: (input, call) =>
    call.read(async (reader) => {
      const scope = input.Scope ?? "All";
      const prefix = input.PathPrefix ?? "/";
      const local = scope === "AWS" ? [] : await policiesAfter(reader, call.account, prefix, "", LIST_LIMIT);
      const aws = scope === "Local" ? [] : awsManagedPolicies().filter((policy) => policy.path.startsWith(prefix));
      const shown = [];
      for (const row of local) shown.push(showPolicy(row, await useOf(reader, call.account, row.arn), false));
      for (const policy of aws) shown.push(showManaged(policy, await useOf(reader, call.account, policy.arn), false));
      const wanted = shown.filter((policy) => isWanted(policy, input));
      wanted.sort((one, other) => (one.Arn < other.Arn ? -1 : 1));
      const { rows, ...page } = await pageOfList(input, wanted, (policy) => policy.Arn);
      return { Policies: [...rows], ...page };
    }),
  ListEntitiesForPolicy: (input, call) =>
    call.read(async (reader) => {
      if (!isAwsManaged(input.PolicyArn)) await findPolicy(reader, call.account, input.PolicyArn);
      const bounds = input.PolicyUsageFilter === "PermissionsBoundary";
      const rows = bounds
        ? (await entitiesBoundedBy(reader, input.PolicyArn, LIST_LIMIT)).filter((row) => row.account === call.account)
        : await entitiesAttachedTo(reader, input.PolicyArn, call.account, LIST_LIMIT);
      const kinds: Readonly<Record<string, string>> = { user: "User", group: "Group", role: "Role" };
      const wanted = rows.filter(
        (row) =>
          (input.EntityFilter === undefined || input.EntityFilter === kinds[row.kind]) &&
          row.path.startsWith(input.PathPrefix ?? "/"),
      );
      wanted.sort((one, other) => (one.id < other.id ? -1 : 1));
      const { rows: some, ...page } = await pageOfList(input, wanted, (row) => row.id);
      return {
        PolicyUsers: some.filter(({ kind }) => kind === "user").map(({ name, id }) => ({ UserName: name, UserId: id })),
        PolicyGroups: some
          .filter(({ kind }) => kind === "group")
          .map(({ name, id }) => ({ GroupName: name, GroupId: id })),
        PolicyRoles: some.filter(({ kind }) => kind === "role").map(({ name, id }) => ({ RoleName: name, RoleId: id })),
        ...page,
      };
    }),
} satisfies Handlers<typeof sdk>;

export function versionHandlers({ clock }: Parts) {
  return {
    CreatePolicyVersion: (input, call) => {
      checkDocument(input.PolicyDocument);
      return call.commit(async (tx) => {
        const row = await findOwnPolicy(tx, call.account, input.PolicyArn);
        if ((await policyVersions(tx, row.arn)).length >= VERSIONS_LIMIT) {
          throw limitExceeded(
            "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.",
          );
        }
        const version = row.latest_version + 1;
        const made = { version, document: input.PolicyDocument, created_at: clock.now() };
        await insertVersion(tx, row.arn, made);
        const default_version = input.SetAsDefault ? version : row.default_version;
        await updatePolicy(tx, { ...row, latest_version: version, default_version, updated_at: made.created_at });
        tx.bump(accountScope(call.account));
        return { PolicyVersion: showVersion(made, default_version, false) };
      });
    },
    GetPolicyVersion: (input, call) =>
      call.read(async (reader) => {
        const aws = awsManagedPolicy(input.PolicyArn);
        if (aws && input.VersionId === "v1")
          return { PolicyVersion: showVersion(managedVersion(aws.document), 1, true) };
        if (aws) throw noSuchVersion(input.PolicyArn, input.VersionId);
        const row = await findPolicy(reader, call.account, input.PolicyArn);
        const version = await findVersion(reader, row, input.VersionId);
        return { PolicyVersion: showVersion(version, row.default_version, true) };
      }),
    ListPolicyVersions: (input, call) =>
      call.read(async (reader) => {
        const aws = awsManagedPolicy(input.PolicyArn);
        if (aws) return { Versions: [showVersion(managedVersion(aws.document), 1, false)], IsTruncated: false };
        const row = await findPolicy(reader, call.account, input.PolicyArn);
        const versions = await policyVersions(reader, row.arn);
        // Newest first; the key counts down, so that the page after a version holds the older ones.
        const { rows, ...page } = await pageOf(
          input,
          (version: VersionRow) => orderOf(version),
          async (after, limit) => versions.filter((version) => orderOf(version) > after).slice(0, limit),
        );
        return { Versions: rows.map((version) => showVersion(version, row.default_version, false)), ...page };
      }),
    DeletePolicyVersion: (input, call) =>
      call.commit(async (tx) => {
        const row = await findOwnPolicy(tx, call.account, input.PolicyArn);
        const { version } = await findVersion(tx, row, input.VersionId);
        if (version === row.default_version) throw deleteConflict("Cannot delete the default version of a policy.");
        await deleteVersion(tx, row.arn, version);
        return {};
      }),
    SetDefaultPolicyVersion: (input, call) =>
      call.commit(async (tx) => {
        const row = await findOwnPolicy(tx, call.account, input.PolicyArn);
        const { version } = await findVersion(tx, row, input.VersionId);
        await updatePolicy(tx, { ...row, default_version: version, updated_at: clock.now() });
        tx.bump(accountScope(call.account));
        return {};
      }),
  } satisfies Handlers<typeof sdk>;
}

const orderOf = (version: VersionRow): string => String(1_000_000_000 - version.version);
const managedVersion = (document: string): VersionRow => ({ version: 1, document, created_at: MANAGED_SINCE });

function checkDocument(document: string): void {
  if (policySize(document) > SIZE_LIMIT) throw limitExceeded(`Cannot exceed quota for PolicySize: ${SIZE_LIMIT}`);
  checkedPolicy(document, "identity");
}

export async function findPolicy(reader: Reader, account: string, arn: string): Promise<PolicyRow> {
  const row = await policyByArn(reader, arn);
  if (row?.account !== account) throw noSuchEntity(`Policy ${arn} was not found.`);
  return row;
}

export async function findOwnPolicy(reader: Reader, account: string, arn: string): Promise<PolicyRow> {
  if (awsManagedPolicy(arn)) {
    throw fault("AccessDenied", `The policy ${arn} is managed by AWS and cannot be changed.`, { status: 403 });
  }
  return findPolicy(reader, account, arn);
}

async function findVersion(reader: Reader, row: PolicyRow, id: string): Promise<VersionRow> {
  const found = /^v\d{1,9}$/.test(id) ? await policyVersion(reader, row.arn, Number(id.slice(1))) : undefined;
  if (!found) throw noSuchVersion(row.arn, id);
  return found;
}

function noSuchVersion(arn: string, id: string) {
  return noSuchEntity(`Policy ${arn} version ${id} does not exist or is not attachable.`);
}

export async function useOf(reader: Reader, account: string, arn: string): Promise<UseCount> {
  const attached = await entitiesAttachedTo(reader, arn, account, LIST_LIMIT);
  const bounding = (await entitiesBoundedBy(reader, arn, LIST_LIMIT)).filter((row) => row.account === account);
  return { attached: attached.length, bounding: bounding.length };
}

function isWanted(
  policy: { readonly AttachmentCount: number; readonly PermissionsBoundaryUsageCount: number },
  input: { readonly OnlyAttached?: boolean | undefined; readonly PolicyUsageFilter?: string | undefined },
): boolean {
  const bounding = policy.PermissionsBoundaryUsageCount > 0;
  const attached = policy.AttachmentCount > 0;
  if (input.PolicyUsageFilter === "PermissionsBoundary" && !bounding) return false;
  if (input.PolicyUsageFilter === "PermissionsPolicy" && input.OnlyAttached && !attached) return false;
  return !input.OnlyAttached || attached || bounding;
}
