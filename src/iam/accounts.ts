/** The installation's accounts, each with a root user and its access key. */
import type { Parts } from "../flow.ts";
import type { Store, Transaction } from "../store/store.ts";
import { newAccessKeyId, newSecret } from "./names.ts";
import { allAccounts, deleteKey, insertAccount, insertKey, keyById, keysOf } from "./policy-rows.ts";
import { accountScope } from "./rows.ts";

export type AccountKey = {
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
};
type FixedKey = { readonly accessKeyId: string; readonly secretAccessKey: string };

/** The scope that caches of an access key depend on. */
export function keyScope(accessKeyId: string): string {
  return `iam/key/${accessKeyId}`;
}

/**
 * Makes the account if it is not there and answers its root key; `made` says that this call made the key.
 * A fixed key takes the place of whatever root keys there were.
 */
export async function ensureAccount(
  parts: Pick<Parts, "store" | "clock">,
  accountId: string,
  fixedKey?: FixedKey,
): Promise<AccountKey & { readonly made: boolean }> {
  if (!/^\d{12}$/.test(accountId)) throw new Error(`an account id has 12 digits, which "${accountId}" has not`);
  return parts.store.write(async (transaction) => {
    await insertAccount(transaction, accountId, parts.clock.now());
    const keys = await keysOf(transaction, accountId, "");
    const [first] = keys.filter((key) => key.status === "Active");
    if (!fixedKey && first) {
      return { accountId, accessKeyId: first.id, secretAccessKey: first.secret, made: false };
    }
    if (fixedKey) {
      const same = keys.find((key) => key.id === fixedKey.accessKeyId && key.secret === fixedKey.secretAccessKey);
      if (same && keys.length === 1 && same.status === "Active") return { accountId, ...fixedKey, made: false };
      await replaceKeys(transaction, accountId, fixedKey.accessKeyId);
    }
    const key = fixedKey ?? {
      accessKeyId: newAccessKeyId(parts.clock, "AKIA", accountId),
      secretAccessKey: newSecret(parts.clock),
    };
    await insertKey(transaction, {
      id: key.accessKeyId,
      account: accountId,
      user_id: "",
      secret: key.secretAccessKey,
      status: "Active",
      created_at: parts.clock.now(),
    });
    transaction.bump(keyScope(key.accessKeyId));
    transaction.bump(accountScope(accountId));
    return { accountId, ...key, made: true };
  });
}

/** The accounts of the installation, in the order of their ids. */
export async function listAccounts(
  parts: Pick<Parts, "store">,
): Promise<readonly { readonly accountId: string; readonly rootAccessKeyIds: readonly string[] }[]> {
  return parts.store.read(async (reader) => {
    const accounts = [];
    for (const { account } of await allAccounts(reader)) {
      const keys = await keysOf(reader, account, "");
      accounts.push({ accountId: account, rootAccessKeyIds: keys.map((key) => key.id) });
    }
    return accounts;
  });
}

/** The root key of an account in a store that is open. */
export async function rootKeyIn(store: Store, account: string): Promise<FixedKey | undefined> {
  const keys = await store.read((reader) => keysOf(reader, account, ""));
  const key = keys.find(({ status }) => status === "Active");
  return key && { accessKeyId: key.id, secretAccessKey: key.secret };
}

/** The root key of an account, read straight from a database file beside a running server. By index iam_key_user. */
export function rootKeyOf(
  get: (sql: string, parameters: readonly string[]) => unknown,
  account: string,
): FixedKey | undefined {
  const row = get(
    "select id, secret from iam_key where account = ? and user_id = '' and status = 'Active' order by created_at, id limit 1",
    [account],
  );
  const { id, secret } = (row ?? {}) as { readonly id?: string; readonly secret?: string };
  return id !== undefined && secret !== undefined ? { accessKeyId: id, secretAccessKey: secret } : undefined;
}

async function replaceKeys(transaction: Transaction, accountId: string, fixedId: string): Promise<void> {
  const taken = await keyById(transaction, fixedId);
  if (taken && (taken.account !== accountId || taken.user_id !== "")) {
    throw new Error(`the access key id ${fixedId} belongs to someone else in account ${taken.account}: choose another`);
  }
  for (const key of await keysOf(transaction, accountId, "")) {
    await deleteKey(transaction, key.id);
    transaction.bump(keyScope(key.id));
  }
}
