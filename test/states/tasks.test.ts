import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { CreateRoleCommand } from "@aws-sdk/client-iam";
import { stores } from "../support/stores.ts";
import { startStepwell, type Stepwell } from "../support/stepwell.ts";
import { create, ended, HELLO, history, roleFor, start, taskMachine } from "./fixture.ts";

for (const store of stores)
  describe(`tasks on ${store.name}`, () => {
    let stepwell: Stepwell;
    let roleArn: string;
    before(async () => {
      stepwell = await startStepwell(store);
      roleArn = await roleFor(stepwell, "able", ["s3:*", "states:*", "events:*", "sts:*"]);
      await stepwell.as.s3.send(new CreateBucketCommand({ Bucket: "tasks" }));
    });
    after(() => stepwell.close());
    const run = async (name: string, definition: string, role = roleArn) => {
      const executionArn = await start(stepwell, await create(stepwell, name, definition, role));
      return { executionArn, end: await ended(stepwell, executionArn) };
    };

    test("an object is written and read by aws-sdk tasks", async () => {
      const put = taskMachine("arn:aws:states:::aws-sdk:s3:putObject", { Bucket: "tasks", Key: "k", Body: { a: [1] } });
      const written = await run("put", put);
      assert.equal(written.end.status, "SUCCEEDED", written.end.cause ?? "");
      const object = await stepwell.as.s3.send(new GetObjectCommand({ Bucket: "tasks", Key: "k" }));
      assert.equal(await object.Body?.transformToString(), '{"a":[1]}');
      const get = taskMachine("arn:aws:states:::aws-sdk:s3:getObject", { Bucket: "tasks", Key: "k" });
      const read = await run("get", get);
      assert.equal(read.end.status, "SUCCEEDED", read.end.cause ?? "");
      const output = JSON.parse(read.end.output ?? "") as Record<string, unknown>;
      assert.equal(output["Body"], '{"a":[1]}');
      assert.equal(output["ContentLength"], 9);
      assert.match(String(output["LastModified"]), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
      const types = (await history(stepwell, read.executionArn)).map(({ type }) => type);
      assert.deepEqual(types, [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
      ]);
    });

    test("a service's fault has the name and the cause that AWS gives it", async () => {
      const get = taskMachine("arn:aws:states:::aws-sdk:s3:getObject", { Bucket: "tasks", Key: "absent" });
      const { end } = await run("absent-key", get);
      assert.equal(end.error, "S3.NoSuchKeyException");
      assert.match(
        end.cause ?? "",
        /^The specified key does not exist\. \(Service: S3, Status Code: 404, Request ID: \w+, Extended Request ID: \S+\)$/,
      );
      const arn = `arn:aws:states:us-east-1:${stepwell.account}:stateMachine:absent`;
      const optimised = await run(
        "absent-machine",
        taskMachine("arn:aws:states:::states:startExecution", { StateMachineArn: arn }),
      );
      assert.equal(optimised.end.error, "StepFunctions.StateMachineDoesNotExistException");
      assert.match(
        optimised.end.cause ?? "",
        /^State Machine Does Not Exist: '.*' \(Service: AWSStepFunctions; Status Code: 400; Error Code: StateMachineDoesNotExist; Request ID: [-\w]+; Proxy: null\)$/,
      );
    });

    test("a fault is caught by its name", async () => {
      const more = {
        Catch: [{ ErrorEquals: ["S3.NoSuchKeyException"], Next: "Caught" }],
        End: undefined,
        Next: "Caught",
      };
      const machine = JSON.parse(
        taskMachine("arn:aws:states:::aws-sdk:s3:getObject", { Bucket: "tasks", Key: "absent" }, more),
      ) as { States: Record<string, unknown> };
      machine.States["Caught"] = { Type: "Pass", End: true };
      const { end } = await run("caught", JSON.stringify(machine));
      assert.equal(end.status, "SUCCEEDED");
      assert.equal((JSON.parse(end.output ?? "") as { Error: string }).Error, "S3.NoSuchKeyException");
    });

    test("a role without permission gets nothing done, and the cause says why", async () => {
      const unable = await roleFor(stepwell, "unable", []);
      const get = taskMachine("arn:aws:states:::aws-sdk:s3:getObject", { Bucket: "tasks", Key: "k" });
      const { end } = await run("denied", get, unable);
      assert.equal(end.status, "FAILED");
      assert.equal(end.error, "S3.S3Exception");
      assert.match(end.cause ?? "", /Status Code: 403/);
    });

    test("Credentials let the machine's role assume the task's own", async () => {
      const trust = (principal: string) =>
        JSON.stringify({
          Version: "2012-10-17",
          Statement: [{ Effect: "Allow", Principal: { AWS: principal }, Action: "sts:AssumeRole" }],
        });
      const { iam } = stepwell.as;
      await iam.send(new CreateRoleCommand({ RoleName: "trusting", AssumeRolePolicyDocument: trust(roleArn) }));
      const trusting = `arn:aws:iam::${stepwell.account}:role/trusting`;
      const definition = taskMachine(
        "arn:aws:states:::aws-sdk:sts:getCallerIdentity",
        {},
        { Credentials: { RoleArn: trusting } },
      );
      const { end } = await run("credentials", definition);
      assert.equal(end.status, "SUCCEEDED", end.cause ?? "");
      assert.match((JSON.parse(end.output ?? "") as { Arn: string }).Arn, /:assumed-role\/trusting\//);
      const refused = taskMachine(
        "arn:aws:states:::aws-sdk:sts:getCallerIdentity",
        {},
        { Credentials: { RoleArn: `${trusting}-not` } },
      );
      const { end: failed } = await run("credentials-refused", refused);
      assert.deepEqual([failed.status, failed.error], ["FAILED", "States.TaskFailed"]);
    });

    test("putEvents takes objects for details, and a refused entry fails the task", async () => {
      const entry = { Source: "my.source", DetailType: "t", Detail: { a: 1 } };
      const good = await run("put-events", taskMachine("arn:aws:states:::events:putEvents", { Entries: [entry] }));
      assert.equal(good.end.status, "SUCCEEDED", good.end.cause ?? "");
      const output = JSON.parse(good.end.output ?? "") as { Entries: { EventId: string }[]; FailedEntryCount: number };
      assert.equal(output.FailedEntryCount, 0);
      assert.equal(output.Entries.length, 1);
      const bad = await run(
        "put-bad-events",
        taskMachine("arn:aws:states:::events:putEvents", { Entries: [{ ...entry, Source: "aws.mine" }] }),
      );
      assert.equal(bad.end.error, "EventBridge.FailedEntry");
    });

    test("an execution starts another", async () => {
      const StateMachineArn = await create(stepwell, "child", HELLO, roleArn);
      const parameters = { StateMachineArn, Name: "of-parent", Input: { a: 1 } };
      const { end } = await run("parent", taskMachine("arn:aws:states:::states:startExecution", parameters));
      assert.equal(end.status, "SUCCEEDED", end.cause ?? "");
      const { ExecutionArn } = JSON.parse(end.output ?? "") as { ExecutionArn: string };
      const child = await ended(stepwell, ExecutionArn);
      assert.deepEqual([child.status, child.input], ["SUCCEEDED", '{"a":1}']);
    });

    test("a result above the limit fails the task", async () => {
      const Body = Buffer.alloc(262_145, "x");
      await stepwell.as.s3.send(new PutObjectCommand({ Bucket: "tasks", Key: "large", Body }));
      const { end } = await run(
        "large",
        taskMachine("arn:aws:states:::aws-sdk:s3:getObject", { Bucket: "tasks", Key: "large" }),
      );
      assert.equal(end.error, "States.DataLimitExceeded");
    });

    test("a field that the operation does not have is refused with the machine", async () => {
      const sentence = (field: string, location: string) =>
        `Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: The field '${field}' is not supported by Step Functions at ${location}'`;
      const get = taskMachine("arn:aws:states:::aws-sdk:s3:getObject", { Bucket: "tasks", Key: "k", "Kee.$": "$" });
      await assert.rejects(create(stepwell, "unknown-field", get, roleArn), {
        name: "InvalidDefinition",
        message: sentence("Kee", "/States/Do/Parameters"),
      });
      const put = taskMachine("arn:aws:states:::events:putEvents", { Entries: [{ Source: "s", Sauce: "s" }] });
      await assert.rejects(create(stepwell, "unknown-inner-field", put, roleArn), {
        name: "InvalidDefinition",
        message: sentence("Sauce", "/States/Do/Parameters/Entries[0]"),
      });
      const start = taskMachine("arn:aws:states:::states:startExecution.sync", { Name: "n" });
      await assert.rejects(create(stepwell, "missing-field", start, roleArn), {
        name: "InvalidDefinition",
        message:
          "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: The field 'StateMachineArn' is required but was missing at /States/Do/Parameters'",
      });
    });
  });
