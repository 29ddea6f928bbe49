import { canonicalHeaders, canonicalQuery, parseQuery, s3Path, servicePath, timestamp } from "./canonical.ts";
import { sha256, signature, signingKey } from "./keys.ts";
import { stringToSign } from "./signature.ts";

/**
 * Signs a request by header, for Stepwell's own command line and benchmarks; answers the headers to add. An
 * `x-amz-content-sha256` among the given headers stands for the body's hash. All given headers are signed.
 */
export function sign(request: {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  readonly key: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string | undefined;
  };
  readonly region: string;
  readonly service: string;
  /** Milliseconds. */
  readonly at: number;
}): Record<string, string> {
  const { url, key, region, service } = request;
  const at = timestamp(request.at);
  const date = at.slice(0, 8);
  const headers: Record<string, string> = { host: url.host };
  for (const [name, value] of Object.entries(request.headers)) headers[name.toLowerCase()] = value;
  const payloadHash = headers["x-amz-content-sha256"] ?? sha256(request.body);
  const added: Record<string, string> = { "x-amz-date": at, "x-amz-content-sha256": payloadHash };
  if (key.sessionToken !== undefined) added["x-amz-security-token"] = key.sessionToken;
  Object.assign(headers, added);
  const signed = Object.keys(headers).toSorted();
  const path = service === "s3" ? s3Path(url.pathname) : servicePath(url.pathname);
  const query = canonicalQuery(parseQuery(url.search.slice(1)));
  const lines = canonicalHeaders(signed, (name) => headers[name]) ?? "";
  const canonical = `${request.method}\n${path}\n${query}\n${lines}\n${signed.join(";")}\n${payloadHash}`;
  const scope = `${date}/${region}/${service}/aws4_request`;
  const proof = signature(signingKey(key.secretAccessKey, date, region, service), stringToSign(at, scope, canonical));
  const authorization = `AWS4-HMAC-SHA256 Credential=${key.accessKeyId}/${scope}, SignedHeaders=${signed.join(";")}, Signature=${proof}`;
  return { ...added, authorization };
}
