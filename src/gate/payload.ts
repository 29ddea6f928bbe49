import { fault } from "../wire/fault.ts";
import type { Pair } from "./canonical.ts";
import type { Claim } from "./claim.ts";
import { notImplemented } from "./refuse.ts";
import type { Seed } from "./signature.ts";

/** How the bytes of a body are to be decoded and proved. */
export type Payload =
  | { readonly kind: "plain" }
  | { readonly kind: "hash"; readonly hex: string }
  | {
      readonly kind: "chunked";
      readonly seed?: Seed | undefined;
      readonly declared: readonly string[];
      readonly decodedLength: number;
    };

type Headers = Readonly<Record<string, string | undefined>>;
const HEX = /^[0-9a-f]{64}$/;

/** The last line of an S3 request's canonical form: the payload's hash, or the word that stands for it. */
export function s3PayloadHash(claim: Claim, headers: Headers, query: readonly Pair[]): string {
  const sent = headers["x-amz-content-sha256"];
  if (claim.from === "QueryString") {
    const asked = query.find(([name]) => name.toLowerCase() === "x-amz-content-sha256");
    return (
      asked?.[1] ??
      (sent !== undefined && claim.signedHeaders.includes("x-amz-content-sha256") ? sent : "UNSIGNED-PAYLOAD")
    );
  }
  if (sent === undefined)
    throw fault("InvalidRequest", "Missing required header for this request: x-amz-content-sha256", { status: 400 });
  return sent;
}

/**
 * What `x-amz-content-sha256` asks for. With a seed, signed chunks are verified against it;
 * without one (nothing signed, or verification switched off) they are only decoded.
 */
export function payloadOf(hash: string | undefined, headers: Headers, seed: Seed | undefined): Payload {
  if (hash === undefined || hash === "UNSIGNED-PAYLOAD") return { kind: "plain" };
  if (HEX.test(hash)) return { kind: "hash", hex: hash };
  const trailer = hash.endsWith("-TRAILER");
  if (hash.startsWith("STREAMING-AWS4-ECDSA"))
    throw notImplemented("s3", "Stepwell does not implement Signature Version 4A.");
  if (
    ![
      "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
      "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
      "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    ].includes(hash)
  ) {
    const message =
      "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.";
    throw fault("InvalidArgument", message, {
      status: 400,
      detail: { ArgumentName: "x-amz-content-sha256", ArgumentValue: hash },
    });
  }
  const length = headers["x-amz-decoded-content-length"];
  if (length === undefined) throw missingLength();
  if (!/^\d{1,15}$/.test(length))
    throw fault("InvalidArgument", "x-amz-decoded-content-length must be a number.", { status: 400 });
  const declared = trailer
    ? (headers["x-amz-trailer"] ?? "")
        .toLowerCase()
        .split(",")
        .map((name) => name.trim())
        .filter(Boolean)
    : [];
  const signed = hash.startsWith("STREAMING-AWS4");
  return { kind: "chunked", seed: signed ? seed : undefined, declared, decodedLength: Number(length) };
}

export const missingLength = (): Error =>
  fault("MissingContentLength", "You must provide the Content-Length HTTP header.", { status: 411 });
