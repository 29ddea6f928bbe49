/** TestState, by the public door. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { TestStateCommand, type TestStateCommandInput, type TestStateCommandOutput } from "@aws-sdk/client-sfn";
import { CreateAccessKeyCommand, CreateUserCommand, PutUserPolicyCommand } from "@aws-sdk/client-iam";
import { ListBucketsCommand } from "@aws-sdk/client-s3";
import { stores } from "../support/stores.ts";
import { startStepwell, type Stepwell } from "../support/stepwell.ts";
import { ABSENT, roleFor } from "./fixture.ts";

type Wanted = Omit<TestStateCommandInput, "definition"> & { readonly state: object };

for (const store of stores)
  describe(`TestState on ${store.name}`, () => {
    let stepwell: Stepwell;
    let roleArn: string;
    before(async () => {
      stepwell = await startStepwell(store);
      roleArn = await roleFor(stepwell, "test-state-role", ["s3:CreateBucket", "s3:ListAllMyBuckets"]);
    });
    after(() => stepwell.close());

    const tried = ({ state, ...more }: Wanted): Promise<TestStateCommandOutput> =>
      stepwell.as.states.send(
        new TestStateCommand({ definition: JSON.stringify(state), inspectionLevel: "DEBUG", ...more }),
      );
    const refused = (wanted: Wanted, name: string, message: string) => assert.rejects(tried(wanted), { name, message });
    const user = async (UserName: string, Action: string) => {
      const { iam } = stepwell.as;
      await iam.send(new CreateUserCommand({ UserName }));
      const PolicyDocument = JSON.stringify({
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Action, Resource: "*" }],
      });
      await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: "p", PolicyDocument }));
      const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
      return stepwell.client({
        accessKeyId: AccessKey?.AccessKeyId ?? "",
        secretAccessKey: AccessKey?.SecretAccessKey ?? "",
      });
    };
    const parsed = (text: string | undefined): unknown => JSON.parse(text ?? "null");

    test("a Pass shows its data stage by stage", async () => {
      const state = {
        Type: "Pass",
        InputPath: "$.a",
        Parameters: { "b.$": "$.b", id: 1 },
        ResultPath: "$.result",
        Assign: { "x.$": "$.b" },
        Next: "Anywhere",
      };
      const answer = await tried({ state, input: '{"a":{"b":1.0}}', variables: '{"y":2}' });
      assert.equal(answer.status, "SUCCEEDED");
      assert.equal(answer.nextState, "Anywhere");
      assert.deepEqual(
        { ...answer.inspectionData },
        {
          input: '{"a":{"b":1.0}}',
          afterInputPath: '{"b":1.0}',
          afterParameters: '{"b":1.0,"id":1}',
          afterResultSelector: '{"b":1.0,"id":1}',
          afterResultPath: '{"a":{"b":1.0},"result":{"b":1.0,"id":1}}',
          variables: '{"y":2,"x":1.0}',
        },
      );
      assert.equal(answer.output, answer.inspectionData?.afterResultPath);
    });

    test("INFO tells the output alone; a Choice tells where it goes", async () => {
      const rule = { Variable: "$.n", NumericGreaterThan: 3, Next: "Many" };
      const state = { Type: "Choice", Choices: [rule], Default: "Few" };
      const [many, few] = await Promise.all(
        ["4", "3"].map((n) => tried({ state, input: `{"n":${n}}`, inspectionLevel: "INFO" })),
      );
      assert.equal(many?.nextState, "Many");
      assert.equal(few?.nextState, "Few");
      assert.equal(many?.inspectionData, undefined);
      const lost = await tried({ state: { Type: "Choice", Choices: [rule] }, input: '{"n":1}' });
      assert.equal(lost.status, "FAILED");
      assert.equal(lost.error, "States.Runtime");
      assert.equal(
        lost.cause,
        "An error occurred while executing the state 'StateName' (entered at the event id #2). Failed to transition out of the state. The state does not point to a next state.",
      );
    });

    test("Fail, Succeed and Wait", async () => {
      const failed = await tried({ state: { Type: "Fail", Error: "E", CausePath: "$.why" }, input: '{"why":"so"}' });
      assert.deepEqual([failed.status, failed.error, failed.cause, failed.output], ["FAILED", "E", "so", undefined]);
      const succeeded = await tried({ state: { Type: "Succeed", OutputPath: "$.a" }, input: '{"a":[1]}' });
      assert.deepEqual([succeeded.status, succeeded.output], ["SUCCEEDED", "[1]"]);
      const waited = await tried({ state: { Type: "Wait", Timestamp: "2020-01-01T00:00:00Z", End: true } });
      assert.deepEqual([waited.status, waited.output], ["SUCCEEDED", "{}"]);
    });

    test("a Task without a mock is really done, in the role's name", async () => {
      const state = {
        Type: "Task",
        Resource: "arn:aws:states:::aws-sdk:s3:createBucket",
        Parameters: { "Bucket.$": "$.name" },
        ResultSelector: { "where.$": "$.Location" },
        End: true,
      };
      const bucket = `made-by-a-test-${store.name.toLowerCase().replaceAll(/[^a-z]/g, "")}`;
      await refused(
        { state, input: "{}" },
        "ValidationException",
        "A roleArn must be specified to test a Task state without a mock",
      );
      const answer = await tried({ state, roleArn, input: JSON.stringify({ name: bucket }) });
      assert.equal(answer.status, "SUCCEEDED", answer.cause ?? "");
      assert.deepEqual(parsed(answer.output), { where: `/${bucket}` });
      assert.deepEqual(parsed(answer.inspectionData?.afterParameters), { Bucket: bucket });
      const { Buckets = [] } = await stepwell.as.s3.send(new ListBucketsCommand({}));
      assert.ok(Buckets.some(({ Name }) => Name === bucket));
      const denied = await tried({
        state: { ...state, Resource: "arn:aws:states:::aws-sdk:s3:deleteBucket" },
        roleArn,
        input: JSON.stringify({ name: bucket }),
      });
      assert.deepEqual([denied.status, denied.error], ["FAILED", "S3.S3Exception"]);
    });

    test("a mocked error is retried, caught or fails the state", async () => {
      const state = {
        Type: "Task",
        Resource: "arn:aws:states:::lambda:invoke",
        Parameters: { FunctionName: "f" },
        Retry: [{ ErrorEquals: ["Busy"], IntervalSeconds: 2, BackoffRate: 3, MaxAttempts: 2, JitterStrategy: "FULL" }],
        Catch: [
          { ErrorEquals: ["Other"], Next: "Elsewhere" },
          { ErrorEquals: ["States.ALL"], ResultPath: "$.error", Next: "Rescue", Assign: { "why.$": "$.Cause" } },
        ],
        End: true,
      };
      const mock = { errorOutput: { error: "Busy", cause: "too many" } };
      const again = await tried({ state, mock, input: "{}", stateConfiguration: { retrierRetryCount: 1 } });
      assert.deepEqual([again.status, again.error, again.output], ["RETRIABLE", "Busy", undefined]);
      assert.deepEqual(again.inspectionData?.errorDetails, { retryIndex: 0, retryBackoffIntervalSeconds: 6 });
      const caught = await tried({ state, mock, input: '{"a":1}', stateConfiguration: { retrierRetryCount: 2 } });
      assert.deepEqual([caught.status, caught.nextState, caught.error], ["CAUGHT_ERROR", "Rescue", "Busy"]);
      assert.deepEqual(parsed(caught.output), { a: 1, error: { Error: "Busy", Cause: "too many" } });
      assert.deepEqual(caught.inspectionData?.errorDetails, { catchIndex: 1 });
      assert.deepEqual(parsed(caught.inspectionData?.variables), { why: "too many" });
      const { Catch: _catch, Retry: _retry, ...bare } = state;
      const failed = await tried({ state: bare, mock });
      assert.deepEqual([failed.status, failed.error, failed.cause], ["FAILED", "Busy", "too many"]);
    });

    test("mocked results are checked against the API's model", async () => {
      const task = (Resource: string, Parameters: object): object => ({
        Type: "Task",
        Resource,
        Parameters,
        End: true,
      });
      const named = { StateMachineArn: ABSENT };
      const start = task("arn:aws:states:::states:startExecution", named);
      const missing = "Mock result schema validation error: Field 'StartDate' is required but was missing";
      const result = '{"ExecutionArn":"arn","New":1}';
      await refused({ state: start, mock: { result } }, "ValidationException", missing);
      const present = await tried({ state: start, mock: { result, fieldValidationMode: "PRESENT" } });
      assert.equal(present.output, result);
      const memory = '{"Configuration":{"MemorySize":"much"}}';
      const get = task("arn:aws:states:::aws-sdk:lambda:getFunction", { FunctionName: "f" });
      await assert.rejects(tried({ state: get, mock: { result: memory, fieldValidationMode: "PRESENT" } }), {
        name: "ValidationException",
        message: /^Mock result schema validation error: Field 'MemorySize' /,
      });
      const none = await tried({ state: get, mock: { result: memory, fieldValidationMode: "NONE" } });
      assert.equal(none.status, "SUCCEEDED");
      // The mock of a .sync task is what the polling call answers.
      const sync = task("arn:aws:states:::states:startExecution.sync:2", named);
      await assert.rejects(
        tried({ state: sync, mock: { result: '{"Status":"DONE"}', fieldValidationMode: "PRESENT" } }),
        {
          message: "Mock result schema validation error: Field 'Status' is not an expected value",
        },
      );
    });

    test("what needs a mock says so, and so does what takes none", async () => {
      const activity = `arn:aws:states:us-east-1:${stepwell.account}:activity:a`;
      for (const Resource of [activity, "arn:aws:states:::sqs:sendMessage.waitForTaskToken"]) {
        const state = { Type: "Task", Resource, Parameters: { MessageBody: "m", QueueUrl: "q" }, End: true };
        await assert.rejects(tried({ state, roleArn }), { name: "InvalidDefinition" });
        const { status } = await tried({ state, mock: { result: '"done"', fieldValidationMode: "NONE" } });
        assert.equal(status, "SUCCEEDED");
      }
      for (const Type of ["Pass", "Wait", "Succeed"])
        await refused(
          {
            state: { Type, ...(Type !== "Succeed" && { End: true }), ...(Type === "Wait" && { Seconds: 1 }) },
            mock: { result: "1" },
          },
          "ValidationException",
          `State type '${Type}' is not supported when a mock is specified`,
        );
      const pass = { Type: "Pass", End: true };
      await assert.rejects(tried({ state: pass, context: "{}" }), { name: "ValidationException" });
      await assert.rejects(tried({ state: pass, mock: {} }), { name: "ValidationException" });
      await assert.rejects(tried({ state: { Type: "Pass" } }), { name: "InvalidDefinition" });
      await assert.rejects(tried({ state: pass, input: "{" }), { name: "InvalidExecutionInput" });
      await assert.rejects(tried({ state: pass, variables: "[1]" }), { name: "ValidationException" });
    });

    test("a Map's iterations are prepared, and their failures counted", async () => {
      const state = {
        Type: "Map",
        ItemsPath: "$.items",
        ItemSelector: { "n.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index", "all.$": "$.factor" },
        MaxConcurrencyPath: "$.most",
        ItemProcessor: { StartAt: "P", States: { P: { Type: "Pass", End: true } } },
        ResultPath: "$.out",
        End: true,
      };
      const input = '{"items":[7,8],"factor":2,"most":3}';
      const answer = await tried({ state, input, mock: { result: "[1,2]" } });
      assert.equal(answer.status, "SUCCEEDED", answer.cause ?? "");
      const { inspectionData: seen = {} } = answer;
      assert.equal(seen.afterItemsPath, "[7,8]");
      assert.deepEqual(parsed(seen.afterItemSelector), [
        { n: 7, i: 0, all: 2 },
        { n: 8, i: 1, all: 2 },
      ]);
      assert.equal(seen.maxConcurrency, 3);
      assert.deepEqual(parsed(answer.output), { items: [7, 8], factor: 2, most: 3, out: [1, 2] });
      await refused(
        { state, input, mock: { result: "[1,2]" }, stateConfiguration: { mapIterationFailureCount: 3 } },
        "ValidationException",
        "Map iteration failure count must be less than or equal to the number of Map iterations",
      );
    });

    test("a Distributed Map's data set comes from the test, and its threshold counts", async () => {
      const state = {
        Type: "Map",
        QueryLanguage: "JSONata",
        ItemReader: {
          Resource: "arn:aws:states:::s3:getObject",
          ReaderConfig: { InputType: "JSON", ItemsPointer: "/rows" },
          Arguments: { Bucket: "b", Key: "k" },
        },
        ItemSelector: "{% $states.context.Map.Item.Value * 2 %}",
        ItemBatcher: { MaxItemsPerBatch: 2 },
        ToleratedFailurePercentage: 50,
        ItemProcessor: {
          ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" },
          StartAt: "P",
          States: { P: { Type: "Pass", End: true } },
        },
        End: true,
      };
      const mock = { result: "[1,2]" };
      const mapItemReaderData = '{"rows":[1,2,3]}';
      const half = await tried({ state, mock, stateConfiguration: { mapItemReaderData, mapIterationFailureCount: 1 } });
      assert.equal(half.status, "SUCCEEDED", half.cause ?? "");
      const { input: _input, ...seen } = half.inspectionData ?? {};
      assert.deepEqual(seen, {
        afterItemsPointer: "[1,2,3]",
        afterItemSelector: "[2,4,6]",
        afterItemBatcher: '[{"Items":[2,4]},{"Items":[6]}]',
        maxConcurrency: 0,
        toleratedFailurePercentage: 50,
      });
      const all = await tried({ state, mock, stateConfiguration: { mapItemReaderData, mapIterationFailureCount: 2 } });
      assert.deepEqual([all.status, all.error], ["FAILED", "States.ExceedToleratedFailureThreshold"]);
    });

    test("a context that is given is the whole context; JSONata sees it too", async () => {
      const state = {
        Type: "Task",
        QueryLanguage: "JSONata",
        Resource: "arn:aws:states:::lambda:invoke",
        Arguments: { FunctionName: "{% $states.context.Execution.Name %}" },
        Output: "{% $states.context %}",
        End: true,
      };
      const context = '{"Execution":{"Name":"given"}}';
      const answer = await tried({ state, context, mock: { result: "{}" } });
      assert.equal(answer.output, context);
      assert.equal(answer.inspectionData?.afterArguments, '{"FunctionName":"given"}');
      const wrong = await tried({
        state: { ...state, Output: "{% $states.input.x %}" },
        mock: { result: "{}" },
        context,
      });
      assert.deepEqual([wrong.status, wrong.error], ["FAILED", "States.QueryEvaluationError"]);
    });

    test("only who may test may", async () => {
      const guest = await user("guest", "states:Describe*");
      await assert.rejects(guest.states.send(new TestStateCommand({ definition: '{"Type":"Pass","End":true}' })), {
        name: "AccessDeniedException",
      });
      const tester = await user("tester", "states:TestState");
      const definition = '{"Type":"Pass","End":true}';
      const { status } = await tester.states.send(new TestStateCommand({ definition }));
      assert.equal(status, "SUCCEEDED");
      for (const more of [{ revealSecrets: true }, { roleArn }])
        await assert.rejects(tester.states.send(new TestStateCommand({ definition, ...more })), {
          name: "AccessDeniedException",
        });
    });
  });
