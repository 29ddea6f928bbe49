import { fault } from "../wire/fault.ts";

/** How many items a page holds: 100 unless asked otherwise; 0 means the default, as on AWS. */
export function pageSize(maxResults: number | undefined): number {
  return maxResults === undefined || maxResults === 0 ? 100 : maxResults;
}

/** A page's end as an opaque token. `list` says which list it belongs to. */
export function tokenOf(list: string, position: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify([list, ...position])).toString("base64url");
}

/** The position in a token that this list gave out; undefined without a token. */
export function positionOf(list: string, token: string | undefined): readonly (string | number)[] | undefined {
  if (token === undefined) return undefined;
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(token, "base64url").toString());
  } catch {
    throw invalidToken();
  }
  if (!Array.isArray(parts) || parts[0] !== list) throw invalidToken();
  return parts.slice(1) as (string | number)[];
}

export function invalidToken(): Error {
  return fault("InvalidToken", "Invalid Token: 'Invalid token'");
}
