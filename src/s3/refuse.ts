import { fault, type AwsFault } from "../wire/fault.ts";
import { ALGORITHMS } from "./checksums.ts";

/** Members of requests that ask for what is not here, and what they ask for. They are refused, never dropped. */
const NOT_HERE: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/^(CopySource)?SSECustomer/, "Encryption with customer-provided keys (SSE-C)"],
  [/^(SSEKMS|BucketKeyEnabled$)/, "Encryption with KMS keys (SSE-KMS)"],
  [/^ObjectLock/, "Object Lock"],
  [/^(AnnotationDirective|WriteOffsetBytes|RenameSource)/, "This request header"],
  [/^(MFA|BucketNamespace)$/, "This request header"],
];
const KNOWN = new Map<string, string | undefined>();

/** Throws for a member that this store does not honour. */
export function refuseUnsupported(input: object): void {
  for (const name in input) {
    const what = whatIsMissing(name);
    const value = (input as Record<string, unknown>)[name];
    if (what !== undefined && value !== undefined && value !== false)
      throw notHere(`${what} is not implemented: ${name}.`);
    if (name.startsWith("Grant") && value !== undefined) throw noAcls();
  }
  const { ACL, ServerSideEncryption } = input as { ACL?: string; ServerSideEncryption?: string };
  if (ACL !== undefined && ACL !== "private" && ACL !== "bucket-owner-full-control") throw noAcls();
  if (ServerSideEncryption !== undefined && ServerSideEncryption !== "AES256")
    throw notHere(`Encryption with KMS keys (SSE-KMS) is not implemented: ${ServerSideEncryption}.`);
}

export function notHere(message: string): AwsFault {
  return fault("NotImplemented", message, { status: 501 });
}
/** Buckets have the ownership setting BucketOwnerEnforced, as new buckets on AWS have. */
export function noAcls(): AwsFault {
  return fault("AccessControlListNotSupported", "The bucket does not allow ACLs", { status: 400 });
}

/** Only `null` names a version as long as no bucket keeps versions. */
export function checkVersion(version: string | undefined): void {
  if (version === undefined || version === "null") return;
  throw fault("NoSuchVersion", "The specified version does not exist.", {
    status: 404,
    detail: { VersionId: version },
  });
}

/** Storage classes are kept and shown; those whose objects have to be restored before they can be read are refused. */
export function storageClass(given: string | undefined): string {
  if (given === undefined) return "STANDARD";
  if (
    ["STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"].includes(given)
  )
    return given;
  if (given === "GLACIER" || given === "DEEP_ARCHIVE")
    throw notHere(`The storage class ${given} is not implemented, because RestoreObject is not.`);
  throw fault("InvalidStorageClass", "The storage class you specified is not valid", {
    status: 400,
    detail: { StorageClassRequested: given },
  });
}

function whatIsMissing(name: string): string | undefined {
  if (KNOWN.has(name)) return KNOWN.get(name);
  const checksum = /^Checksum(?!Algorithm$|Type$|Mode$)(.+)$/.exec(name)?.[1];
  const what =
    NOT_HERE.find(([pattern]) => pattern.test(name))?.[1] ??
    (checksum !== undefined && !ALGORITHMS.some((known) => known === checksum) ? "This checksum algorithm" : undefined);
  if (KNOWN.size < 1000) KNOWN.set(name, what);
  return what;
}
