/** Managed policies, access keys, accounts and usage in the store: one statement a function, each beside the index it uses. */
import type { Reader, Transaction } from "../store/store.ts";

export type PolicyRow = {
  readonly arn: string;
  readonly account: string;
  readonly name_key: string;
  readonly name: string;
  readonly id: string;
  readonly path: string;
  readonly description: string | null;
  readonly default_version: number;
  readonly latest_version: number;
  readonly created_at: number;
  readonly updated_at: number;
  readonly tags: string;
};
export type VersionRow = { readonly version: number; readonly document: string; readonly created_at: number };
export type KeyRow = {
  readonly id: string;
  readonly account: string;
  /** Empty for the account's root user. */
  readonly user_id: string;
  readonly secret: string;
  readonly status: string;
  readonly created_at: number;
};
export type UsageRow = { readonly at: number; readonly service: string; readonly region: string };

const POLICY =
  "arn, account, name_key, name, id, path, description, default_version, latest_version, created_at, updated_at, tags";
const KEY = "id, account, user_id, secret, status, created_at";

/** By primary key of iam_policy. */
export function policyByArn(reader: Reader, arn: string): Promise<PolicyRow | undefined> {
  return reader.get(`select ${POLICY} from iam_policy where arn = $1`, [arn]);
}

/** By unique index iam_policy_name, in its order. */
export function policiesAfter(
  reader: Reader,
  account: string,
  pathPrefix: string,
  after: string,
  limit: number,
): Promise<PolicyRow[]> {
  return reader.all(
    `select ${POLICY} from iam_policy where account = $1 and name_key > $2 and substr(path, 1, length($3)) = $3 order by name_key limit $4`,
    [account, after, pathPrefix, limit],
  );
}

/** By unique index iam_policy_name. */
export async function countPolicies(reader: Reader, account: string): Promise<number> {
  const sql = "select count(*) as total from iam_policy where account = $1";
  return (await reader.get<{ total: number }>(sql, [account]))?.total ?? 0;
}

/** Answers false if the name is taken. */
export async function insertPolicy(transaction: Transaction, row: PolicyRow): Promise<boolean> {
  const changed = await transaction.run(
    `insert into iam_policy (${POLICY}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict (account, name_key) do nothing`,
    [
      row.arn,
      row.account,
      row.name_key,
      row.name,
      row.id,
      row.path,
      row.description,
      row.default_version,
      row.latest_version,
      row.created_at,
      row.updated_at,
      row.tags,
    ],
  );
  return changed === 1;
}

/** By primary key of iam_policy. */
export async function updatePolicy(transaction: Transaction, row: PolicyRow): Promise<void> {
  await transaction.run(
    "update iam_policy set default_version = $2, latest_version = $3, updated_at = $4, tags = $5 where arn = $1",
    [row.arn, row.default_version, row.latest_version, row.updated_at, row.tags],
  );
}

/** By primary keys of iam_policy and iam_policy_version. */
export async function deletePolicy(transaction: Transaction, arn: string): Promise<void> {
  await transaction.run("delete from iam_policy_version where arn = $1", [arn]);
  await transaction.run("delete from iam_policy where arn = $1", [arn]);
}

/** By primary key of iam_policy_version, newest first; there are at most five. */
export function policyVersions(reader: Reader, arn: string): Promise<VersionRow[]> {
  return reader.all(
    "select version, document, created_at from iam_policy_version where arn = $1 order by version desc limit 5",
    [arn],
  );
}

/** By primary key of iam_policy_version. */
export function policyVersion(reader: Reader, arn: string, version: number): Promise<VersionRow | undefined> {
  return reader.get("select version, document, created_at from iam_policy_version where arn = $1 and version = $2", [
    arn,
    version,
  ]);
}

export async function insertVersion(transaction: Transaction, arn: string, row: VersionRow): Promise<void> {
  await transaction.run("insert into iam_policy_version (arn, version, document, created_at) values ($1, $2, $3, $4)", [
    arn,
    row.version,
    row.document,
    row.created_at,
  ]);
}

/** By primary key of iam_policy_version. */
export async function deleteVersion(transaction: Transaction, arn: string, version: number): Promise<void> {
  await transaction.run("delete from iam_policy_version where arn = $1 and version = $2", [arn, version]);
}

/** By primary key of iam_key. */
export function keyById(reader: Reader, id: string): Promise<KeyRow | undefined> {
  return reader.get(`select ${KEY} from iam_key where id = $1`, [id]);
}

/** By index iam_key_user, in its order; an entity has at most two keys. */
export function keysOf(reader: Reader, account: string, userId: string): Promise<KeyRow[]> {
  return reader.all(`select ${KEY} from iam_key where account = $1 and user_id = $2 order by created_at, id limit 10`, [
    account,
    userId,
  ]);
}

/** Answers false if the id is taken. */
export async function insertKey(transaction: Transaction, row: KeyRow): Promise<boolean> {
  const changed = await transaction.run(
    `insert into iam_key (${KEY}) values ($1, $2, $3, $4, $5, $6) on conflict (id) do nothing`,
    [row.id, row.account, row.user_id, row.secret, row.status, row.created_at],
  );
  return changed === 1;
}

/** By primary key of iam_key. */
export async function updateKey(transaction: Transaction, id: string, status: string): Promise<void> {
  await transaction.run("update iam_key set status = $2 where id = $1", [id, status]);
}

/** By primary key of iam_key. */
export async function deleteKey(transaction: Transaction, id: string): Promise<void> {
  await transaction.run("delete from iam_key where id = $1", [id]);
}

export type AccountRow = { readonly account: string; readonly alias: string | null; readonly created_at: number };

/** By primary key of iam_account. */
export function accountById(reader: Reader, account: string): Promise<AccountRow | undefined> {
  return reader.get("select account, alias, created_at from iam_account where account = $1", [account]);
}

/** By primary key of iam_account, in its order. */
export function allAccounts(reader: Reader): Promise<AccountRow[]> {
  return reader.all("select account, alias, created_at from iam_account order by account limit 10000");
}

/** By primary key of iam_account. */
export async function insertAccount(transaction: Transaction, account: string, at: number): Promise<void> {
  await transaction.run(
    "insert into iam_account (account, created_at) values ($1, $2) on conflict (account) do nothing",
    [account, at],
  );
}

/** By primary key of iam_account. */
export async function setAlias(transaction: Transaction, account: string, alias: string | null): Promise<void> {
  await transaction.run("update iam_account set alias = $2 where account = $1", [account, alias]);
}

/** By primary key of iam_installation. */
export async function installationValue(reader: Reader, name: string): Promise<string | undefined> {
  return (await reader.get<{ value: string }>("select value from iam_installation where name = $1", [name]))?.value;
}

/** By primary key of iam_installation; whoever was first wins. */
export async function insertInstallationValue(transaction: Transaction, name: string, value: string): Promise<void> {
  await transaction.run("insert into iam_installation (name, value) values ($1, $2) on conflict (name) do nothing", [
    name,
    value,
  ]);
}

/** By primary key of iam_usage. */
export function usageOf(reader: Reader, subject: string): Promise<UsageRow | undefined> {
  return reader.get("select at, service, region from iam_usage where subject = $1", [subject]);
}

/** By primary key of iam_usage. */
export async function putUsage(transaction: Transaction, subject: string, row: UsageRow): Promise<void> {
  await transaction.run(
    "insert into iam_usage (subject, at, service, region) values ($1, $2, $3, $4) on conflict (subject) do update set at = excluded.at, service = excluded.service, region = excluded.region",
    [subject, row.at, row.service, row.region],
  );
}

/** By primary key of iam_usage. */
export async function deleteUsage(transaction: Transaction, subject: string): Promise<void> {
  await transaction.run("delete from iam_usage where subject = $1", [subject]);
}
