/**
 * The services that a Task can name, in one table: as `arn:aws:states:::aws-sdk:<alias>:<action>` spells them, which of
 * Stepwell's services answers, and how AWS's Java SDK writes them in error names and causes.
 */
export type SdkService = {
  /** The name of Stepwell's service definition. */
  readonly service: string;
  /** The file in model/. */
  readonly model: string;
  /** `S3.NoSuchKeyException`, `(Service: S3, …)` */
  readonly sdkName: string;
  /** S3 alone tells a second request id. */
  readonly extendedRequestId?: true;
  /** ` (SDK Attempt Count: 1)`: recorded for Sfn in 2025, absent from the recordings of S3 and DynamoDb. */
  readonly attemptCount?: true;
};

const KNOWN: Readonly<Record<string, SdkService>> = {
  s3: { service: "s3", model: "s3", sdkName: "S3", extendedRequestId: true },
  eventbridge: { service: "events", model: "eventbridge", sdkName: "EventBridge", attemptCount: true },
  sfn: { service: "states", model: "sfn", sdkName: "Sfn", attemptCount: true },
  iam: { service: "iam", model: "iam", sdkName: "Iam", attemptCount: true },
  sts: { service: "sts", model: "sts", sdkName: "Sts", attemptCount: true },
  cloudtrail: { service: "cloudtrail", model: "cloudtrail", sdkName: "CloudTrail", attemptCount: true },
  lambda: { service: "lambda", model: "lambda", sdkName: "Lambda", attemptCount: true },
  sqs: { service: "sqs", model: "sqs", sdkName: "Sqs", attemptCount: true },
  sns: { service: "sns", model: "sns", sdkName: "Sns", attemptCount: true },
  dynamodb: { service: "dynamodb", model: "dynamodb", sdkName: "DynamoDb" },
  cloudwatchlogs: { service: "logs", model: "logs", sdkName: "CloudWatchLogs", attemptCount: true },
  scheduler: { service: "scheduler", model: "scheduler", sdkName: "Scheduler", attemptCount: true },
  ssm: { service: "ssm", model: "ssm", sdkName: "Ssm", attemptCount: true },
  rekognition: { service: "rekognition", model: "rekognition", sdkName: "Rekognition", attemptCount: true },
  cloudformation: { service: "cloudformation", model: "cloudformation", sdkName: "CloudFormation", attemptCount: true },
};

/** Services that Step Functions has a way of its own for, beside `aws-sdk`. */
const OPTIMISED = new Set([
  "apigateway",
  "athena",
  "batch",
  "bedrock",
  "codebuild",
  "databrew",
  "dynamodb",
  "ecs",
  "eks",
  "elasticmapreduce",
  "emr-containers",
  "emr-serverless",
  "events",
  "glue",
  "http",
  "lambda",
  "mediaconvert",
  "sagemaker",
  "sns",
  "sqs",
  "states",
]);

export function sdkService(alias: string): SdkService | undefined {
  return Object.hasOwn(KNOWN, alias) ? KNOWN[alias] : undefined;
}

export function isOptimised(alias: string): boolean {
  return OPTIMISED.has(alias);
}
