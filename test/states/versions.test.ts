import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  CreateStateMachineAliasCommand,
  CreateStateMachineCommand,
  DeleteStateMachineAliasCommand,
  DeleteStateMachineCommand,
  DeleteStateMachineVersionCommand,
  DescribeExecutionCommand,
  DescribeStateMachineAliasCommand,
  DescribeStateMachineCommand,
  DescribeStateMachineForExecutionCommand,
  ListExecutionsCommand,
  ListStateMachineAliasesCommand,
  ListStateMachineVersionsCommand,
  PublishStateMachineVersionCommand,
  StartExecutionCommand,
  StartSyncExecutionCommand,
  UpdateStateMachineAliasCommand,
  UpdateStateMachineCommand,
  type CreateStateMachineCommandInput,
} from "@aws-sdk/client-sfn";
import { PutEventsCommand, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import {
  AttachRolePolicyCommand,
  AttachUserPolicyCommand,
  CreateAccessKeyCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  CreateUserCommand,
} from "@aws-sdk/client-iam";
import { routedBy } from "../../src/states/targets.ts";
import { stores } from "../support/stores.ts";
import { eventually, startStepwell, type Stepwell } from "../support/stepwell.ts";
import { history, roleFor } from "./fixture.ts";

const passing = (result: string) =>
  JSON.stringify({ StartAt: "P", States: { P: { Type: "Pass", Result: result, End: true } } });

for (const store of stores)
  describe(`versions and aliases on ${store.name}`, () => {
    let stepwell: Stepwell;
    let roleArn: string;
    before(async () => {
      stepwell = await startStepwell(store);
      roleArn = await roleFor(stepwell, "machine-role", []);
    });
    after(() => stepwell.close());
    const states = () => stepwell.as.states;
    const made = async (name: string, more: Partial<CreateStateMachineCommandInput> = {}) => {
      const command = new CreateStateMachineCommand({
        name,
        definition: passing("1"),
        roleArn,
        publish: true,
        ...more,
      });
      const { stateMachineArn = "", stateMachineVersionArn = "" } = await states().send(command);
      return { stateMachineArn, stateMachineVersionArn };
    };
    const updated = async (stateMachineArn: string, result: string) =>
      states().send(new UpdateStateMachineCommand({ stateMachineArn, definition: passing(result), publish: true }));
    const routed = (arn: string, ...weights: [number, number][]) =>
      weights.map(([number, weight]) => ({ stateMachineVersionArn: `${arn}:${number}`, weight }));
    const aliased = (name: string, arn: string, ...weights: [number, number][]) =>
      states().send(new CreateStateMachineAliasCommand({ name, routingConfiguration: routed(arn, ...weights) }));
    const run = async (stateMachineArn: string) => {
      const { executionArn = "" } = await states().send(new StartExecutionCommand({ stateMachineArn }));
      return states().send(new DescribeExecutionCommand({ executionArn }));
    };
    const fails = (promise: Promise<unknown>, name: string, message: string | RegExp) =>
      assert.rejects(promise, (error: Error) => {
        assert.equal(error.name, name);
        if (typeof message === "string") assert.equal(error.message, message);
        else assert.match(error.message, message);
        return true;
      });

    test("versions are published once a revision, described as they were, and their numbers never given again", async () => {
      const { stateMachineArn, stateMachineVersionArn } = await made("numbered", { versionDescription: "first" });
      assert.equal(stateMachineVersionArn, `${stateMachineArn}:1`);
      const repeated = await made("numbered", { versionDescription: "first" });
      assert.equal(repeated.stateMachineVersionArn, `${stateMachineArn}:1`);
      await fails(made("numbered", { versionDescription: "other" }), "StateMachineAlreadyExists", /Already Exists/);
      const second = await updated(stateMachineArn, "2");
      assert.equal(second.stateMachineVersionArn, `${stateMachineArn}:2`);
      const same = await states().send(new PublishStateMachineVersionCommand({ stateMachineArn }));
      assert.equal(same.stateMachineVersionArn, `${stateMachineArn}:2`);
      await states().send(new DeleteStateMachineVersionCommand({ stateMachineVersionArn: `${stateMachineArn}:2` }));
      const third = await states().send(
        new PublishStateMachineVersionCommand({
          stateMachineArn,
          ...(second.revisionId && { revisionId: second.revisionId }),
        }),
      );
      assert.equal(third.stateMachineVersionArn, `${stateMachineArn}:3`);
      const stale = new PublishStateMachineVersionCommand({ stateMachineArn, revisionId: "INITIAL" });
      await fails(states().send(stale), "ConflictException", /revision INITIAL/);
      const first = await states().send(new DescribeStateMachineCommand({ stateMachineArn: `${stateMachineArn}:1` }));
      assert.deepEqual(
        [first.stateMachineArn, first.definition, first.description, first.revisionId],
        [`${stateMachineArn}:1`, passing("1"), "first", undefined],
      );
      const hidden = await states().send(
        new DescribeStateMachineCommand({ stateMachineArn, includedData: "METADATA_ONLY" }),
      );
      assert.equal(hidden.definition, "{}");
      const numbers: (string | undefined)[] = [];
      let nextToken: string | undefined;
      do {
        const page = await states().send(
          new ListStateMachineVersionsCommand({ stateMachineArn, maxResults: 1, ...(nextToken && { nextToken }) }),
        );
        numbers.push(...(page.stateMachineVersions ?? []).map((one) => one.stateMachineVersionArn));
        nextToken = page.nextToken;
      } while (nextToken !== undefined);
      assert.deepEqual(numbers, [`${stateMachineArn}:3`, `${stateMachineArn}:1`]);
    });

    test("executions of versions and aliases say so, and run that definition", async () => {
      const { stateMachineArn } = await made("told");
      await updated(stateMachineArn, "2");
      const { stateMachineAliasArn = "" } = await aliased("PROD", stateMachineArn, [1, 100]);
      assert.equal(stateMachineAliasArn, `${stateMachineArn}:PROD`);
      const plain = await run(stateMachineArn);
      const first = await run(`${stateMachineArn}:1`);
      const prod = await run(stateMachineAliasArn);
      assert.deepEqual(
        [plain, first, prod].map((one) => [one.output, one.stateMachineVersionArn, one.stateMachineAliasArn]),
        [
          ['"2"', undefined, undefined],
          ['"1"', `${stateMachineArn}:1`, undefined],
          ['"1"', `${stateMachineArn}:1`, stateMachineAliasArn],
        ],
      );
      const [started] = await history(stepwell, prod.executionArn ?? "");
      assert.deepEqual(
        [
          started?.executionStartedEventDetails?.stateMachineVersionArn,
          started?.executionStartedEventDetails?.stateMachineAliasArn,
        ],
        [`${stateMachineArn}:1`, stateMachineAliasArn],
      );
      const command = new DescribeStateMachineForExecutionCommand({ executionArn: prod.executionArn });
      const then = await states().send(command);
      assert.deepEqual([then.definition, then.stateMachineArn], [passing("1"), stateMachineArn]);
      const listed = async (arn: string) => {
        const { executions = [] } = await states().send(new ListExecutionsCommand({ stateMachineArn: arn }));
        return executions.map((one) => one.executionArn);
      };
      assert.deepEqual(await listed(`${stateMachineArn}:1`), [prod.executionArn, first.executionArn]);
      assert.deepEqual(await listed(stateMachineAliasArn), [prod.executionArn]);
      assert.deepEqual(await listed(stateMachineArn), [prod.executionArn, first.executionArn, plain.executionArn]);
      const absent = run(`${stateMachineArn}:9`);
      await fails(absent, "StateMachineDoesNotExist", `State Machine Does Not Exist: '${stateMachineArn}:9'`);
      await fails(run(`${stateMachineArn}:NOBODY`), "StateMachineDoesNotExist", /NOBODY/);
    });

    test("an alias is changed in flight; a version that it leads to cannot be deleted", async () => {
      const { stateMachineArn } = await made("flight");
      await updated(stateMachineArn, "2");
      const { stateMachineAliasArn = "" } = await aliased("LIVE", stateMachineArn, [1, 100]);
      const first = new DeleteStateMachineVersionCommand({ stateMachineVersionArn: `${stateMachineArn}:1` });
      await fails(
        states().send(first),
        "ConflictException",
        "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: [LIVE]",
      );
      assert.equal((await run(stateMachineAliasArn)).output, '"1"');
      const routing = routed(stateMachineArn, [1, 50], [2, 50]);
      await states().send(new UpdateStateMachineAliasCommand({ stateMachineAliasArn, routingConfiguration: routing }));
      const outputs = new Set<string | undefined>();
      for (let i = 0; i < 200 && outputs.size < 2; i++) outputs.add((await run(stateMachineAliasArn)).output);
      assert.deepEqual(outputs, new Set(['"1"', '"2"']));
      const second = new UpdateStateMachineAliasCommand({
        stateMachineAliasArn,
        description: "all",
        routingConfiguration: routed(stateMachineArn, [2, 100]),
      });
      await states().send(second);
      for (let i = 0; i < 10; i++) assert.equal((await run(stateMachineAliasArn)).output, '"2"');
      await states().send(first);
      const described = await states().send(new DescribeStateMachineAliasCommand({ stateMachineAliasArn }));
      assert.deepEqual(
        [described.name, described.description, described.routingConfiguration],
        ["LIVE", "all", routed(stateMachineArn, [2, 100])],
      );
      await states().send(new DeleteStateMachineAliasCommand({ stateMachineAliasArn }));
      const again = states().send(new DescribeStateMachineAliasCommand({ stateMachineAliasArn }));
      await fails(again, "ResourceNotFound", "Request references a resource that does not exist.");
    });

    test("what AWS refuses of aliases is refused in its words", async () => {
      const { stateMachineArn } = await made("refused");
      await updated(stateMachineArn, "2");
      await fails(
        aliased("A", stateMachineArn, [1, 70], [2, 29]),
        "ValidationException",
        "Sum of routing configuration weights must equal 100. Received: [70, 29]",
      );
      await fails(
        aliased("A", stateMachineArn, [1, 50], [1, 50]),
        "ValidationException",
        `Routing configuration must contain distinct state machine version ARNs. Received: [${stateMachineArn}:1, ${stateMachineArn}:1]`,
      );
      await fails(aliased("A", stateMachineArn, [9, 100]), "ResourceNotFound", /does not exist/);
      await aliased("A", stateMachineArn, [1, 100]);
      await aliased("A", stateMachineArn, [1, 100]);
      await fails(aliased("A", stateMachineArn, [2, 100]), "ConflictException", /different routing configuration/);
      const labeled = states().send(new StartExecutionCommand({ stateMachineArn: `${stateMachineArn}/Label` }));
      await assert.rejects(labeled, (error: Error & { reason?: string }) => {
        assert.deepEqual([error.name, error.reason], ["ValidationException", "API_DOES_NOT_SUPPORT_LABELED_ARNS"]);
        return true;
      });
    });

    test("an Express machine is started through its versions and aliases too", async () => {
      const { stateMachineArn } = await made("express", { type: "EXPRESS" });
      await updated(stateMachineArn, "2");
      const { stateMachineAliasArn = "" } = await aliased("FIRST", stateMachineArn, [1, 100]);
      const sync = async (arn: string) =>
        (await states().send(new StartSyncExecutionCommand({ stateMachineArn: arn }))).output;
      assert.deepEqual(
        [await sync(stateMachineArn), await sync(`${stateMachineArn}:1`), await sync(stateMachineAliasArn)],
        ['"2"', '"1"', '"1"'],
      );
    });

    test("a deleted machine takes its versions and aliases along; its successor counts anew", async () => {
      const { stateMachineArn } = await made("leaving");
      await aliased("A", stateMachineArn, [1, 100]);
      await states().send(new DeleteStateMachineCommand({ stateMachineArn }));
      await fails(run(`${stateMachineArn}:A`), "StateMachineDoesNotExist", /A'$/);
      const aliases = states().send(new ListStateMachineAliasesCommand({ stateMachineArn }));
      await fails(aliases, "StateMachineDoesNotExist", /leaving/);
      const again = await made("leaving");
      assert.equal(again.stateMachineVersionArn, `${stateMachineArn}:1`);
      const { stateMachineAliases } = await states().send(new ListStateMachineAliasesCommand({ stateMachineArn }));
      assert.deepEqual(stateMachineAliases, []);
    });

    test("a policy names a version; a machine's own ARN does not cover it", async () => {
      const { stateMachineArn } = await made("guarded");
      await updated(stateMachineArn, "2");
      const { iam } = stepwell.as;
      await iam.send(new CreateUserCommand({ UserName: "starter" }));
      const document = {
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Action: "states:StartExecution", Resource: `${stateMachineArn}:1` }],
      };
      const policy = await iam.send(
        new CreatePolicyCommand({ PolicyName: "starter", PolicyDocument: JSON.stringify(document) }),
      );
      await iam.send(new AttachUserPolicyCommand({ UserName: "starter", PolicyArn: policy.Policy?.Arn ?? "" }));
      const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: "starter" }));
      const { AccessKeyId: accessKeyId = "", SecretAccessKey: secretAccessKey = "" } = AccessKey ?? {};
      const starter = stepwell.client({ accessKeyId, secretAccessKey }).states;
      const send = (arn: string) => starter.send(new StartExecutionCommand({ stateMachineArn: arn }));
      assert.ok((await send(`${stateMachineArn}:1`)).executionArn);
      await fails(send(`${stateMachineArn}:2`), "AccessDeniedException", /not authorized/);
      await fails(send(stateMachineArn), "AccessDeniedException", /not authorized/);
    });

    test("a rule's target may be an alias", async () => {
      const { stateMachineArn } = await made("target");
      const { stateMachineAliasArn = "" } = await aliased("ON", stateMachineArn, [1, 100]);
      const { iam, events } = stepwell.as;
      const trust = {
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Principal: { Service: "events.amazonaws.com" }, Action: "sts:AssumeRole" }],
      };
      const role = await iam.send(
        new CreateRoleCommand({ RoleName: "rule-role", AssumeRolePolicyDocument: JSON.stringify(trust) }),
      );
      const document = {
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Action: "states:StartExecution", Resource: stateMachineAliasArn }],
      };
      const policy = await iam.send(
        new CreatePolicyCommand({ PolicyName: "rule-role", PolicyDocument: JSON.stringify(document) }),
      );
      await iam.send(new AttachRolePolicyCommand({ RoleName: "rule-role", PolicyArn: policy.Policy?.Arn ?? "" }));
      await events.send(new PutRuleCommand({ Name: "r", EventPattern: JSON.stringify({ source: ["my.app"] }) }));
      const target = { Id: "1", Arn: stateMachineAliasArn, RoleArn: role.Role?.Arn ?? "" };
      await events.send(new PutTargetsCommand({ Rule: "r", Targets: [target] }));
      await events.send(
        new PutEventsCommand({ Entries: [{ Source: "my.app", DetailType: "t", Detail: JSON.stringify({ a: 1 }) }] }),
      );
      const execution = await eventually(async () => {
        const { executions } = await states().send(
          new ListExecutionsCommand({ stateMachineArn: stateMachineAliasArn }),
        );
        return executions?.[0];
      }, 30_000);
      assert.equal(execution.stateMachineAliasArn, stateMachineAliasArn);
    });
  });

test("weights hold over many starts", () => {
  const routing = [
    [3, 90],
    [7, 10],
  ] as const;
  const chosen = Array.from({ length: 1000 }, (_, i) => routedBy(routing, i / 1000));
  assert.equal(chosen.filter((number) => number === 3).length, 900);
  assert.equal(chosen.filter((number) => number === 7).length, 100);
});
