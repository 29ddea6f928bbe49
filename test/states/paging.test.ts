import assert from "node:assert/strict";
import { test } from "node:test";
import { positionOf, tokenOf } from "../../src/states/paging.ts";

const DAY_MS = 86_400_000;

test("a token is good for its own list and for a day", () => {
  const token = tokenOf("executions", ["a", 7], 1_000);
  assert.deepEqual(positionOf("executions", token, 1_000 + DAY_MS), ["a", 7]);
  assert.equal(positionOf("executions", undefined, 1_000), undefined);
  for (const wrong of [
    () => positionOf("executions", token, 1_001 + DAY_MS),
    () => positionOf("machines", token, 1_000),
    () => positionOf("executions", "nonsense", 1_000),
    () => positionOf("executions", Buffer.from('["executions"]').toString("base64url"), 1_000),
  ])
    assert.throws(wrong, { code: "InvalidToken", message: "Invalid Token: 'Invalid token'" });
});
