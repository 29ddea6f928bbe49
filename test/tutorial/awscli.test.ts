/** The tutorial typed by hand with the AWS CLI, as an unmodified tool sees it. */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { HELLO_WORLD, patternFor, TEST_PNG, type Edition } from "../../scripts/tutorial/steps.ts";
import { startStepwell, type Stepwell } from "../support/stepwell.ts";

// Debian's package (CLI version 2) before whatever else is called `aws` on the path.
const cli = ["/usr/bin/aws", "aws"].find((candidate) => spawnSync(candidate, ["--version"]).status === 0);
const missing = cli === undefined ? "the AWS CLI is not installed (Debian: apt-get install awscli)" : false;
const run = promisify(execFile);

for (const edition of ["2018", "2022"] as const) {
  describe(`the tutorial by the AWS CLI, edition ${edition}`, { skip: missing }, () => {
    let stepwell: Stepwell;
    let folder: string;
    const bucket = "cli-sfn-tutorial";
    before(async () => {
      stepwell = await startStepwell();
      folder = mkdtempSync(join(tmpdir(), "stepwell-cli-"));
    });
    after(async () => {
      await stepwell.close();
      rmSync(folder, { recursive: true, force: true });
    });

    /** One command, its JSON answer parsed. The flag is for CLIs older than 2.13, which do not read AWS_ENDPOINT_URL. */
    async function aws(...args: string[]): Promise<Record<string, unknown>> {
      const { accessKeyId, secretAccessKey } = stepwell.key;
      const env = {
        PATH: process.env["PATH"],
        HOME: folder,
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
        AWS_DEFAULT_REGION: stepwell.region,
        AWS_ENDPOINT_URL: stepwell.endpoint,
        AWS_PAGER: "",
      };
      const { stdout } = await run(cli ?? "", ["--endpoint-url", stepwell.endpoint, "--output", "json", ...args], {
        env,
      });
      return stdout.trim().startsWith("{") ? (JSON.parse(stdout) as Record<string, unknown>) : { text: stdout };
    }
    const file = (name: string, content: string | Uint8Array): string => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    };

    test("bucket, trail, machine, rule, upload: one execution, its input the event", async () => {
      await aws("s3", "mb", `s3://${bucket}`);
      if (edition === "2018") await makeTrail();
      else
        await aws(
          "s3api",
          "put-bucket-notification-configuration",
          "--bucket",
          bucket,
          "--notification-configuration",
          '{"EventBridgeConfiguration":{}}',
        );
      const machineArn = await makeMachine();
      await makeRule(machineArn, edition);
      await aws("s3", "cp", file("test.png", TEST_PNG), `s3://${bucket}/test.png`);
      const { executions } = (await aws("stepfunctions", "list-executions", "--state-machine-arn", machineArn)) as {
        executions: { executionArn: string; status: string }[];
      };
      assert.equal(executions.length, 1);
      const execution = await aws(
        "stepfunctions",
        "describe-execution",
        "--execution-arn",
        executions[0]?.executionArn ?? "",
      );
      assert.equal(execution["status"], "SUCCEEDED");
      const { detail } = JSON.parse(String(execution["input"])) as { detail: Record<string, Record<string, unknown>> };
      assert.equal(edition === "2018" ? detail["requestParameters"]?.["key"] : detail["object"]?.["key"], "test.png");
    });

    test("the object comes back as it went", async () => {
      await aws("s3", "cp", `s3://${bucket}/test.png`, join(folder, "back.png"));
      assert.deepEqual(readFileSync(join(folder, "back.png")), TEST_PNG);
    });

    async function makeTrail(): Promise<void> {
      const storage = `${bucket}-storage`;
      await aws("s3", "mb", `s3://${storage}`);
      const Principal = { Service: "cloudtrail.amazonaws.com" };
      // The policy of 2018, without aws:SourceArn.
      const policy = {
        Version: "2012-10-17",
        Statement: [
          { Effect: "Allow", Principal, Action: "s3:GetBucketAcl", Resource: `arn:aws:s3:::${storage}` },
          {
            Effect: "Allow",
            Principal,
            Action: "s3:PutObject",
            Resource: `arn:aws:s3:::${storage}/AWSLogs/${stepwell.account}/*`,
            Condition: { StringEquals: { "s3:x-amz-acl": "bucket-owner-full-control" } },
          },
        ],
      };
      await aws("s3api", "put-bucket-policy", "--bucket", storage, "--policy", JSON.stringify(policy));
      await aws("cloudtrail", "create-trail", "--name", "S3Event", "--s3-bucket-name", storage);
      const selectors = [
        {
          ReadWriteType: "WriteOnly",
          IncludeManagementEvents: true,
          DataResources: [{ Type: "AWS::S3::Object", Values: [`arn:aws:s3:::${bucket}/`] }],
        },
      ];
      await aws(
        "cloudtrail",
        "put-event-selectors",
        "--trail-name",
        "S3Event",
        "--event-selectors",
        JSON.stringify(selectors),
      );
      await aws("cloudtrail", "start-logging", "--name", "S3Event");
    }
    async function makeRole(name: string, service: string): Promise<string> {
      const trust = {
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" }],
      };
      const { Role } = (await aws(
        "iam",
        "create-role",
        "--role-name",
        name,
        "--assume-role-policy-document",
        JSON.stringify(trust),
      )) as { Role: { Arn: string } };
      return Role.Arn;
    }
    async function makeMachine(): Promise<string> {
      const role = await makeRole("StepFunctions-Helloworld-role", "states.amazonaws.com");
      const { stateMachineArn } = await aws(
        "stepfunctions",
        "create-state-machine",
        "--name",
        "Helloworld",
        "--definition",
        HELLO_WORLD,
        "--role-arn",
        role,
      );
      return String(stateMachineArn);
    }
    async function makeRule(machineArn: string, which: Edition): Promise<void> {
      const role = await makeRole("AWS_Events_Invoke_Step_Functions_1", "events.amazonaws.com");
      const policy = {
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Action: "states:StartExecution", Resource: machineArn }],
      };
      await aws(
        "iam",
        "put-role-policy",
        "--role-name",
        "AWS_Events_Invoke_Step_Functions_1",
        "--policy-name",
        "start",
        "--policy-document",
        JSON.stringify(policy),
      );
      const pattern = patternFor({ edition: which, bucket, account: stepwell.account, region: stepwell.region });
      await aws("events", "put-rule", "--name", "S3StepFunctions", "--event-pattern", JSON.stringify(pattern));
      const { FailedEntryCount } = await aws(
        "events",
        "put-targets",
        "--rule",
        "S3StepFunctions",
        "--targets",
        JSON.stringify([{ Id: "1", Arn: machineArn, RoleArn: role }]),
      );
      assert.equal(FailedEntryCount, 0);
    }
  });
}
