/** The example of the library in README.md does what it says. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

test("the example of stepwell/asl prints what README says", () => {
  const readme = readFileSync("README.md", "utf8");
  const [, code = "", printed = ""] =
    /```js\n(import [^`]*"stepwell\/asl"[\s\S]*?)```\n\nprints\n\n```\n([\s\S]*?)```/.exec(readme) ?? [];
  const folder = mkdtempSync(join(tmpdir(), "stepwell-readme-"));
  try {
    const library = new URL("../../../src/asl.ts", import.meta.url).href;
    const file = join(folder, "example.mjs");
    assert.ok(code.includes('from "stepwell/asl"'));
    writeFileSync(file, code.replace('"stepwell/asl"', JSON.stringify(library)));
    assert.equal(execFileSync(process.execPath, [file]).toString(), printed);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
