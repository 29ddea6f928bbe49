import { fault } from "../wire/fault.ts";

/** How many items a page holds: 100 unless asked otherwise; 0 means the default, as on AWS. */
export function pageSize(maxResults: number | undefined): number {
  return maxResults === undefined || maxResults === 0 ? 100 : maxResults;
}

/** AWS: "Each pagination token expires after 24 hours. Using an expired pagination token will return an HTTP 400 InvalidToken error." */
const TOKEN_MS = 24 * 3_600_000;

/** A page's end as an opaque token, given out `at` this time. `list` says which list it belongs to. */
export function tokenOf(list: string, position: readonly (string | number)[], at: number): string {
  return Buffer.from(JSON.stringify([list, at, ...position])).toString("base64url");
}

/** The position in a token that this list gave out within the last day; undefined without a token. */
export function positionOf(
  list: string,
  token: string | undefined,
  now: number,
): readonly (string | number)[] | undefined {
  if (token === undefined) return undefined;
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(token, "base64url").toString());
  } catch {
    throw invalidToken();
  }
  if (!Array.isArray(parts) || parts[0] !== list || !(now - Number(parts[1]) <= TOKEN_MS)) throw invalidToken();
  return parts.slice(2) as (string | number)[];
}

/** Cuts a page out of rows of which one more was asked for than it holds, with the token of the next page if there is one. */
export function cutPage<Row>(
  rows: readonly Row[],
  limit: number,
  list: string,
  at: number,
  place: (row: Row) => string | number,
): { readonly page: readonly Row[]; readonly next: { readonly nextToken?: string } } {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { page, next: rows.length > limit && last ? { nextToken: tokenOf(list, [place(last)], at) } : {} };
}

export function invalidToken(): Error {
  return fault("InvalidToken", "Invalid Token: 'Invalid token'");
}
