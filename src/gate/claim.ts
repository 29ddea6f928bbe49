import type { AwsFault } from "../wire/fault.ts";
import { fault } from "../wire/fault.ts";
import { parseTimestamp, timestamp, type Pair } from "./canonical.ts";
import { badSignature, malformed, malformedQuery, type Family } from "./refuse.ts";

/** What a request says of its own signature, before anything is checked against a secret. */
export type Claim = {
  readonly from: "AuthHeader" | "QueryString";
  readonly accessKeyId: string;
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly terminator: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** `X-Amz-Date` as sent. */
  readonly timestamp: string;
  /** Presigned URLs only. */
  readonly expiresSeconds?: number;
  readonly token?: string;
};
/** A signature that cannot be read; `refusal` says it in the words of the service's family. */
export type Unreadable = { readonly refusal: (family: Family) => AwsFault };
type Headers = Readonly<Record<string, string | undefined>>;

const ALGORITHM = "AWS4-HMAC-SHA256";
const WEEK_SECONDS = 604_800;
const SKEW_MS = 15 * 60 * 1000;
/** A presigned query that nobody sane sends is refused before it is sorted. */
const SIGNED_HEADERS_LIMIT = 128;

/** Reads the signature of a request; undefined if nothing is signed. */
export function readClaim(headers: Headers, query: readonly Pair[]): Claim | Unreadable | undefined {
  const authorization = headers["authorization"];
  const presigned = query.some(
    ([name]) => name === "X-Amz-Signature" || name === "X-Amz-Algorithm" || name === "X-Amz-Credential",
  );
  if (authorization === undefined) {
    if (presigned) return readPresigned(query);
    // Signature version 2, as older clients presign for us-east-1 unless they are told `s3v4`.
    return query.some(([name]) => name === "AWSAccessKeyId") ? unsupported("AWS") : undefined;
  }
  if (presigned) {
    const message =
      "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified";
    return {
      refusal: (family) =>
        family === "s3" ? fault("InvalidArgument", message, { status: 400 }) : malformed(family, message, message),
    };
  }
  return readAuthorization(authorization, headers);
}

function readAuthorization(authorization: string, headers: Headers): Claim | Unreadable {
  if (!authorization.startsWith(ALGORITHM)) return unsupported(authorization);
  const parts = new Map<string, string>();
  for (const part of authorization.slice(ALGORITHM.length).split(",")) {
    const cut = part.indexOf("=");
    if (cut > 0) parts.set(part.slice(0, cut).trim(), part.slice(cut + 1).trim());
  }
  const credential = parts.get("Credential");
  const list = parts.get("SignedHeaders");
  const signature = parts.get("Signature");
  const sent = headers["x-amz-date"] ?? dateHeader(headers["date"]);
  if (!credential || !list || !signature || !sent) {
    let message = "";
    if (!credential) message += "Authorization header requires 'Credential' parameter. ";
    if (!signature) message += "Authorization header requires 'Signature' parameter. ";
    if (!list) message += "Authorization header requires 'SignedHeaders' parameter. ";
    if (!sent) message += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
    const missing = !credential ? "Credential" : !list ? "SignedHeaders" : "Signature";
    if (!sent) return { refusal: (family) => noDate(family, message.trimEnd()) };
    return {
      refusal: (family) =>
        malformed(
          family,
          `The authorization header is malformed; the authorization header requires ${missing}.`,
          message.trimEnd(),
        ),
    };
  }
  const scope = credential.split("/");
  if (scope.length !== 5 || scope.includes("")) {
    const s3 =
      'The authorization header is malformed; the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".';
    const other = `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${credential}'`;
    return { refusal: (family) => malformed(family, s3, other) };
  }
  const token = headers["x-amz-security-token"];
  return claim("AuthHeader", scope, list, signature, sent, token === undefined ? {} : { token });
}

function claim(
  from: Claim["from"],
  scope: readonly string[],
  list: string,
  signature: string,
  sent: string,
  rest: { token?: string; expiresSeconds?: number },
): Claim {
  const [accessKeyId = "", date = "", region = "", service = "", terminator = ""] = scope;
  const signedHeaders = list.toLowerCase().split(";", SIGNED_HEADERS_LIMIT);
  return { from, accessKeyId, date, region, service, terminator, signedHeaders, signature, timestamp: sent, ...rest };
}

function unsupported(authorization: string): Unreadable {
  const scheme = authorization.split(" ", 1)[0] ?? "";
  const other = `Unsupported AWS 'algorithm': '${scheme}'.`;
  return {
    refusal: (family) => {
      if (family !== "s3") return malformed(family, "", other);
      return scheme === "AWS"
        ? fault(
            "InvalidRequest",
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
            { status: 400 },
          )
        : fault("InvalidArgument", "Unsupported Authorization Type", {
            status: 400,
            detail: { ArgumentName: "Authorization" },
          });
    },
  };
}

const noDate = (family: Family, message: string): AwsFault =>
  family === "s3"
    ? fault("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header", { status: 403 })
    : malformed(family, message, message);

/** The Date header is allowed in place of X-Amz-Date. */
function dateHeader(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (!Number.isNaN(parseTimestamp(text))) return text;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : timestamp(ms);
}

function readPresigned(query: readonly Pair[]): Claim | Unreadable {
  const found = new Map(query);
  const algorithm = found.get("X-Amz-Algorithm");
  const credential = found.get("X-Amz-Credential");
  const sent = found.get("X-Amz-Date");
  const list = found.get("X-Amz-SignedHeaders");
  const signature = found.get("X-Amz-Signature");
  const expires = found.get("X-Amz-Expires");
  const refuse = (message: string): Unreadable => ({ refusal: (family) => malformedQuery(family, message) });
  if (algorithm !== undefined && algorithm !== ALGORITHM)
    return refuse('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"');
  if (!algorithm || !credential || !sent || !list || !signature || expires === undefined) {
    return refuse(
      "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
    );
  }
  if (Number.isNaN(parseTimestamp(sent)))
    return refuse("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
  if (!/^-?\d{1,15}$/.test(expires)) return refuse("X-Amz-Expires should be a number");
  const expiresSeconds = Number(expires);
  if (expiresSeconds < 0) return refuse("X-Amz-Expires must be non-negative");
  if (expiresSeconds < 1) return refuse("X-Amz-Expires must be at least 1 second");
  if (expiresSeconds > WEEK_SECONDS)
    return refuse(
      "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds",
    );
  const scope = credential.split("/");
  if (scope.length !== 5 || scope.includes("")) {
    return refuse(
      'Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
    );
  }
  const token = found.get("X-Amz-Security-Token");
  return claim("QueryString", scope, list, signature, sent, {
    expiresSeconds,
    ...(token === undefined ? {} : { token }),
  });
}

/** The checks that need no secret: scope, clock and what must be signed. Throws the family's fault. */
export function checkClaim(
  family: Family,
  claim: Claim,
  service: string | undefined,
  headers: Headers,
  now: number,
): void {
  checkScope(family, claim, service);
  checkClock(family, claim, now);
  if (!claim.signedHeaders.includes("host")) {
    const message = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
    throw family === "s3" ? notSigned("host") : badSignature(family, message);
  }
  for (const name in headers) {
    if (!name.startsWith("x-amz-") || claim.signedHeaders.includes(name)) continue;
    // The payload hash is a line of its own in what is signed; tokens may be appended after signing.
    if (name === "x-amz-content-sha256" || name === "x-amz-security-token") continue;
    if (family === "s3") throw notSigned(name);
    if (name === "x-amz-target")
      throw badSignature(family, "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.");
  }
}
const notSigned = (name: string): AwsFault =>
  fault("AccessDenied", "There were headers present in the request which were not signed", {
    status: 403,
    detail: { HeadersNotSigned: name },
  });

function checkScope(family: Family, claim: Claim, service: string | undefined): void {
  const wrong = (s3: string, other: string): AwsFault => {
    if (family !== "s3") return badSignature(family, other);
    return claim.from === "QueryString"
      ? malformedQuery(family, `Error parsing the X-Amz-Credential parameter; ${s3}`)
      : malformed(family, `The authorization header is malformed; ${s3}`, "");
  };
  if (claim.terminator !== "aws4_request") {
    throw wrong(
      `incorrect terminal "${claim.terminator}". This endpoint uses "aws4_request".`,
      `Credential should be scoped with a valid terminator: 'aws4_request', not '${claim.terminator}'.`,
    );
  }
  if (service !== undefined && claim.service !== service) {
    throw wrong(
      `incorrect service "${claim.service}". This endpoint belongs to "${service}".`,
      `Credential should be scoped to correct service: '${service}'. `,
    );
  }
  if (!/^[a-z0-9-]{1,32}$/.test(claim.region)) {
    throw wrong(`the region '${claim.region}' is wrong`, "Credential should be scoped to a valid region. ");
  }
  if (!/^\d{8}$/.test(claim.date)) {
    const message = `incorrect date format "${claim.date}". This date in the credential must be in the format "yyyyMMdd".`;
    throw wrong(
      message,
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${claim.date}'`,
    );
  }
  const day = claim.timestamp.slice(0, 8);
  if (claim.date !== day) {
    throw wrong(
      `Invalid credential date "${claim.date}". This date is not the same as X-Amz-Date: "${day}".`,
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${claim.date}' != '${day}', from '${claim.timestamp}'.`,
    );
  }
}

function checkClock(family: Family, claim: Claim, now: number): void {
  const sent = parseTimestamp(claim.timestamp);
  if (Number.isNaN(sent)) {
    if (family === "s3")
      throw fault("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header", { status: 403 });
    throw badSignature(
      family,
      `Date must be in ISO-8601 'basic format'. Got '${claim.timestamp}'. See http://en.wikipedia.org/wiki/ISO_8601`,
    );
  }
  if (claim.expiresSeconds !== undefined) {
    const expires = sent + claim.expiresSeconds * 1000;
    if (now > expires) {
      const detail = {
        "X-Amz-Expires": String(claim.expiresSeconds),
        Expires: new Date(expires).toISOString(),
        ServerTime: new Date(now).toISOString(),
      };
      if (family === "s3") throw fault("AccessDenied", "Request has expired", { status: 403, detail });
      throw badSignature(
        family,
        `Signature expired: ${claim.timestamp} is now earlier than ${timestamp(now - claim.expiresSeconds * 1000)}`,
      );
    }
    if (sent - now <= SKEW_MS) return;
    if (family === "s3") throw fault("AccessDenied", "Request is not valid yet", { status: 403 });
  }
  if (Math.abs(now - sent) <= SKEW_MS) return;
  if (family === "s3") {
    const detail = {
      RequestTime: claim.timestamp,
      ServerTime: new Date(now).toISOString(),
      MaxAllowedSkewMilliseconds: String(SKEW_MS),
    };
    throw fault("RequestTimeTooSkewed", "The difference between the request time and the current time is too large.", {
      status: 403,
      detail,
    });
  }
  throw badSignature(
    family,
    sent < now
      ? `Signature expired: ${claim.timestamp} is now earlier than ${timestamp(now - SKEW_MS)} (${timestamp(now)} - 15 min.)`
      : `Signature not yet current: ${claim.timestamp} is still later than ${timestamp(now + SKEW_MS)} (${timestamp(now)} + 15 min.)`,
  );
}
