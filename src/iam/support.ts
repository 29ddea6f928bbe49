/** What the IAM operations share: finding or refusing, pages, tags, sizes, and the faults in AWS's words. */
import type { Clock } from "../clock/clock.ts";
import type { Call } from "../flow.ts";
import type { Reader, Transaction } from "../store/store.ts";
import { fault } from "../wire/fault.ts";
import type { AwsFault } from "../wire/fault.ts";
import { awsManagedPolicy } from "./managed.ts";
import { entityArn } from "./names.ts";
import type { EntityKind } from "./names.ts";
import { policyByArn } from "./policy-rows.ts";
import { accountScope, entityByName, updateEntity } from "./rows.ts";
import type { EntityRow } from "./rows.ts";

export type Tag = { readonly Key: string; readonly Value: string };
export type Page = { readonly Marker?: string | undefined; readonly MaxItems?: number | undefined };

export function noSuchEntity(sentence: string): AwsFault {
  return fault("NoSuchEntity", sentence, { status: 404 });
}
export function alreadyExists(sentence: string): AwsFault {
  return fault("EntityAlreadyExists", sentence, { status: 409 });
}
export function deleteConflict(sentence: string): AwsFault {
  return fault("DeleteConflict", sentence, { status: 409 });
}
export function limitExceeded(sentence: string): AwsFault {
  return fault("LimitExceeded", sentence, { status: 409 });
}
function validationError(sentence: string): AwsFault {
  return fault("ValidationError", sentence, { status: 400 });
}

/** Refuses members that are not supported, rather than accept and drop them. */
export function refuseMembers(
  operation: string,
  input: Readonly<Record<string, unknown>>,
  names: readonly string[],
): void {
  for (const name of names) {
    if (input[name] === undefined) continue;
    throw fault("NotImplemented", `Stepwell does not support ${name} of ${operation} yet.`, { status: 501 });
  }
}

/** The user, group or role of that name, or NoSuchEntity. */
export async function findEntity(reader: Reader, account: string, kind: EntityKind, name: string): Promise<EntityRow> {
  const row = await entityByName(reader, account, kind, name);
  if (!row) throw noSuchEntity(`The ${kind} with name ${name} cannot be found.`);
  return row;
}

/** A role that IAM's own callers may change: those that belong to a service are not. */
export async function findChangeableRole(reader: Reader, account: string, name: string): Promise<EntityRow> {
  const row = await findEntity(reader, account, "role", name);
  if (row.path.startsWith("/aws-service-role/")) {
    const sentence = `Cannot perform the operation on the protected role '${row.name}' - this role is only modifiable by AWS`;
    throw fault("UnmodifiableEntity", sentence, { status: 400 });
  }
  return row;
}

export async function findChangeable(
  reader: Reader,
  account: string,
  kind: EntityKind,
  name: string,
): Promise<EntityRow> {
  return kind === "role" ? findChangeableRole(reader, account, name) : findEntity(reader, account, kind, name);
}

/** Writes an entity and tells the caches. */
export async function saveEntity(transaction: Transaction, row: EntityRow): Promise<void> {
  await updateEntity(transaction, row);
  transaction.bump(accountScope(row.account));
}

export function arnOf(row: Pick<EntityRow, "account" | "kind" | "path" | "name">): string {
  return entityArn(row.account, row.kind, row.path, row.name);
}

/** The name given, or that of the user who asks. */
export function userNameOr(given: string | undefined, call: Pick<Call, "principal">): string {
  if (given !== undefined) return given;
  if (call.principal.kind === "user") return call.principal.name;
  throw validationError("Must specify userName when calling with non-User credentials");
}

export function newEntity(
  call: Pick<Call, "account">,
  clock: Clock,
  kind: EntityKind,
  id: string,
  given: { readonly name: string; readonly path?: string | undefined },
): EntityRow {
  const path = given.path ?? "/";
  checkPath(path);
  return {
    account: call.account,
    kind,
    name_key: given.name.toLowerCase(),
    name: given.name,
    id,
    path,
    created_at: clock.now(),
    tags: "{}",
    boundary: null,
    description: null,
    trust: null,
    trust_principals: null,
    max_session: null,
  };
}

export function checkPath(path: string): void {
  if (/^\/([\x21-\x7e]+\/)?$/.test(path) && path.length <= 512) return;
  throw validationError(
    "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.",
  );
}

/** A policy that may be attached or bound by: it exists, and is AWS's or of the same account. */
export async function findAttachable(reader: Reader, account: string, arn: string): Promise<string> {
  const aws = awsManagedPolicy(arn);
  if (aws) return aws.name;
  const row = await policyByArn(reader, arn);
  if (row?.account !== account) throw noSuchEntity(`Policy ${arn} does not exist or is not attachable.`);
  return row.name;
}

/** The last segment of a policy's ARN. */
export function policyNameOf(arn: string): string {
  return arn.slice(arn.lastIndexOf("/") + 1);
}

/** AWS counts what is left of a document without white space. */
export function policySize(document: string): number {
  return Buffer.byteLength(document.replace(/\s/g, ""));
}

const TAGS_LIMIT = 50;
/** Adds tags to those in `existing` (a JSON object) and answers the JSON of all. */
export function withTags(existing: string, tags: readonly Tag[] | undefined): string {
  if (!tags || tags.length === 0) return existing;
  const seen = new Set<string>();
  const all = new Map(Object.entries(JSON.parse(existing) as Record<string, string>));
  for (const { Key, Value } of tags) {
    if (seen.has(Key.toLowerCase())) {
      throw fault("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.", {
        status: 400,
      });
    }
    seen.add(Key.toLowerCase());
    if (Key.toLowerCase().startsWith("aws:")) {
      throw fault("InvalidInput", "Tag keys that start with 'aws:' are reserved for use by AWS.", { status: 400 });
    }
    for (const known of all.keys()) if (known.toLowerCase() === Key.toLowerCase()) all.delete(known);
    all.set(Key, Value);
  }
  if (all.size > TAGS_LIMIT) throw limitExceeded(`The number of tags has reached the maximum limit.`);
  return JSON.stringify(Object.fromEntries(all));
}
export function withoutTags(existing: string, keys: readonly string[]): string {
  const gone = new Set(keys.map((key) => key.toLowerCase()));
  const kept = Object.entries(JSON.parse(existing) as Record<string, string>).filter(
    ([key]) => !gone.has(key.toLowerCase()),
  );
  return JSON.stringify(Object.fromEntries(kept));
}
export function tagList(tags: string): Tag[] {
  return Object.entries(JSON.parse(tags) as Record<string, string>).map(([Key, Value]) => ({ Key, Value }));
}

/** One page: `load` is asked for one more row than fits, after the key that the marker holds. */
export async function pageOf<T>(
  page: Page,
  keyOf: (row: T) => string,
  load: (after: string, limit: number) => Promise<readonly T[]>,
): Promise<{ readonly rows: readonly T[]; readonly IsTruncated: boolean; readonly Marker?: string }> {
  const size = page.MaxItems ?? 100;
  const found = await load(readMarker(page.Marker), size + 1);
  const rows = found.slice(0, size);
  const last = rows.at(-1);
  if (found.length <= size || last === undefined) return { rows, IsTruncated: false };
  return { rows, IsTruncated: true, Marker: Buffer.from(`after ${keyOf(last)}`).toString("base64url") };
}

/** A page of a list that is short enough to be held whole, in the order of its keys. */
export function pageOfList<T>(page: Page, list: readonly T[], keyOf: (row: T) => string): ReturnType<typeof pageOf<T>> {
  return pageOf(page, keyOf, async (after, limit) => list.filter((row) => keyOf(row) > after).slice(0, limit));
}

function readMarker(marker: string | undefined): string {
  if (marker === undefined) return "";
  const text = Buffer.from(marker, "base64url").toString("utf8");
  if (!text.startsWith("after ")) throw validationError(`Invalid Marker.`);
  return text.slice("after ".length);
}
