/** Access keys, and the lists of what users cannot have here, which are empty. */
import type * as sdk from "@aws-sdk/client-iam";
import type { Call, Parts } from "../flow.ts";
import type { Reader } from "../store/store.ts";
import { fault } from "../wire/fault.ts";
import type { Handlers } from "../wire/service.ts";
import { keyScope } from "./accounts.ts";
import { newAccessKeyId, newSecret } from "./names.ts";
import {
  accountById,
  allAccounts,
  deleteKey,
  deleteUsage,
  insertKey,
  keyById,
  keysOf,
  setAlias,
} from "./policy-rows.ts";
import { updateKey } from "./policy-rows.ts";
import type { KeyRow } from "./policy-rows.ts";
import { entityById } from "./rows.ts";
import { alreadyExists, findEntity, limitExceeded, noSuchEntity, pageOfList, userNameOr } from "./support.ts";
import { usageFor } from "./usage.ts";

const KEYS_PER_USER = 2;

export function keyHandlers(parts: Parts) {
  const { clock } = parts;
  return {
    CreateAccessKey: (input, call) =>
      call.commit(async (tx) => {
        const owner = await ownerOf(tx, call, input.UserName);
        if ((await keysOf(tx, call.account, owner.id)).length >= KEYS_PER_USER) {
          throw limitExceeded(`Cannot exceed quota for AccessKeysPerUser: ${KEYS_PER_USER}`);
        }
        const id = newAccessKeyId(clock, "AKIA", call.account);
        const key = { id, account: call.account, user_id: owner.id, secret: newSecret(clock) };
        const created = clock.now();
        await insertKey(tx, { ...key, status: "Active", created_at: created });
        tx.bump(keyScope(id));
        return {
          AccessKey: {
            UserName: owner.name,
            AccessKeyId: id,
            Status: "Active" as const,
            SecretAccessKey: key.secret,
            CreateDate: new Date(created),
          },
        };
      }),
    ListAccessKeys: (input, call) =>
      call.read(async (reader) => {
        const owner = await ownerOf(reader, call, input.UserName);
        const keys = [...(await keysOf(reader, call.account, owner.id))].sort((one, other) =>
          one.id < other.id ? -1 : 1,
        );
        const { rows, ...page } = await pageOfList(input, keys, (key) => key.id);
        const shown = rows.map((key) => ({
          UserName: owner.name,
          AccessKeyId: key.id,
          Status: key.status === "Active" ? ("Active" as const) : ("Inactive" as const),
          CreateDate: new Date(key.created_at),
        }));
        return { AccessKeyMetadata: shown, ...page };
      }),
    UpdateAccessKey: (input, call) =>
      call.commit(async (tx) => {
        const key = await findKey(tx, call, input.UserName, input.AccessKeyId);
        if (input.Status !== "Active" && input.Status !== "Inactive") {
          throw fault("ValidationError", `Status ${input.Status} is not one an access key can be given.`, {
            status: 400,
          });
        }
        await updateKey(tx, key.id, input.Status);
        tx.bump(keyScope(key.id));
        return {};
      }),
    DeleteAccessKey: (input, call) =>
      call.commit(async (tx) => {
        const key = await findKey(tx, call, input.UserName, input.AccessKeyId);
        await deleteKey(tx, key.id);
        await deleteUsage(tx, key.id);
        tx.bump(keyScope(key.id));
        return {};
      }),
  } satisfies Handlers<typeof sdk>;
}

export function keyUseHandlers(parts: Parts) {
  const usage = usageFor(parts);
  return {
    GetAccessKeyLastUsed: (input, call) =>
      call.read(async (reader) => {
        const key = await keyById(reader, input.AccessKeyId);
        if (key?.account !== call.account) throw noSuchKey(input.AccessKeyId);
        const name = key.user_id === "" ? call.account : ((await entityById(reader, key.user_id))?.name ?? "");
        const last = await usage.last(reader, key.id);
        const used = last ? { LastUsedDate: new Date(last.at) } : {};
        const where = { ServiceName: last?.service ?? "N/A", Region: last?.region ?? "N/A" };
        return { UserName: name, AccessKeyLastUsed: { ...used, ...where } as sdk.AccessKeyLastUsed };
      }),
  } satisfies Handlers<typeof sdk>;
}

/** An account's alias, and what exists on AWS and never here: tools list it before they delete a user or a role. */
export const otherHandlers = {
  CreateAccountAlias: (input, call) =>
    call.commit(async (tx) => {
      const taken = (await allAccounts(tx)).some(
        (row) => row.alias === input.AccountAlias && row.account !== call.account,
      );
      if (taken) throw alreadyExists(`The account alias ${input.AccountAlias} already exists.`);
      await setAlias(tx, call.account, input.AccountAlias);
      return {};
    }),
  DeleteAccountAlias: (input, call) =>
    call.commit(async (tx) => {
      if ((await accountById(tx, call.account))?.alias !== input.AccountAlias) {
        throw noSuchEntity(`The account alias ${input.AccountAlias} cannot be found.`);
      }
      await setAlias(tx, call.account, null);
      return {};
    }),
  ListAccountAliases: (_input, call) =>
    call.read(async (reader) => {
      const alias = (await accountById(reader, call.account))?.alias;
      return { AccountAliases: alias ? [alias] : [], IsTruncated: false };
    }),
  ListInstanceProfilesForRole: (input, call) =>
    call.read(async (reader) => {
      await findEntity(reader, call.account, "role", input.RoleName);
      return { InstanceProfiles: [], IsTruncated: false };
    }),
  ListInstanceProfiles: async () => ({ InstanceProfiles: [], IsTruncated: false }),
  ListMFADevices: async () => ({ MFADevices: [], IsTruncated: false }),
  ListVirtualMFADevices: async () => ({ VirtualMFADevices: [], IsTruncated: false }),
  ListSSHPublicKeys: async () => ({ SSHPublicKeys: [], IsTruncated: false }),
  ListSigningCertificates: async () => ({ Certificates: [], IsTruncated: false }),
  ListServiceSpecificCredentials: async () => ({ ServiceSpecificCredentials: [] }),
  GetLoginProfile: (input, call) =>
    call.read(async (reader) => {
      const name = userNameOr(input.UserName, call);
      await findEntity(reader, call.account, "user", name);
      throw noSuchEntity(`Login Profile for User ${name} cannot be found.`);
    }),
} satisfies Handlers<typeof sdk>;

type Owner = { readonly id: string; readonly name: string };

/** Whose keys are meant: the user named, or whoever asks, which may be the account's root user. */
async function ownerOf(
  reader: Reader,
  call: Pick<Call, "principal" | "account">,
  userName: string | undefined,
): Promise<Owner> {
  if (userName === undefined && call.principal.kind === "root") return { id: "", name: call.account };
  return findEntity(reader, call.account, "user", userNameOr(userName, call));
}

async function findKey(reader: Reader, call: Call, userName: string | undefined, keyId: string): Promise<KeyRow> {
  const owner = await ownerOf(reader, call, userName);
  const key = await keyById(reader, keyId);
  if (key?.account !== call.account || key.user_id !== owner.id) throw noSuchKey(keyId);
  return key;
}

function noSuchKey(keyId: string) {
  return noSuchEntity(`The Access Key with id ${keyId} cannot be found.`);
}
