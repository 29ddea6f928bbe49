/** U+0000, which PostgreSQL's text does not hold: the encoding itself, and requests that bring it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CreateRoleCommand } from "@aws-sdk/client-iam";
import { DescribeRuleCommand, PutRuleCommand } from "@aws-sdk/client-eventbridge";
import {
  CreateBucketCommand,
  GetObjectCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  StartExecutionCommand,
  StopExecutionCommand,
} from "@aws-sdk/client-sfn";
import fc from "fast-check";
import { decoded, encoded } from "../../src/store/postgres/nul.ts";
import { eventually, startStepwell } from "../support/stepwell.ts";
import { stores } from "../support/stores.ts";

test("no U+0000 is left, every text comes back, and all keep their order", () => {
  const text = fc.string({ unit: fc.constantFrom("\u0000", "\u0001", "\u0002", "a", "é") });
  fc.assert(
    fc.property(text, text, (one, other) => {
      assert.ok(!encoded(one).includes("\u0000"));
      assert.equal(decoded(encoded(one)), one);
      const order = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
      assert.equal(order(encoded(one), encoded(other)), order(one, other));
    }),
    { seed: 20_261_122 },
  );
});

for (const kind of stores)
  test(`${kind.name}: requests whose texts hold U+0000 are answered as any other`, async () => {
    const stepwell = await startStepwell(kind);
    const { s3, events, states, iam } = stepwell.as;
    const text = "a\u0000b\u0001c";
    try {
      const trust = { Effect: "Allow", Principal: { Service: "states.amazonaws.com" }, Action: "sts:AssumeRole" };
      const { Role } = await iam.send(
        new CreateRoleCommand({
          RoleName: "r",
          AssumeRolePolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: trust }),
        }),
      );
      const definition = (state: object) => JSON.stringify({ StartAt: "S", States: { S: state } });
      const make = (name: string, state: object) =>
        states.send(new CreateStateMachineCommand({ name, definition: definition(state), roleArn: Role?.Arn }));
      const waits = await make("waits", { Type: "Wait", Seconds: 1000, End: true });
      const passes = await make("passes", { Type: "Pass", End: true });

      const started = await states.send(new StartExecutionCommand({ stateMachineArn: waits.stateMachineArn }));
      const { executionArn } = started;
      await states.send(new StopExecutionCommand({ executionArn, error: "E", cause: text }));
      assert.equal((await states.send(new DescribeExecutionCommand({ executionArn }))).cause, text);

      const input = JSON.stringify({ text });
      const passed = await states.send(new StartExecutionCommand({ stateMachineArn: passes.stateMachineArn, input }));
      const output = await eventually(
        async () => (await states.send(new DescribeExecutionCommand({ executionArn: passed.executionArn }))).output,
        30_000,
      );
      assert.deepEqual(JSON.parse(output), { text });

      const pattern = JSON.stringify({ source: [text] });
      await events.send(new PutRuleCommand({ Name: "rule", EventPattern: pattern, Description: text }));
      const rule = await events.send(new DescribeRuleCommand({ Name: "rule" }));
      assert.deepEqual([rule.Description, rule.EventPattern], [text, pattern]);

      await s3.send(new CreateBucketCommand({ Bucket: "texts" }));
      await s3.send(
        new PutBucketNotificationConfigurationCommand({
          Bucket: "texts",
          NotificationConfiguration: { EventBridgeConfiguration: {} },
        }),
      );
      await s3.send(new PutObjectCommand({ Bucket: "texts", Key: text, Body: text }));
      const read = await s3.send(new GetObjectCommand({ Bucket: "texts", Key: text }));
      assert.equal(await read.Body?.transformToString(), text);
      assert.deepEqual(stepwell.logged, []);
    } finally {
      await stepwell.close();
    }
  });
