import { BlobsMisplaced } from "./own-blobs.ts";

/** Where a blob store is, and with which key it is entered. */
export type S3Place = {
  readonly bucket: string;
  /** Empty, or ending with a slash. */
  readonly prefix: string;
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
};

/**
 * Reads `s3://bucket/prefix` and what belongs to it. The key stands in variables of its own, because AWS_ACCESS_KEY_ID
 * and AWS_ENDPOINT_URL on a machine with Stepwell aim at Stepwell itself, which must not be taken for its own blob store.
 */
export function s3PlaceOf(
  url: string,
  endpoint: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): S3Place {
  const [, bucket = "", prefix = ""] = /^s3:\/\/([a-z0-9][a-z0-9._-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(url) ?? [];
  if (bucket === "") throw new BlobsMisplaced(`--blobs takes a directory or s3://bucket/prefix, not "${url}".`);
  if (endpoint !== undefined && !/^https?:\/\/[^/]+\/?$/.test(endpoint))
    throw new BlobsMisplaced(`--blobs-endpoint takes an address such as https://ceph.example:8080, not "${endpoint}".`);
  const accessKeyId = environment["STEPWELL_BLOBS_ACCESS_KEY_ID"];
  const secretAccessKey = environment["STEPWELL_BLOBS_SECRET_ACCESS_KEY"];
  if (!accessKeyId || !secretAccessKey)
    throw new BlobsMisplaced(
      "a blob store needs STEPWELL_BLOBS_ACCESS_KEY_ID and STEPWELL_BLOBS_SECRET_ACCESS_KEY in the environment.",
    );
  const sessionToken = environment["STEPWELL_BLOBS_SESSION_TOKEN"];
  const region = environment["STEPWELL_BLOBS_REGION"] || "us-east-1";
  const tidy = prefix.replace(/^\/+|\/+$/g, "");
  return {
    bucket,
    prefix: tidy === "" ? "" : `${tidy}/`,
    endpoint: endpoint ?? `https://s3.${region}.amazonaws.com`,
    region,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) },
  };
}
