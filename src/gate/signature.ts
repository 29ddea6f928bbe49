import { canonicalHeaders, canonicalQuery, s3Path, servicePath, type Pair } from "./canonical.ts";
import type { Claim } from "./claim.ts";
import type { KeyObject } from "node:crypto";
import { sameSignature, sha256, signature, type SigningKeys } from "./keys.ts";
import { wrongSignature, type Family } from "./refuse.ts";

/** A request as far as its signature covers it: path and headers as sent. */
export type SignedRequest = {
  readonly method: string;
  /** Percent-encoded as sent, without the query, before any virtual host is rewritten. */
  readonly path: string;
  readonly query: readonly Pair[];
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Names and values in turn, as sent; needed only for repeated headers. */
  readonly rawHeaders: readonly string[];
};
/** What a verified seed signature leaves for the chunks that follow it. */
export type Seed = {
  readonly key: KeyObject;
  readonly scope: string;
  readonly timestamp: string;
  readonly signature: string;
};

/** Checks the signature against the secret; throws the family's fault. Costs about 10 µs. */
export function verifySignature(
  family: Family,
  claim: Claim,
  secret: string,
  keys: SigningKeys,
  request: SignedRequest,
  payloadHash: string,
): Seed {
  const scope = `${claim.date}/${claim.region}/${claim.service}/aws4_request`;
  const key = keys.get(claim.accessKeyId, secret, claim.date, claim.region, claim.service);
  let first: { canonical: string; toSign: string } | undefined;
  for (const canonical of candidates(family, claim, request, payloadHash)) {
    const toSign = stringToSign(claim.timestamp, scope, canonical);
    if (sameSignature(signature(key, toSign), claim.signature))
      return { key, scope, timestamp: claim.timestamp, signature: claim.signature };
    first ??= { canonical, toSign };
  }
  throw wrongSignature(family, {
    AWSAccessKeyId: claim.accessKeyId,
    StringToSign: first?.toSign,
    SignatureProvided: claim.signature,
    StringToSignBytes: spelled(first?.toSign ?? ""),
    CanonicalRequest: first?.canonical,
    CanonicalRequestBytes: spelled(first?.canonical ?? ""),
  });
}
const spelled = (text: string): string =>
  Buffer.from(text)
    .toString("hex")
    .replaceAll(/(..)(?!$)/g, "$1 ");

export function stringToSign(at: string, scope: string, canonical: string): string {
  return `AWS4-HMAC-SHA256\n${at}\n${scope}\n${sha256(canonical)}`;
}

/** The canonical requests a client may have signed, the likely one first: the others cost nothing until it fails. */
function* candidates(family: Family, claim: Claim, request: SignedRequest, payloadHash: string): Generator<string> {
  const { method, path, headers } = request;
  const list = claim.signedHeaders.join(";");
  const presigned = claim.from === "QueryString";
  const query = canonicalQuery(request.query, presigned ? (name) => name === "X-Amz-Signature" : undefined);
  const plain = canonicalHeaders(claim.signedHeaders, (name) => own(headers, name)) ?? "";
  const canonicalPath = family === "s3" ? s3Path(path) : servicePath(path);
  const write = (p: string, q: string, h: string): string => `${method}\n${p}\n${q}\n${h}\n${list}\n${payloadHash}`;
  yield write(canonicalPath, query, plain);
  // Repeated headers are signed joined by a bare comma.
  const repeated = canonicalHeaders(claim.signedHeaders, (name) => joined(request.rawHeaders, name)) ?? "";
  if (repeated !== plain) yield write(canonicalPath, query, repeated);
  // A few old clients append the token after signing.
  if (presigned && claim.token !== undefined) {
    const tokenless = canonicalQuery(
      request.query,
      (name) => name === "X-Amz-Signature" || name === "X-Amz-Security-Token",
    );
    yield write(canonicalPath, tokenless, plain);
  }
  // Clients of S3 that leave characters like `(` unescaped sign the path just as they send it.
  if (family === "s3" && path !== canonicalPath) yield write(path, query, plain);
}
const own = (headers: SignedRequest["headers"], name: string): string | undefined =>
  Object.hasOwn(headers, name) ? headers[name] : undefined;

function joined(rawHeaders: readonly string[], name: string): string | undefined {
  let value: string | undefined;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() !== name) continue;
    const sent = (rawHeaders[index + 1] ?? "").trim();
    value = value === undefined ? sent : `${value},${sent}`;
  }
  return value;
}
