import { fault } from "../wire/fault.ts";

/** Objects are named by bytes: the UTF-8 of what the client wrote, whatever it looks like. */
export function keyBytes(key: string): Buffer {
  const bytes = Buffer.from(key, "utf8");
  if (bytes.length > 1024)
    throw fault("KeyTooLongError", "Your key is too long", {
      status: 400,
      detail: { Size: bytes.length, MaxSizeAllowed: 1024 },
    });
  if (bytes.length === 0) throw fault("InvalidArgument", "The object key must not be empty.", { status: 400 });
  return bytes;
}
export function keyText(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("utf8");
}

export function bucketArn(bucket: string): string {
  return `arn:aws:s3:::${bucket}`;
}
export function objectArn(bucket: string, key: string): string {
  return `arn:aws:s3:::${bucket}/${key}`;
}

const ADDRESS = /^\d+\.\d+\.\d+\.\d+$/;
const TAKEN = /^(xn--|sthree-|amzn-s3-demo-)|(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/;
/** AWS's rules for the names of new buckets. */
export function checkBucketName(name: string): void {
  const good =
    name.length >= 3 &&
    name.length <= 63 &&
    /^[a-z0-9][a-z0-9.-]*[a-z0-9]$/.test(name) &&
    !name.includes("..") &&
    !ADDRESS.test(name) &&
    !TAKEN.test(name);
  if (!good)
    throw fault("InvalidBucketName", "The specified bucket is not valid.", {
      status: 400,
      detail: { BucketName: name },
    });
}

export type CopySource = { readonly bucket: string; readonly key: string; readonly version: string | undefined };
/** `x-amz-copy-source`: `bucket/key`, percent-encoded, perhaps with a leading slash and `?versionId=`. */
export function copySource(text: string): CopySource {
  const [path, query] = splitOnce(text, "?versionId=");
  const refuse = () =>
    fault("InvalidArgument", "Invalid copy source object key", {
      status: 400,
      detail: { ArgumentName: "x-amz-copy-source", ArgumentValue: text },
    });
  if (path.startsWith("arn:"))
    throw fault("NotImplemented", "Copying from an access point is not implemented.", { status: 501 });
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    throw refuse();
  }
  const [bucket, key] = splitOnce(decoded.replace(/^\//, ""), "/");
  if (bucket === "" || key === "") throw refuse();
  return { bucket, key, version: query === "" ? undefined : decodeURIComponent(query) };
}
function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}
