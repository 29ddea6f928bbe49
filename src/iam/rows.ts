/** Users, groups, roles and their policies in the store: one statement a function, each beside the index it uses. */
import type { Reader, Transaction } from "../store/store.ts";
import type { EntityKind } from "./names.ts";

export type EntityRow = {
  readonly account: string;
  readonly kind: EntityKind;
  readonly name_key: string;
  readonly name: string;
  readonly id: string;
  readonly path: string;
  readonly created_at: number;
  /** A JSON object. */
  readonly tags: string;
  /** ARN of the permissions boundary. */
  readonly boundary: string | null;
  readonly description: string | null;
  /** A role's trust policy as it was given, and the unique ids of the users and roles it names, as JSON by ARN. */
  readonly trust: string | null;
  readonly trust_principals: string | null;
  /** Seconds. */
  readonly max_session: number | null;
};

const ENTITY =
  "account, kind, name_key, name, id, path, created_at, tags, boundary, description, trust, trust_principals, max_session";

/** What caches of an account's principals, roles and policies depend on: writes are rare, so one scope is enough. */
export function accountScope(account: string): string {
  return `iam/account/${account}`;
}

/** By primary key. */
export function entityByName(
  reader: Reader,
  account: string,
  kind: EntityKind,
  name: string,
): Promise<EntityRow | undefined> {
  return reader.get(`select ${ENTITY} from iam_entity where account = $1 and kind = $2 and name_key = $3`, [
    account,
    kind,
    name.toLowerCase(),
  ]);
}

/** By unique index iam_entity_id. */
export function entityById(reader: Reader, id: string): Promise<EntityRow | undefined> {
  return reader.get(`select ${ENTITY} from iam_entity where id = $1`, [id]);
}

/** By primary key, in its order. */
export function entitiesAfter(
  reader: Reader,
  account: string,
  kind: EntityKind,
  pathPrefix: string,
  after: string,
  limit: number,
): Promise<EntityRow[]> {
  return reader.all(
    `select ${ENTITY} from iam_entity where account = $1 and kind = $2 and name_key > $3 and substr(path, 1, length($4)) = $4 order by name_key limit $5`,
    [account, kind, after, pathPrefix, limit],
  );
}

/** By primary key. */
export async function countEntities(reader: Reader, account: string, kind: EntityKind): Promise<number> {
  const sql = "select count(*) as total from iam_entity where account = $1 and kind = $2";
  return (await reader.get<{ total: number }>(sql, [account, kind]))?.total ?? 0;
}

/** Answers false if the name is taken. */
export async function insertEntity(transaction: Transaction, row: EntityRow): Promise<boolean> {
  const changed = await transaction.run(
    `insert into iam_entity (${ENTITY}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) on conflict (account, kind, name_key) do nothing`,
    [
      row.account,
      row.kind,
      row.name_key,
      row.name,
      row.id,
      row.path,
      row.created_at,
      row.tags,
      row.boundary,
      row.description,
      row.trust,
      row.trust_principals,
      row.max_session,
    ],
  );
  return changed === 1;
}

/** By unique index iam_entity_id; name and path change only for users and groups. */
export async function updateEntity(transaction: Transaction, row: EntityRow): Promise<void> {
  await transaction.run(
    "update iam_entity set name_key = $2, name = $3, path = $4, tags = $5, boundary = $6, description = $7, trust = $8, trust_principals = $9, max_session = $10 where id = $1",
    [
      row.id,
      row.name_key,
      row.name,
      row.path,
      row.tags,
      row.boundary,
      row.description,
      row.trust,
      row.trust_principals,
      row.max_session,
    ],
  );
}

/** By unique index iam_entity_id. */
export async function deleteEntity(transaction: Transaction, id: string): Promise<void> {
  await transaction.run("delete from iam_entity where id = $1", [id]);
}

/** By index iam_entity_boundary. */
export function entitiesBoundedBy(reader: Reader, policyArn: string, limit: number): Promise<EntityRow[]> {
  return reader.all(`select ${ENTITY} from iam_entity where boundary = $1 order by kind, name_key limit $2`, [
    policyArn,
    limit,
  ]);
}

/** By primary key of iam_member. */
export async function insertMember(transaction: Transaction, userId: string, groupId: string): Promise<void> {
  await transaction.run(
    "insert into iam_member (user_id, group_id) values ($1, $2) on conflict (user_id, group_id) do nothing",
    [userId, groupId],
  );
}

/** By primary key of iam_member. */
export async function deleteMember(transaction: Transaction, userId: string, groupId: string): Promise<void> {
  await transaction.run("delete from iam_member where user_id = $1 and group_id = $2", [userId, groupId]);
}

/** By primary key of iam_member, then iam_entity_id; a user is in at most ten groups. */
export function groupsOf(reader: Reader, userId: string): Promise<EntityRow[]> {
  return reader.all(
    `select ${ENTITY} from iam_entity where id in (select group_id from iam_member where user_id = $1) order by name_key limit 100`,
    [userId],
  );
}

/** By index iam_member_group, then iam_entity_id. */
export function usersOf(reader: Reader, groupId: string, after: string, limit: number): Promise<EntityRow[]> {
  return reader.all(
    `select ${ENTITY} from iam_entity where id in (select user_id from iam_member where group_id = $1) and name_key > $2 order by name_key limit $3`,
    [groupId, after, limit],
  );
}

export type InlineRow = { readonly name: string; readonly document: string };

/** By primary key of iam_inline. The sizes that AWS allows keep these few. */
export function inlinePolicies(reader: Reader, ownerId: string): Promise<InlineRow[]> {
  return reader.all("select name, document from iam_inline where owner_id = $1 order by name limit 1000", [ownerId]);
}

/** By primary key of iam_inline. */
export function inlinePolicy(reader: Reader, ownerId: string, name: string): Promise<InlineRow | undefined> {
  return reader.get("select name, document from iam_inline where owner_id = $1 and name = $2", [ownerId, name]);
}

/** By primary key of iam_inline. */
export async function putInline(
  transaction: Transaction,
  ownerId: string,
  name: string,
  document: string,
): Promise<void> {
  await transaction.run(
    "insert into iam_inline (owner_id, name, document) values ($1, $2, $3) on conflict (owner_id, name) do update set document = excluded.document",
    [ownerId, name, document],
  );
}

/** By primary key of iam_inline. */
export function deleteInline(transaction: Transaction, ownerId: string, name: string): Promise<number> {
  return transaction.run("delete from iam_inline where owner_id = $1 and name = $2", [ownerId, name]);
}

/** By primary key of iam_attached; an entity has at most ten or so. */
export async function attachedPolicies(reader: Reader, ownerId: string): Promise<string[]> {
  const sql = "select policy_arn from iam_attached where owner_id = $1 order by policy_arn limit 100";
  return (await reader.all<{ policy_arn: string }>(sql, [ownerId])).map((row) => row.policy_arn);
}

/** By primary key of iam_attached. */
export async function insertAttached(transaction: Transaction, ownerId: string, policyArn: string): Promise<void> {
  await transaction.run(
    "insert into iam_attached (owner_id, policy_arn) values ($1, $2) on conflict (owner_id, policy_arn) do nothing",
    [ownerId, policyArn],
  );
}

/** By primary key of iam_attached. */
export function deleteAttached(transaction: Transaction, ownerId: string, policyArn: string): Promise<number> {
  return transaction.run("delete from iam_attached where owner_id = $1 and policy_arn = $2", [ownerId, policyArn]);
}

/** By index iam_attached_policy, then iam_entity_id. AWS-managed policies are attached in many accounts, hence `account`. */
export function entitiesAttachedTo(
  reader: Reader,
  policyArn: string,
  account: string,
  limit: number,
): Promise<EntityRow[]> {
  return reader.all(
    `select ${ENTITY} from iam_entity where id in (select owner_id from iam_attached where policy_arn = $1) and account = $2 order by kind, name_key limit $3`,
    [policyArn, account, limit],
  );
}
