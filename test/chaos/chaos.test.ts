import assert from "node:assert/strict";
import { test } from "node:test";
import { startPostgres } from "../support/postgres.ts";
import { chaos } from "./harness.ts";
import { summaryOf } from "./summary.ts";

// One of its own, whatever database the other suites are given: it is killed. With fsync, since a crash is part of it.
const postgres = await startPostgres(["fsync=on"]).catch((error: Error) => error);
const skip = postgres instanceof Error ? `there is no PostgreSQL: ${postgres.message}` : false;

test("ten seconds of trouble on three nodes lose nothing and double nothing", { skip }, async (context) => {
  if (postgres instanceof Error) return;
  try {
    const result = await chaos({ postgres, seconds: 10, seed: 5, log: (line) => context.diagnostic(line) });
    context.diagnostic(summaryOf(result));
    for (const [trouble, times] of Object.entries(result.troubles)) assert.ok(times > 0, `never ${trouble}`);
    assert.ok(result.uploads > 20, `only ${result.uploads} uploads were acknowledged`);
    assert.deepEqual(result.faults, []);
  } finally {
    postgres.stop();
  }
});
