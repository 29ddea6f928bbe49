/** Who bears an access key: long-term keys from their rows, temporary ones from their sealed tokens. */
import type { Clock } from "../clock/clock.ts";
import type { Principal } from "../flow.ts";
import { VersionedCache } from "../store/cache.ts";
import type { Reader } from "../store/store.ts";
import { keyScope } from "./accounts.ts";
import { entityArn, rootArn } from "./names.ts";
import { installationValue, keyById } from "./policy-rows.ts";
import { entityById } from "./rows.ts";
import { unseal } from "./token.ts";
import type { Session } from "./token.ts";

export type Credentials = {
  readonly secret: string;
  readonly principal: Principal;
  readonly token: "none" | "valid" | "wrong" | "expired";
};

/** The name of the installation's value that seals session tokens. */
export const SEALING_KEY = "session token key";
export const INSTALLATION_SCOPE = "iam/installation";
const CACHE_LIMIT = 10_000;

export class BearerCache {
  readonly #clock: Clock;
  readonly #keys = new VersionedCache<Credentials | undefined>(CACHE_LIMIT);
  readonly #sealing = new VersionedCache<string | undefined>(1);
  readonly #sessions = new Map<string, { readonly token: string; readonly session: Session }>();
  constructor(clock: Clock) {
    this.#clock = clock;
  }
  async credentials(reader: Reader, accessKeyId: string, token: string | undefined): Promise<Credentials | undefined> {
    const scope = keyScope(accessKeyId);
    const known = this.#keys.peek(reader, accessKeyId, scope);
    const kept =
      known ??
      (token === undefined || !accessKeyId.startsWith("ASIA") ? await this.#load(reader, accessKeyId) : undefined);
    // A long-term key with a token is no session of anyone.
    if (kept) return token === undefined ? kept : { ...kept, token: "wrong" };
    if (token === undefined || !accessKeyId.startsWith("ASIA")) return undefined;
    return this.#temporary(reader, accessKeyId, token);
  }
  #load(reader: Reader, accessKeyId: string): Promise<Credentials | undefined> {
    return this.#keys.get(reader, accessKeyId, (from) => loadKey(from, accessKeyId), keyScope(accessKeyId));
  }
  async #temporary(reader: Reader, accessKeyId: string, token: string): Promise<Credentials | undefined> {
    let known = this.#sessions.get(accessKeyId);
    if (known?.token !== token) {
      const key = await this.#sealing.get(
        reader,
        SEALING_KEY,
        (from) => installationValue(from, SEALING_KEY),
        INSTALLATION_SCOPE,
      );
      const session = key === undefined ? undefined : unseal(token, key);
      if (session?.principal.accessKeyId !== accessKeyId) {
        return { secret: "", principal: { kind: "anonymous", account: "" }, token: "wrong" };
      }
      known = { token, session };
      if (this.#sessions.size >= CACHE_LIMIT) {
        const oldest = this.#sessions.keys().next();
        if (!oldest.done) this.#sessions.delete(oldest.value);
      }
      this.#sessions.set(accessKeyId, known);
    }
    const { principal, secret, expiresAt } = known.session;
    return { secret, principal, token: this.#clock.now() >= expiresAt ? "expired" : "valid" };
  }
}

async function loadKey(reader: Reader, accessKeyId: string): Promise<Credentials | undefined> {
  const row = await keyById(reader, accessKeyId);
  if (row?.status !== "Active") return undefined;
  const { account, secret } = row;
  if (row.user_id === "") {
    return {
      secret,
      token: "none",
      principal: { kind: "root", account, arn: rootArn(account), id: account, accessKeyId },
    };
  }
  const user = await entityById(reader, row.user_id);
  if (!user) return undefined;
  const arn = entityArn(account, "user", user.path, user.name);
  return {
    secret,
    token: "none",
    principal: { kind: "user", account, arn, id: user.id, name: user.name, accessKeyId },
  };
}
