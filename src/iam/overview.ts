/** An account at a glance: its summary, and everything about who may do what. */
import type * as sdk from "@aws-sdk/client-iam";
import type { Reader } from "../store/store.ts";
import type { Handlers } from "../wire/service.ts";
import { awsManagedPolicies } from "./managed.ts";
import type { ManagedPolicy } from "./managed.ts";
import { encodeDocument } from "./names.ts";
import { countPolicies, keysOf, policiesAfter, policyVersions } from "./policy-rows.ts";
import type { PolicyRow } from "./policy-rows.ts";
import { useOf } from "./policies.ts";
import { attachedPolicies, countEntities, entitiesAfter, groupsOf, inlinePolicies } from "./rows.ts";
import type { EntityRow } from "./rows.ts";
import { showGroup, showManaged, showPolicy, showRole, showUser, showVersion } from "./show.ts";
import { pageOfList, policyNameOf } from "./support.ts";

const LIST_LIMIT = 5000;

export const overviewHandlers = {
  GetAccountSummary: (_input, call) =>
    call.read(async (reader) => {
      const { account } = call;
      const SummaryMap: Record<string, number> = {
        Users: await countEntities(reader, account, "user"),
        Groups: await countEntities(reader, account, "group"),
        Roles: await countEntities(reader, account, "role"),
        Policies: await countPolicies(reader, account),
        AccountAccessKeysPresent: (await keysOf(reader, account, "")).length > 0 ? 1 : 0,
        ...FIXED,
      };
      return { SummaryMap };
    }),
  GetAccountAuthorizationDetails: (input, call) =>
    call.read(async (reader) => {
      const all = await everything(reader, call.account, input.Filter ?? []);
      const { rows, ...page } = await pageOfList(input, all, ({ key }) => key);
      const users: sdk.UserDetail[] = [];
      const groups: sdk.GroupDetail[] = [];
      const roles: sdk.RoleDetail[] = [];
      const policies: sdk.ManagedPolicyDetail[] = [];
      for (const { item } of rows) {
        if ("document" in item) policies.push(await managedDetail(reader, call.account, item));
        else if ("arn" in item) policies.push(await policyDetail(reader, call.account, item));
        else if (item.kind === "user") users.push(await userDetail(reader, item));
        else if (item.kind === "group") groups.push(await groupDetail(reader, item));
        else roles.push(await roleDetail(reader, item));
      }
      return { UserDetailList: users, GroupDetailList: groups, RoleDetailList: roles, Policies: policies, ...page };
    }),
} satisfies Handlers<typeof sdk>;

/** AWS's quotas as they are enforced here, and counts of what does not exist here. */
const FIXED: Readonly<Record<string, number>> = {
  UsersQuota: 5000,
  GroupsQuota: 300,
  RolesQuota: 1000,
  PoliciesQuota: 1500,
  GroupsPerUserQuota: 10,
  AttachedPoliciesPerUserQuota: 10,
  AttachedPoliciesPerGroupQuota: 10,
  AttachedPoliciesPerRoleQuota: 10,
  UserPolicySizeQuota: 2048,
  GroupPolicySizeQuota: 5120,
  RolePolicySizeQuota: 10_240,
  AssumeRolePolicySizeQuota: 2048,
  PolicySizeQuota: 6144,
  VersionsPerPolicyQuota: 5,
  AccessKeysPerUserQuota: 2,
  ServerCertificates: 0,
  ServerCertificatesQuota: 0,
  SigningCertificatesPerUserQuota: 0,
  InstanceProfiles: 0,
  InstanceProfilesQuota: 0,
  Providers: 0,
  MFADevices: 0,
  MFADevicesInUse: 0,
  AccountMFAEnabled: 0,
  AccountPasswordPresent: 0,
  AccountSigningCertificatesPresent: 0,
  GlobalEndpointTokenVersion: 1,
};

type Item = EntityRow | PolicyRow | ManagedPolicy;

/** Everything that the filter wants, in one order, so that pages can go through it. */
async function everything(reader: Reader, account: string, filter: readonly string[]) {
  const wants = (name: string): boolean => filter.length === 0 || filter.includes(name);
  const all: { readonly key: string; readonly item: Item }[] = [];
  const kinds = [["User", "user"] as const, ["Group", "group"] as const, ["Role", "role"] as const];
  for (const [at, [name, kind]] of kinds.entries()) {
    if (!wants(name)) continue;
    for (const item of await entitiesAfter(reader, account, kind, "/", "", LIST_LIMIT)) {
      all.push({ key: `${at} ${item.name_key}`, item });
    }
  }
  if (wants("LocalManagedPolicy")) {
    for (const item of await policiesAfter(reader, account, "/", "", LIST_LIMIT))
      all.push({ key: `3 ${item.name_key}`, item });
  }
  if (wants("AWSManagedPolicy")) {
    for (const item of awsManagedPolicies()) {
      // Without a filter AWS lists only those of its policies that are in use.
      const { attached, bounding } = await useOf(reader, account, item.arn);
      if (attached + bounding > 0) all.push({ key: `4 ${item.name}`, item });
    }
  }
  return all;
}

async function inlineList(reader: Reader, id: string): Promise<sdk.PolicyDetail[]> {
  const inline = await inlinePolicies(reader, id);
  return inline.map(({ name, document }) => ({ PolicyName: name, PolicyDocument: encodeDocument(document) }));
}

async function attachedList(reader: Reader, id: string): Promise<sdk.AttachedPolicy[]> {
  return (await attachedPolicies(reader, id)).map((arn) => ({ PolicyName: policyNameOf(arn), PolicyArn: arn }));
}

async function userDetail(reader: Reader, row: EntityRow): Promise<sdk.UserDetail> {
  return {
    ...showUser(row, true),
    UserPolicyList: await inlineList(reader, row.id),
    AttachedManagedPolicies: await attachedList(reader, row.id),
    GroupList: (await groupsOf(reader, row.id)).map((group) => group.name),
  };
}

async function groupDetail(reader: Reader, row: EntityRow): Promise<sdk.GroupDetail> {
  return {
    ...showGroup(row),
    GroupPolicyList: await inlineList(reader, row.id),
    AttachedManagedPolicies: await attachedList(reader, row.id),
  };
}

async function roleDetail(reader: Reader, row: EntityRow): Promise<sdk.RoleDetail> {
  const { Description: _description, MaxSessionDuration: _maximum, ...role } = await showRole(reader, row, true);
  return {
    ...role,
    InstanceProfileList: [],
    RolePolicyList: await inlineList(reader, row.id),
    AttachedManagedPolicies: await attachedList(reader, row.id),
  };
}

async function policyDetail(reader: Reader, account: string, row: PolicyRow): Promise<sdk.ManagedPolicyDetail> {
  const versions = await policyVersions(reader, row.arn);
  return {
    ...showPolicy(row, await useOf(reader, account, row.arn), true),
    PolicyVersionList: versions.map((version) => showVersion(version, row.default_version, true)),
  };
}

async function managedDetail(reader: Reader, account: string, policy: ManagedPolicy): Promise<sdk.ManagedPolicyDetail> {
  const { document } = policy;
  const shown = showManaged(policy, await useOf(reader, account, policy.arn), true);
  const version = showVersion({ version: 1, document, created_at: shown.CreateDate.getTime() }, 1, true);
  return { ...shown, PolicyVersionList: [version] };
}
