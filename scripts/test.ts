/** `npm test`: every suite, by node's own runner; arguments narrow it down (`npm test -- test/s3`). */
import { spawn } from "node:child_process";
import { globSync } from "node:fs";

const given = process.argv.slice(2);
const files = (given.length > 0 ? given : ["test"])
  .flatMap((place) => (place.endsWith(".ts") ? [place] : globSync(`${place}/**/*.test.ts`)))
  .sort();
if (files.length === 0) {
  console.error(`no test files in ${given.join(" ")}`);
  process.exit(1);
}
const child = spawn(process.execPath, ["--test", "--test-concurrency=2", "--test-timeout=300000", ...files], {
  stdio: "inherit",
});
child.on("exit", (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
