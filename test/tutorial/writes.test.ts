/** The other ways to write an object: what a rule on PutObject alone sees of them, and what the story says. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { PutRuleCommand } from "@aws-sdk/client-eventbridge";
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { DescribeExecutionCommand, ListExecutionsCommand } from "@aws-sdk/client-sfn";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import {
  createBucket,
  createMachine,
  createRule,
  createTrail,
  type TutorialSetting,
} from "../../scripts/tutorial/steps.ts";
import { askAt } from "../../src/cli/client.ts";
import type { Story } from "../../src/story/tell.ts";
import { eventually, startStepwell, type Stepwell } from "../support/stepwell.ts";
import { stores } from "../support/stores.ts";

type Detail = {
  readonly eventName: string;
  readonly requestParameters: Readonly<Record<string, string>>;
  readonly additionalEventData: Readonly<Record<string, string>>;
};

for (const store of stores) {
  describe(`other ways to write on ${store.name}`, () => {
    let stepwell: Stepwell;
    let machineArn: string;
    const Bucket = "writes-tutorial";
    before(async () => {
      stepwell = await startStepwell(store);
      const { account, region } = stepwell;
      const setting: TutorialSetting = { bucket: Bucket, account, region, edition: "2018" };
      await createBucket(stepwell.as, setting);
      await createTrail(stepwell.as, setting);
      machineArn = await createMachine(stepwell.as);
      await createRule(stepwell.as, setting, machineArn);
    });
    after(() => stepwell.close());

    const story = (key: string): Promise<Story> =>
      askAt(stepwell.endpoint, stepwell.key, stepwell.region, "flow", { bucket: Bucket, key }) as Promise<Story>;
    async function details(): Promise<Detail[]> {
      const { executions = [] } = await stepwell.as.states.send(
        new ListExecutionsCommand({ stateMachineArn: machineArn }),
      );
      const inputs = await Promise.all(
        executions.map(({ executionArn }) => stepwell.as.states.send(new DescribeExecutionCommand({ executionArn }))),
      );
      return inputs.map(({ input }) => (JSON.parse(input ?? "null") as { detail: Detail }).detail);
    }
    async function uploadInParts(Key: string): Promise<void> {
      const { s3 } = stepwell.as;
      const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
      const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: "part" }));
      const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
      await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload }));
    }

    test("a presigned upload starts an execution; its record shows the query but no secret", async () => {
      // Else the client signs the checksum of a body that it does not know.
      const config = { endpoint: stepwell.endpoint, region: stepwell.region, credentials: stepwell.key };
      const s3 = new S3Client({ ...config, forcePathStyle: true, requestChecksumCalculation: "WHEN_REQUIRED" });
      const url = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: "presigned" }), {
        expiresIn: 600,
      });
      s3.destroy();
      assert.equal((await fetch(url, { method: "PUT", body: "x" })).status, 200);
      const detail = await eventually(async () => (await details())[0]);
      const parameters = detail?.requestParameters ?? {};
      assert.equal(detail?.eventName, "PutObject");
      assert.equal(detail?.additionalEventData["AuthenticationMethod"], "QueryString");
      assert.equal(parameters["X-Amz-Algorithm"], "AWS4-HMAC-SHA256");
      assert.equal(parameters["X-Amz-Expires"], "600");
      assert.equal(parameters["X-Amz-SignedHeaders"], "host");
      assert.match(parameters["X-Amz-Date"] ?? "", /^\d{8}T\d{6}Z$/);
      assert.ok(!/Signature"|Credential|Token/.test(JSON.stringify(parameters)), JSON.stringify(parameters));
    });

    test("a rule on PutObject alone does not see a copy or an upload in parts, and the story says so", async () => {
      const { s3 } = stepwell.as;
      const known = (await details()).length;
      await s3.send(new CopyObjectCommand({ Bucket, Key: "copied", CopySource: `${Bucket}/presigned` }));
      await uploadInParts("in-parts");
      assert.equal((await details()).length, known);
      for (const [key, operation] of [
        ["copied", "CopyObject"],
        ["in-parts", "CompleteMultipartUpload"],
      ] as const) {
        const hops = await eventually(async () => {
          const told = (await story(key)).hops;
          return told.some(({ hop }) => hop === "rule") ? told : undefined;
        });
        assert.deepEqual(
          hops.map(({ hop, outcome }) => `${hop} ${outcome}`),
          ["call ok", "record ok", "rule dead end"],
        );
        assert.ok(hops[0]?.subject.startsWith(`${operation} s3://${Bucket}/${key}`), JSON.stringify(hops));
        assert.equal(hops[2]?.reason, "closest rule S3StepFunctions: detail.eventName ≠ PutObject");
      }
    });

    test("a rule on all three sees each", async () => {
      const EventPattern = JSON.stringify({
        source: ["aws.s3"],
        detail: { eventName: ["PutObject", "CopyObject", "CompleteMultipartUpload"] },
      });
      await stepwell.as.events.send(new PutRuleCommand({ Name: "S3StepFunctions", EventPattern }));
      await stepwell.as.s3.send(new CopyObjectCommand({ Bucket, Key: "copied", CopySource: `${Bucket}/presigned` }));
      await uploadInParts("in-parts");
      const found = await eventually(async () => {
        const all = await details();
        return all.length === 3 ? all : undefined;
      });
      assert.deepEqual(found.map(({ eventName }) => eventName).toSorted(), [
        "CompleteMultipartUpload",
        "CopyObject",
        "PutObject",
      ]);
    });
  });
}
