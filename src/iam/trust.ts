/**
 * Trust policies. The users and roles that a trust names are kept as unique ids: delete and recreate the role, and
 * the old trust shows the id and no longer matches.
 */
import type { Reader } from "../store/store.ts";
import { malformed, readPolicy } from "./document.ts";
import { entityArn, parseEntityArn } from "./names.ts";
import { accountById } from "./policy-rows.ts";
import { entityByName } from "./rows.ts";
import type { EntityRow } from "./rows.ts";

/** Unique ids by ARN of the users and roles that a trust policy names. Throws MalformedPolicyDocument if one does not exist. */
export async function namedIds(reader: Reader, document: string): Promise<Readonly<Record<string, string>>> {
  const ids: Record<string, string> = {};
  for (const { principal, notPrincipal } of readPolicy(document).statements) {
    const element = principal ?? notPrincipal;
    for (const arn of (element !== "*" && element?.["AWS"]) || []) {
      const name = parseEntityArn(arn);
      if (!name) continue;
      const id = await idOf(reader, arn);
      if (id) ids[arn] = id;
      // Accounts that live elsewhere cannot be looked into; their ARNs are kept as they are.
      else if (await accountById(reader, name.account)) throw malformed(`Invalid principal in policy: "AWS":"${arn}"`);
    }
  }
  return ids;
}

/** The trust as decisions read it: ids in place of ARNs. */
export function trustToDecide(role: Pick<EntityRow, "trust" | "trust_principals">): string {
  const ids = new Map(Object.entries(idsOf(role)));
  return ids.size === 0 ? (role.trust ?? NO_TRUST) : renamed(role.trust ?? NO_TRUST, ids);
}

/** The trust as Get calls show it: as it was given, but for those who are gone, who show as ids. */
export async function trustToShow(reader: Reader, role: EntityRow): Promise<string> {
  const gone = new Map<string, string>();
  for (const [arn, id] of Object.entries(idsOf(role))) if ((await idOf(reader, arn)) !== id) gone.set(arn, id);
  return gone.size === 0 ? (role.trust ?? NO_TRUST) : renamed(role.trust ?? NO_TRUST, gone);
}

/** Trusts nobody: what a role that does not exist is decided by. */
export const NO_TRUST = '{"Version":"2012-10-17","Statement":[]}';

function idsOf(role: Pick<EntityRow, "trust_principals">): Readonly<Record<string, string>> {
  return role.trust_principals ? (JSON.parse(role.trust_principals) as Record<string, string>) : {};
}

async function idOf(reader: Reader, arn: string): Promise<string | undefined> {
  const name = parseEntityArn(arn);
  if (!name || name.kind === "group") return undefined;
  const row = await entityByName(reader, name.account, name.kind, name.name);
  return row && entityArn(row.account, row.kind, row.path, row.name) === arn ? row.id : undefined;
}

/** Only the values below `Principal` and `NotPrincipal` are names; the same text elsewhere stays. */
function renamed(document: string, names: ReadonlyMap<string, string>): string {
  const rename = (value: unknown): unknown => {
    if (typeof value === "string") return names.get(value) ?? value;
    if (Array.isArray(value)) return value.map(rename);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, rename(inner)]));
  };
  return JSON.stringify(
    JSON.parse(document, (key, value: unknown) =>
      key === "Principal" || key === "NotPrincipal" ? rename(value) : value,
    ),
  );
}
