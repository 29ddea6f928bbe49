import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { CreateStateMachineCommand, DescribeStateMachineCommand } from "@aws-sdk/client-sfn";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { stores } from "../support/stores.ts";
import { startStepwell, type Stepwell } from "../support/stepwell.ts";
import { create, ended, history, roleFor, start } from "./fixture.ts";

const machine = (states: Readonly<Record<string, object>>): string =>
  JSON.stringify({ QueryLanguage: "JSONata", StartAt: Object.keys(states)[0], States: states });

for (const store of stores)
  describe(`JSONata on ${store.name}`, () => {
    let stepwell: Stepwell;
    let roleArn: string;
    before(async () => {
      stepwell = await startStepwell(store);
      roleArn = await roleFor(stepwell, "jsonata-role", ["s3:*"]);
    });
    after(() => stepwell.close());

    async function run(name: string, states: Readonly<Record<string, object>>, input: unknown = {}) {
      return ended(stepwell, await start(stepwell, await create(stepwell, name, machine(states), roleArn), input));
    }

    test("an order is counted, chosen, mapped and read from S3 by expressions alone", async () => {
      await stepwell.as.s3.send(new CreateBucketCommand({ Bucket: "jsonata-orders" }));
      await stepwell.as.s3.send(
        new PutObjectCommand({ Bucket: "jsonata-orders", Key: "note.txt", Body: "twelve chars" }),
      );
      const read = {
        Type: "Task",
        Resource: "arn:aws:states:::aws-sdk:s3:headObject",
        Arguments: { Bucket: "{% $states.input.bucket %}", Key: "{% $lowercase('NOTE') & '.txt' %}" },
        Assign: { size: "{% $states.result.ContentLength %}" },
        Output: "{% $states.input.items %}",
        Next: "Large",
      };
      const large = {
        Type: "Choice",
        Choices: [{ Condition: "{% $size > 10 %}", Next: "Each", Assign: { large: true } }],
        Default: "Each",
      };
      const each = {
        Type: "Map",
        Items: "{% $states.input[price > 1] %}",
        ItemSelector: {
          n: "{% $states.context.Map.Item.Index %}",
          price: "{% $states.context.Map.Item.Value.price %}",
        },
        ItemProcessor: {
          StartAt: "Double",
          States: { Double: { Type: "Pass", Output: "{% $states.input.price * 2 + $size %}", End: true } },
        },
        Output: { sum: "{% $sum($states.result) %}", large: "{% $large %}" },
        End: true,
      };
      const input = { bucket: "jsonata-orders", items: [{ price: 1 }, { price: 2 }, { price: 3 }] };
      const { output, cause } = await run("orders", { Read: read, Large: large, Each: each }, input);
      assert.deepEqual({ output, cause }, { output: '{"sum":34,"large":true}', cause: undefined });
    });

    test("a failed expression is told in the history and caught by name", async () => {
      const task = {
        Type: "Task",
        Resource: "arn:aws:states:::aws-sdk:s3:listBuckets",
        Arguments: { Prefix: "{% $eval('1') %}" },
        Catch: [
          { ErrorEquals: ["States.QueryEvaluationError"], Output: "{% $states.errorOutput.Cause %}", Next: "Told" },
        ],
        End: true,
      };
      const { executionArn, output } = await run("caught", { Ask: task, Told: { Type: "Succeed" } });
      const cause =
        "An error occurred while executing the state 'Ask' (entered at the event id #2). The JSONata expression '$eval('1')' specified for the field 'Arguments/Prefix' threw an error during evaluation. T1006: Attempted to invoke a non-function";
      assert.equal(output, JSON.stringify(cause));
      const failed = (await history(stepwell, executionArn ?? "")).find(({ type }) => type === "EvaluationFailed");
      assert.deepEqual(failed?.evaluationFailedEventDetails, {
        cause,
        error: "States.QueryEvaluationError",
        location: "Arguments/Prefix",
        state: "Ask",
      });
    });

    test("what cannot be an expression is refused at create, and what is read is described", async () => {
      const refused = new CreateStateMachineCommand({
        name: "refused",
        roleArn,
        definition: machine({ E: { Type: "Pass", Output: { v: "{% phone %}" }, End: true } }),
      });
      await assert.rejects(stepwell.as.states.send(refused), {
        name: "InvalidDefinition",
        message:
          "Invalid State Machine Definition: 'UNSUPPORTED_JSONATA_EXPRESSION: Reference to 'phone' at the top level is not supported. at /States/E/Output/v'",
      });
      const definition = machine({ E: { Type: "Pass", Output: "{% $a & $b %}", End: true } });
      const stateMachineArn = await create(stepwell, "described", definition, roleArn);
      const described = await stepwell.as.states.send(new DescribeStateMachineCommand({ stateMachineArn }));
      assert.deepEqual(described.variableReferences, { E: ["a", "b"] });
    });

    test("an endless expression ends, and other requests are answered after it", async () => {
      const { error, cause } = await run("endless", {
        E: { Type: "Pass", Output: "{% ($f := function($n) { $f($n + 1) }; $f(0)) %}", End: true },
      });
      assert.equal(error, "States.QueryEvaluationError");
      assert.match(String(cause), /Expression evaluation timeout: Check for infinite loop$/);
    });
  });
