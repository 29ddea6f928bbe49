/** Sub-resources of a bucket: policy, notification, tagging; and the answers AWS gives for those that were never set. */
import type { Call } from "../flow.ts";
import { fault } from "../wire/fault.ts";
import { tagsOf, tagsText } from "./attributes.ts";
import { deleteSetting, putSetting } from "./bucket-rows.ts";
import type { Bucket, S3, S3Handlers } from "./context.ts";
import { ownerOf } from "./listing.ts";
import { keyBytes } from "./names.ts";
import { checkPolicy, isPublic } from "./policy.ts";
import { checkVersion, notHere } from "./refuse.ts";
import { objectRow } from "./rows.ts";

type Named = { readonly Bucket: string; readonly ExpectedBucketOwner?: string | undefined };

export function settingHandlers(s3: S3) {
  const read = (input: Named, call: Call): Promise<Bucket> => call.read((reader) => s3.bucket(reader, input));
  /** Sets a sub-resource, or removes it if there is nothing to keep. */
  const set = (input: Named, call: Call, name: string, value: string | null): Promise<{}> =>
    call.commit(async (transaction) => {
      await s3.bucket(transaction, input);
      if (value === null) await deleteSetting(transaction, input.Bucket, name);
      else await putSetting(transaction, input.Bucket, name, value);
      s3.changed(transaction, input.Bucket);
      return {};
    });
  return {
    ...policyHandlers(read, set),
    ...notificationAndTags(read, set),
    ...defaultHandlers(read),
    ...aclHandlers(s3, read),
  } satisfies Partial<S3Handlers>;
}
type Read = (input: Named, call: Call) => Promise<Bucket>;
type Set = (input: Named, call: Call, name: string, value: string | null) => Promise<{}>;

function policyHandlers(
  read: Read,
  set: Set,
): Pick<S3Handlers, "GetBucketPolicy" | "PutBucketPolicy" | "DeleteBucketPolicy" | "GetBucketPolicyStatus"> {
  const policyOf = async (input: Named, call: Call): Promise<string> => {
    const { policy } = await read(input, call);
    if (policy === undefined) throw notSet("NoSuchBucketPolicy", "The bucket policy does not exist", input.Bucket);
    return policy;
  };
  return {
    GetBucketPolicy: async (input, call) => ({ Policy: await policyOf(input, call) }),
    async PutBucketPolicy(input, call) {
      const text = checkPolicy(input.Policy, input.Bucket);
      return set(input, call, "policy", text);
    },
    DeleteBucketPolicy: (input, call) => set(input, call, "policy", null),
    GetBucketPolicyStatus: async (input, call) => ({
      PolicyStatus: { IsPublic: isPublic(await policyOf(input, call)) },
    }),
  };
}

function notificationAndTags(
  read: Read,
  set: Set,
): Pick<
  S3Handlers,
  | "GetBucketNotificationConfiguration"
  | "PutBucketNotificationConfiguration"
  | "GetBucketTagging"
  | "PutBucketTagging"
  | "DeleteBucketTagging"
> {
  return {
    async GetBucketNotificationConfiguration(input, call) {
      const { notifies } = await read(input, call);
      return notifies ? { EventBridgeConfiguration: {} } : {};
    },
    async PutBucketNotificationConfiguration(input, call) {
      const configuration = input.NotificationConfiguration;
      for (const [name, to] of [
        ["TopicConfigurations", "SNS topics"],
        ["QueueConfigurations", "SQS queues"],
        ["LambdaFunctionConfigurations", "Lambda functions"],
      ] as const)
        if ((configuration[name]?.length ?? 0) > 0)
          throw notHere(`Notifications to ${to} are not implemented; use EventBridgeConfiguration.`);
      const kept = configuration.EventBridgeConfiguration === undefined ? null : '{"EventBridgeConfiguration":{}}';
      await set(input, call, "notification", kept);
      return {};
    },
    async GetBucketTagging(input, call) {
      const tags = (await read(input, call)).settings.get("tagging");
      if (tags === undefined) throw notSet("NoSuchTagSet", "The TagSet does not exist", input.Bucket);
      return { TagSet: tagsOf(tags) };
    },
    PutBucketTagging: async (input, call) => set(input, call, "tagging", tagsText(input.Tagging.TagSet, 50)),
    DeleteBucketTagging: (input, call) => set(input, call, "tagging", null),
  };
}

/** What AWS answers for a new bucket; the operations that would change these have no handlers yet. */
function defaultHandlers(read: Read) {
  const unset = (code: string, message: string) => async (input: Named, call: Call) => {
    await read(input, call);
    throw notSet(code, message, input.Bucket);
  };
  const answer =
    <Output>(output: Output) =>
    async (input: Named, call: Call): Promise<Output> => {
      await read(input, call);
      return output;
    };
  return {
    GetBucketVersioning: answer({}),
    GetBucketAccelerateConfiguration: answer({}),
    GetBucketLogging: answer({}),
    GetBucketRequestPayment: answer({ Payer: "BucketOwner" as const }),
    GetBucketEncryption: answer({
      ServerSideEncryptionConfiguration: {
        Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" as const }, BucketKeyEnabled: false }],
      },
    }),
    GetBucketOwnershipControls: answer({
      OwnershipControls: { Rules: [{ ObjectOwnership: "BucketOwnerEnforced" as const }] },
    }),
    GetPublicAccessBlock: answer({
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        IgnorePublicAcls: true,
        BlockPublicPolicy: true,
        RestrictPublicBuckets: true,
      },
    }),
    GetBucketCors: unset("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    GetBucketLifecycleConfiguration: unset(
      "NoSuchLifecycleConfiguration",
      "The lifecycle configuration does not exist",
    ),
    GetBucketWebsite: unset("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"),
    GetBucketReplication: unset("ReplicationConfigurationNotFoundError", "The replication configuration was not found"),
    GetObjectLockConfiguration: unset(
      "ObjectLockConfigurationNotFoundError",
      "Object Lock configuration does not exist for this bucket",
    ),
  } satisfies Partial<S3Handlers>;
}

function aclHandlers(s3: S3, read: Read): Pick<S3Handlers, "GetBucketAcl" | "GetObjectAcl"> {
  const acl = (bucket: Bucket) => ({
    Owner: ownerOf(bucket.account),
    Grants: [
      { Grantee: { Type: "CanonicalUser" as const, ...ownerOf(bucket.account) }, Permission: "FULL_CONTROL" as const },
    ],
  });
  return {
    GetBucketAcl: async (input, call) => acl(await read(input, call)),
    async GetObjectAcl(input, call) {
      checkVersion(input.VersionId);
      const bucket = await read(input, call);
      const object = await call.read((reader) => objectRow(reader, input.Bucket, keyBytes(input.Key)));
      if (!object) return s3.missing(call, bucket, input.Key);
      return acl(bucket);
    },
  };
}

function notSet(code: string, message: string, bucket: string): Error {
  return fault(code, message, { status: 404, detail: { BucketName: bucket } });
}
