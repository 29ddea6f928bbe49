import type { Principal, Source } from "../flow.ts";
import { checkClaim, type Claim, type Unreadable } from "./claim.ts";
import type { Core } from "./core.ts";
import type { Arrival } from "./front.ts";
import { sha256, type SigningKeys } from "./keys.ts";
import { payloadOf, s3PayloadHash } from "./payload.ts";
import { expiredToken, invalidToken, nothingSigned, unknownKey, type Family } from "./refuse.ts";
import { verifySignature } from "./signature.ts";
import type { Pair } from "./canonical.ts";

/** Who asks, and by what proof. */
export type Identity = {
  readonly principal: Principal;
  readonly region: string;
  readonly signature: "AuthHeader" | "QueryString" | "none";
};
/** A request as far as it was read for finding out who sends it. */
export type Asking = {
  readonly arrival: Arrival;
  readonly query: readonly Pair[];
  readonly claim: Claim | Unreadable | undefined;
  readonly family: Family;
  /** The name in credential scopes of the service that is asked; undefined if any will do. */
  readonly scope: string | undefined;
  readonly operation: string | undefined;
};

/**
 * Verifies a request's signature and answers whose it is. S3's body is only told how to prove itself; the bodies of the
 * other services are read here, because their hash is part of what is signed, and only once the key is known.
 */
export async function identify(core: Core, keys: SigningKeys, asking: Asking): Promise<Identity> {
  const { claim } = asking;
  if (claim === undefined) return unsigned(core, asking);
  if ("refusal" in claim) {
    if (core.auth === "off") return unsigned(core, asking);
    throw claim.refusal(asking.family);
  }
  const { family, arrival, query } = asking;
  if (core.auth === "on") checkClaim(family, claim, asking.scope, arrival.headers, arrival.at);
  const found = await core.store.read((reader) => core.authority.credentials(reader, claim.accessKeyId, claim.token));
  const identity = { region: claim.region, signature: claim.from };
  if (core.auth === "off") {
    if (family === "s3")
      arrival.body.prove(payloadOf(arrival.headers["x-amz-content-sha256"], arrival.headers, undefined));
    const usable = found && found.token !== "wrong" && found.token !== "expired";
    return { ...identity, principal: usable ? found.principal : root(core, claim.accessKeyId) };
  }
  if (!found) throw unknownKey(family, claim.accessKeyId);
  if (found.token === "wrong") throw invalidToken(family);
  const request = {
    method: arrival.method,
    path: arrival.path,
    query,
    headers: arrival.headers,
    rawHeaders: arrival.rawHeaders,
  };
  if (family === "s3") {
    const hash = s3PayloadHash(claim, arrival.headers, query);
    const seed = verifySignature(family, claim, found.secret, keys, request, hash);
    arrival.body.prove(payloadOf(hash, arrival.headers, seed));
  } else {
    const bytes = await arrival.body.bytes(core.limits.documentBytes);
    verifySignature(family, claim, found.secret, keys, request, sha256(bytes));
  }
  // Only who holds the secret learns that the token has expired.
  if (found.token === "expired") throw expiredToken(family);
  return { ...identity, principal: found.principal };
}

/** What records may show of a presigned query: the signature, the credential and the token are secret. */
const SECRET_QUERY = new Set(["X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token"]);

/** Where an identified request came from. */
export function sourceOf(arrival: Arrival, { signature }: Identity, query: readonly Pair[]): Source {
  const source = {
    ip: arrival.ip,
    userAgent: arrival.headers["user-agent"] ?? "",
    host: arrival.headers["host"] ?? "",
    secure: arrival.secure,
    signature,
    bytesIn: 0,
  };
  if (signature !== "QueryString") return source;
  const shown = query.filter(([name]) => name.startsWith("X-Amz-") && !SECRET_QUERY.has(name));
  return { ...source, signedQuery: Object.fromEntries(shown) };
}

/** Federation calls carry their proof in their input. */
const UNSIGNED_OPERATIONS = new Set(["AssumeRoleWithWebIdentity", "AssumeRoleWithSAML"]);

function unsigned(core: Core, asking: Asking): Identity {
  const { family, arrival, scope, operation } = asking;
  if (family === "s3")
    arrival.body.prove(payloadOf(arrival.headers["x-amz-content-sha256"], arrival.headers, undefined));
  const facts = { region: core.region, signature: "none" } as const;
  if (core.auth === "off") return { ...facts, principal: root(core, "") };
  if (family === "s3" || (scope === "sts" && operation !== undefined && UNSIGNED_OPERATIONS.has(operation))) {
    return { ...facts, principal: { kind: "anonymous", account: "" } };
  }
  throw nothingSigned(family);
}

/** With verification switched off, an unknown key is the default account's root. */
function root(core: Core, accessKeyId: string): Principal {
  return {
    kind: "root",
    account: core.account,
    arn: `arn:aws:iam::${core.account}:root`,
    id: core.account,
    accessKeyId,
  };
}
