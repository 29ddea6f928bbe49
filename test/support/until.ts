import assert from "node:assert/strict";

/** Asks again, in real time and with a generous limit, until the answer is yes. */
export async function until(check: () => Promise<boolean> | boolean): Promise<void> {
  const started = performance.now();
  while (!(await check())) {
    assert.ok(performance.now() - started < 30_000, "it did not come to that");
    await new Promise((resolve) => setImmediate(resolve));
  }
}
