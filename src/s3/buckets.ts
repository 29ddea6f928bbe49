/** Buckets themselves: create, delete, look, list. */
import type { Call } from "../flow.ts";
import type { Reader } from "../store/store.ts";
import { fault } from "../wire/fault.ts";
import { bucketsOf, bucketRow, deleteBucketRow, deleteSettings, insertBucket, putSetting } from "./bucket-rows.ts";
import { tagsText } from "./attributes.ts";
import { invalidArgument, type S3, type S3Handlers } from "./context.ts";
import { ownerOf } from "./listing.ts";
import { bucketArn, checkBucketName } from "./names.ts";
import { noAcls, notHere, refuseUnsupported } from "./refuse.ts";
import { hasObjects, uploadsOf } from "./rows.ts";
import { dropUpload } from "./uploads.ts";

type CreateInput = Parameters<NonNullable<S3Handlers["CreateBucket"]>>[0];
const REGION = /^[a-z]{2}(-[a-z]+)+-\d$/;

export function bucketHandlers(
  s3: S3,
): Pick<S3Handlers, "CreateBucket" | "DeleteBucket" | "HeadBucket" | "ListBuckets" | "GetBucketLocation"> {
  return {
    CreateBucket: (input, call) => createBucket(s3, input, call),
    async DeleteBucket(input, call) {
      return call.commit(async (transaction) => {
        const bucket = await s3.bucket(transaction, input);
        // Looked for before as well, so that nobody waits for the lock of a bucket that is in use.
        await refuseNotEmpty(transaction, input.Bucket);
        await s3.lock(transaction, bucket);
        await refuseNotEmpty(transaction, input.Bucket);
        for (const { id } of await uploadsOf(transaction, input.Bucket, 100_000))
          await dropUpload(s3, transaction, call.trace, id);
        await deleteSettings(transaction, input.Bucket);
        await deleteBucketRow(transaction, input.Bucket);
        s3.changed(transaction, input.Bucket);
        return {};
      });
    },
    async HeadBucket(input, call) {
      const bucket = await call.read((reader) => s3.bucket(reader, input));
      return { BucketRegion: bucket.region, BucketArn: bucketArn(bucket.name), AccessPointAlias: false };
    },
    ListBuckets: (input, call) => listBuckets(input, call),
    async GetBucketLocation(input, call) {
      const bucket = await call.read((reader) => s3.bucket(reader, input));
      // us-east-1 is told by an empty answer.
      return bucket.region === "us-east-1" ? {} : { LocationConstraint: bucket.region as "eu-west-1" };
    },
  };
}

async function refuseNotEmpty(reader: Reader, name: string): Promise<void> {
  if (await hasObjects(reader, name))
    throw fault("BucketNotEmpty", "The bucket you tried to delete is not empty", {
      status: 409,
      detail: { BucketName: name },
    });
}

async function createBucket(s3: S3, input: CreateInput, call: Call): Promise<{ Location: string; BucketArn: string }> {
  const { Bucket } = input;
  refuseUnsupported({ ...input, ACL: undefined, ObjectLockEnabledForBucket: undefined });
  if (input.ACL !== undefined && input.ACL !== "private")
    throw fault(
      "InvalidBucketAclWithObjectOwnership",
      "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
      { status: 400 },
    );
  if (input.ObjectOwnership !== undefined && input.ObjectOwnership !== "BucketOwnerEnforced") throw noAcls();
  if (input.ObjectLockEnabledForBucket === true) throw notHere("Object Lock is not implemented.");
  if (call.principal.kind === "anonymous") throw fault("AccessDenied", "Access Denied", { status: 403 });
  checkBucketName(Bucket);
  const { LocationConstraint, Location, Bucket: kind, Tags } = input.CreateBucketConfiguration ?? {};
  if (Location !== undefined || kind !== undefined) throw notHere("Directory buckets are not implemented.");
  const region = regionFor(LocationConstraint, call.region);
  const tags = tagsText(Tags, 50);
  return call.commit(async (transaction) => {
    const existing = await bucketRow(transaction, Bucket);
    const answer = { Location: `/${Bucket}`, BucketArn: bucketArn(Bucket) };
    if (existing && existing.account !== call.account)
      throw fault(
        "BucketAlreadyExists",
        "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.",
        { status: 409, detail: { BucketName: Bucket } },
      );
    // "Amazon S3 returns 200 OK" when an owner makes the bucket again in us-east-1, and only there.
    if (existing?.region === "us-east-1" && region === "us-east-1") return answer;
    if (existing)
      throw fault(
        "BucketAlreadyOwnedByYou",
        "Your previous request to create the named bucket succeeded and you already own it.",
        { status: 409, detail: { BucketName: Bucket } },
      );
    await insertBucket(transaction, { name: Bucket, account: call.account, region, created: s3.parts.clock.now() });
    if (tags !== null) await putSetting(transaction, Bucket, "tagging", tags);
    s3.changed(transaction, Bucket);
    return answer;
  });
}

/** A bucket lives where the request says; only us-east-1 makes buckets for other regions too. */
function regionFor(constraint: string | undefined, requested: string): string {
  if (constraint === undefined || constraint === "") {
    if (requested === "us-east-1") return requested;
    throw illegalLocation("unspecified");
  }
  const region = constraint === "EU" ? "eu-west-1" : constraint;
  if (region === "us-east-1" && requested === "us-east-1") throw invalidLocation(constraint);
  if (requested !== "us-east-1" && region !== requested) throw illegalLocation(constraint);
  if (!REGION.test(region)) throw invalidLocation(constraint);
  return region;
}
function illegalLocation(constraint: string): Error {
  return fault(
    "IllegalLocationConstraintException",
    `The ${constraint} location constraint is incompatible for the region specific endpoint this request was sent to.`,
    { status: 400 },
  );
}
function invalidLocation(constraint: string): Error {
  return fault("InvalidLocationConstraint", "The specified location-constraint is not valid", {
    status: 400,
    detail: { LocationConstraint: constraint },
  });
}

type ListInput = Parameters<NonNullable<S3Handlers["ListBuckets"]>>[0];
async function listBuckets(
  input: ListInput,
  call: Call,
): Promise<Awaited<ReturnType<NonNullable<S3Handlers["ListBuckets"]>>>> {
  const limit = Math.min(input.MaxBuckets ?? 10_000, 10_000);
  if (limit < 1)
    throw invalidArgument("Argument max-buckets must be an integer between 1 and 10000", "max-buckets", limit);
  const prefix = input.Prefix ?? "";
  let from = prefix;
  if (input.ContinuationToken !== undefined) {
    from = Buffer.from(input.ContinuationToken, "base64url").toString();
    if (from === "")
      throw invalidArgument(
        "The continuation token provided is incorrect",
        "continuation-token",
        input.ContinuationToken,
      );
  }
  const rows = await call.read(async (reader) => {
    const found: Awaited<ReturnType<typeof bucketsOf>> = [];
    for (;;) {
      const batch = await bucketsOf(reader, call.account, from, 1000);
      for (const row of batch) {
        if (!row.name.startsWith(prefix)) return found;
        if (input.BucketRegion === undefined || row.region === input.BucketRegion) found.push(row);
        if (found.length > limit) return found;
      }
      const last = batch.at(-1);
      if (!last || batch.length < 1000) return found;
      from = `${last.name} `;
    }
  });
  const next = rows[limit];
  return {
    Owner: ownerOf(call.account),
    Buckets: rows.slice(0, limit).map((row) => ({
      Name: row.name,
      CreationDate: new Date(row.created),
      BucketArn: bucketArn(row.name),
      ...(input.MaxBuckets === undefined && input.BucketRegion === undefined ? {} : { BucketRegion: row.region }),
    })),
    ...(input.Prefix === undefined ? {} : { Prefix: input.Prefix }),
    ...(next ? { ContinuationToken: Buffer.from(next.name).toString("base64url") } : {}),
  };
}
