/** Matching an event against 1, 300, 10,000 and 100,000 rules of the tutorial's shape, each on a bucket of its own. */
import { parsePattern } from "../src/events/pattern/parse.ts";
import { RuleIndex } from "../src/events/pattern/ruleIndex.ts";
import type { Bench } from "./bench.ts";
import { median } from "./processes.ts";

const SIZES = [1, 300, 10_000, 100_000] as const;
const EVENTS = 100_000;

function patternOf(bucket: string): string {
  return JSON.stringify({
    source: ["aws.s3"],
    "detail-type": ["AWS API Call via CloudTrail"],
    detail: {
      eventSource: ["s3.amazonaws.com"],
      eventName: ["PutObject"],
      requestParameters: { bucketName: [bucket] },
    },
  });
}

/** The tutorial's event, as a PutObject through the CLI makes it. */
function eventOn(bucket: string): Record<string, unknown> {
  const account = "123456789012";
  return {
    version: "0",
    id: "2c8f0d1e-71aa-4a0e-8d43-6b1b7a6f9c22",
    "detail-type": "AWS API Call via CloudTrail",
    source: "aws.s3",
    account,
    time: "2026-05-04T09:12:31Z",
    region: "us-east-1",
    resources: [],
    detail: {
      eventVersion: "1.11",
      userIdentity: {
        type: "IAMUser",
        principalId: "AIDAEXAMPLEUSERID0001",
        arn: `arn:aws:iam::${account}:user/ada`,
        accountId: account,
        accessKeyId: "AKIAIOSFODNN7EXAMPLE",
        userName: "ada",
      },
      eventTime: "2026-05-04T09:12:31Z",
      eventSource: "s3.amazonaws.com",
      eventName: "PutObject",
      awsRegion: "us-east-1",
      sourceIPAddress: "203.0.113.7",
      userAgent: "[aws-cli/2.31.0]",
      requestParameters: { bucketName: bucket, Host: "localhost:4566", key: "test.png" },
      responseElements: { "x-amz-server-side-encryption": "AES256" },
      requestID: "C3D13FE58DE4C810",
      eventID: "7a0c3e55-6a1f-4c58-9b1e-2f6f4d7c9e10",
      readOnly: false,
      resources: [
        { type: "AWS::S3::Object", ARN: `arn:aws:s3:::${bucket}/test.png` },
        { accountId: account, type: "AWS::S3::Bucket", ARN: `arn:aws:s3:::${bucket}` },
      ],
      eventType: "AwsApiCall",
      managementEvent: false,
      recipientAccountId: account,
      eventCategory: "Data",
    },
  };
}

export const benchMatching: Bench = async ({ rounds }) => {
  const indexes = SIZES.map((size) => {
    const index = new RuleIndex<string>();
    for (let rule = 0; rule < size; rule++)
      index.add(`rule-${rule}`, parsePattern(patternOf(`bucket-${rule}`)), `rule-${rule}`);
    // As many different events for each size, on buckets all over the rules: what is compared is the rules' cost alone.
    const events = Array.from({ length: 1000 }, (_, i) => eventOn(`bucket-${Math.floor((i * size) / 1000)}`));
    return { size, index, events, rates: [] as number[] };
  });
  for (let round = 0; round <= rounds; round++) {
    for (const { index, events, rates } of indexes) {
      let matched = 0;
      const started = performance.now();
      for (let i = 0; i < EVENTS; i++) matched += index.match(events[i % events.length] ?? {}).length;
      const rate = EVENTS / ((performance.now() - started) / 1000);
      if (matched !== EVENTS) throw new Error(`${matched} of ${EVENTS} events matched`);
      if (round > 0) rates.push(rate);
    }
  }
  const one = indexes[0]?.rates ?? [];
  return indexes.map(({ size, rates }) => ({
    name: `events matched against ${size.toLocaleString("en")} rules`,
    value: median(rates),
    unit: "/s",
    ...(size === 1
      ? {}
      : {
          limit: median(one),
          limitName: "against 1 rule",
          ratio: median(rates.map((rate, i) => rate / (one[i] ?? 1))),
        }),
  }));
};
