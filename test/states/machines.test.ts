import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  CreateStateMachineCommand,
  DeleteStateMachineCommand,
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  DescribeStateMachineForExecutionCommand,
  ListExecutionsCommand,
  ListStateMachinesCommand,
  ListTagsForResourceCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateStateMachineCommand,
  ValidateStateMachineDefinitionCommand,
  type CreateStateMachineCommandInput,
} from "@aws-sdk/client-sfn";
import { stores } from "../support/stores.ts";
import { startStepwell, type Stepwell } from "../support/stepwell.ts";
import { ABSENT, create, HELLO, roleFor, start, taskMachine, WAITING } from "./fixture.ts";

for (const store of stores)
  describe(`state machines on ${store.name}`, () => {
    let stepwell: Stepwell;
    let roleArn: string;
    before(async () => {
      stepwell = await startStepwell(store);
      roleArn = await roleFor(stepwell, "machine-role", []);
    });
    after(() => stepwell.close());
    const send = (input: Partial<CreateStateMachineCommandInput>) =>
      stepwell.as.states.send(new CreateStateMachineCommand({ name: "refused", definition: HELLO, roleArn, ...input }));
    const fails = (promise: Promise<unknown>, name: string, message: string | RegExp) =>
      assert.rejects(promise, (error: Error) => {
        assert.equal(error.name, name);
        if (typeof message === "string") assert.equal(error.message, message);
        else assert.match(error.message, message);
        return true;
      });

    test("a machine is created, described, listed and deleted", async () => {
      const made = await send({ name: "lifecycle" });
      const stateMachineArn = made.stateMachineArn ?? "";
      assert.equal(stateMachineArn, `arn:aws:states:us-east-1:${stepwell.account}:stateMachine:lifecycle`);
      const described = await stepwell.as.states.send(new DescribeStateMachineCommand({ stateMachineArn }));
      assert.deepEqual(
        { ...described, $metadata: undefined },
        {
          $metadata: undefined,
          stateMachineArn,
          name: "lifecycle",
          status: "ACTIVE",
          type: "STANDARD",
          definition: HELLO,
          roleArn,
          creationDate: made.creationDate,
          loggingConfiguration: { level: "OFF", includeExecutionData: false },
          tracingConfiguration: { enabled: false },
          encryptionConfiguration: { type: "AWS_OWNED_KEY" },
        },
      );
      const { stateMachines = [] } = await stepwell.as.states.send(new ListStateMachinesCommand({}));
      assert.ok(stateMachines.some((machine) => machine.stateMachineArn === stateMachineArn));
      await stepwell.as.states.send(new DeleteStateMachineCommand({ stateMachineArn }));
      const again = stepwell.as.states.send(new DescribeStateMachineCommand({ stateMachineArn }));
      await fails(again, "StateMachineDoesNotExist", `State Machine Does Not Exist: '${stateMachineArn}'`);
    });

    test("the same machine twice is one; another under its name is refused", async () => {
      const first = await send({ name: "twice" });
      const otherRole = await roleFor(stepwell, "other-role", []);
      const second = await send({ name: "twice", roleArn: otherRole, tags: [{ key: "a", value: "b" }] });
      assert.deepEqual([second.stateMachineArn, second.creationDate], [first.stateMachineArn, first.creationDate]);
      const other = send({ name: "twice", definition: WAITING });
      await fails(other, "StateMachineAlreadyExists", `State Machine Already Exists: '${first.stateMachineArn}'`);
    });

    test("what AWS refuses is refused in its words", async () => {
      await fails(send({ name: "a<b" }), "InvalidName", "Invalid Name: 'a<b'");
      await fails(send({ roleArn: "role" }), "InvalidArn", /^Invalid Arn: /);
      await fails(
        send({ versionDescription: "x" }),
        "ValidationException",
        "Version description can only be set when publish is true",
      );
      await fails(
        send({ loggingConfiguration: { level: "ALL" } }),
        "InvalidLoggingConfiguration",
        "Invalid Logging Configuration: Must specify exactly one Log Destination.",
      );
      await fails(send({ definition: "{}" }), "InvalidDefinition", /^Invalid State Machine Definition: '/);
      const passing = send({ roleArn: `arn:aws:iam::${stepwell.account}:role/nobody` });
      await assert.rejects(passing);
    });

    test("what is not there is refused, never taken and dropped", async () => {
      for (const input of [{ encryptionConfiguration: { type: "CUSTOMER_MANAGED_KMS_KEY" as const, kmsKeyId: "k" } }])
        await fails(send(input), "NotImplementedException", /^Stepwell does not implement /);
      const task = taskMachine("arn:aws:states:::lambda:invoke", { FunctionName: "f" });
      await fails(
        send({ definition: task }),
        "InvalidDefinition",
        "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: Stepwell has no service 'lambda' yet, so 'arn:aws:states:::lambda:invoke' cannot run at /States/Do/Resource'",
      );
      const described = stepwell.as.states.send(new DescribeStateMachineCommand({ stateMachineArn: `${ABSENT}:1` }));
      await fails(described, "StateMachineDoesNotExist", `State Machine Does Not Exist: '${ABSENT}:1'`);
    });

    test("a running execution keeps the definition that it was started with", async () => {
      const stateMachineArn = await create(stepwell, "updated", WAITING, roleArn);
      const executionArn = await start(stepwell, stateMachineArn);
      const nothing = stepwell.as.states.send(new UpdateStateMachineCommand({ stateMachineArn }));
      await fails(nothing, "MissingRequiredParameter", /must be specified/);
      const updated = await stepwell.as.states.send(
        new UpdateStateMachineCommand({ stateMachineArn, definition: HELLO }),
      );
      assert.ok(updated.revisionId);
      const now = await stepwell.as.states.send(new DescribeStateMachineCommand({ stateMachineArn }));
      assert.deepEqual([now.definition, now.revisionId], [HELLO, updated.revisionId]);
      const command = new DescribeStateMachineForExecutionCommand({ executionArn });
      const then = await stepwell.as.states.send(command);
      assert.deepEqual([then.definition, then.revisionId], [WAITING, undefined]);
      const quick = await start(stepwell, stateMachineArn);
      const { status } = await stepwell.as.states.send(new DescribeExecutionCommand({ executionArn: quick }));
      assert.equal(status, "SUCCEEDED");
    });

    test("deleting a machine ends its executions, and a new one of its name starts with none", async () => {
      const stateMachineArn = await create(stepwell, "deleted", WAITING, roleArn);
      const executionArn = await start(stepwell, stateMachineArn);
      await stepwell.as.states.send(new DeleteStateMachineCommand({ stateMachineArn }));
      const { status } = await stepwell.as.states.send(new DescribeExecutionCommand({ executionArn }));
      assert.equal(status, "ABORTED");
      const then = await stepwell.as.states.send(new DescribeStateMachineForExecutionCommand({ executionArn }));
      assert.equal(then.definition, WAITING);
      const again = await create(stepwell, "deleted", HELLO, roleArn);
      const { executions } = await stepwell.as.states.send(new ListExecutionsCommand({ stateMachineArn: again }));
      assert.deepEqual([again, executions], [stateMachineArn, []]);
    });

    test("lists are paged", async () => {
      for (const name of ["paged-1", "paged-2", "paged-3"]) await create(stepwell, name, HELLO, roleArn);
      const seen: (string | undefined)[] = [];
      let nextToken: string | undefined;
      do {
        const page = await stepwell.as.states.send(
          new ListStateMachinesCommand({ maxResults: 2, ...(nextToken !== undefined && { nextToken }) }),
        );
        assert.ok((page.stateMachines ?? []).length <= 2);
        seen.push(...(page.stateMachines ?? []).map((machine) => machine.name));
        nextToken = page.nextToken;
      } while (nextToken !== undefined);
      assert.deepEqual(
        seen.filter((name) => name?.startsWith("paged-")),
        ["paged-1", "paged-2", "paged-3"],
      );
      assert.equal(new Set(seen).size, seen.length);
    });

    test("tags are set, listed and removed", async () => {
      const resourceArn = await create(stepwell, "tagged", HELLO, roleArn);
      const tags = [
        { key: "key1", value: "value1" },
        { key: "key2", value: "value2" },
      ];
      await stepwell.as.states.send(new TagResourceCommand({ resourceArn, tags }));
      await stepwell.as.states.send(new UntagResourceCommand({ resourceArn, tagKeys: ["key1", "key1"] }));
      const listed = await stepwell.as.states.send(new ListTagsForResourceCommand({ resourceArn }));
      assert.deepEqual(listed.tags, [{ key: "key2", value: "value2" }]);
      const absent = stepwell.as.states.send(new ListTagsForResourceCommand({ resourceArn: ABSENT }));
      await fails(absent, "ResourceNotFound", /absent/);
    });

    test("a definition is validated without being kept", async () => {
      const good = await stepwell.as.states.send(new ValidateStateMachineDefinitionCommand({ definition: HELLO }));
      assert.deepEqual([good.result, good.diagnostics, good.truncated], ["OK", [], false]);
      const bad = await stepwell.as.states.send(
        new ValidateStateMachineDefinitionCommand({ definition: "not a definition" }),
      );
      assert.equal(bad.result, "FAIL");
      assert.equal(bad.diagnostics?.[0]?.code, "INVALID_JSON_DESCRIPTION");
    });
  });
