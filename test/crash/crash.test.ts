import assert from "node:assert/strict";
import { test } from "node:test";
import { crash } from "./harness.ts";

test("four kills under load lose nothing and double nothing", async (context) => {
  const result = await crash({ kills: 4, seed: 7, log: (line) => context.diagnostic(line) });
  context.diagnostic(`${result.acknowledged} uploads acknowledged, ${result.executions} executions`);
  assert.ok(result.acknowledged > 20, `only ${result.acknowledged} uploads were acknowledged`);
  assert.deepEqual(result.faults, []);
});
