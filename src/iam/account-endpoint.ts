import type { Parts } from "../flow.ts";
import type { Endpoint } from "../room.ts";
import { fault } from "../wire/fault.ts";
import { ensureAccount, listAccounts } from "./accounts.ts";

/** Makes an account and answers its root key (that of one that exists, too); without an id, lists the accounts. */
export async function accountAnswer(parts: Parts, create: string | null | undefined): Promise<unknown> {
  if (create === null || create === undefined) return { accounts: await listAccounts(parts) };
  if (!/^\d{12}$/.test(create)) {
    throw fault("ValidationException", `An account id has 12 digits, which "${create}" has not.`, { status: 400 });
  }
  return ensureAccount(parts, create);
}

/** `/_stepwell/account[?create=ID]`: the installation's affair, so only the default account's people may ask. */
export function accountEndpoint(parts: Parts): Endpoint {
  return async (query, facts) => {
    if (facts.account !== parts.account) {
      throw fault("AccessDeniedException", `Only account ${parts.account} administers this installation.`, {
        status: 403,
      });
    }
    return accountAnswer(parts, query.get("create"));
  };
}
