/** `npm test`: every suite, by node's own runner; arguments narrow it down (`npm test -- test/s3`). */
import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import { GIVEN, REASON, startPostgres } from "../test/support/postgres.ts";

const given = process.argv.slice(2);
const files = (given.length > 0 ? given : ["test"])
  .flatMap((place) => (place.endsWith(".ts") ? [place] : globSync(`${place}/**/*.test.ts`)))
  .sort();
if (files.length === 0) {
  console.error(`no test files in ${given.join(" ")}`);
  process.exit(1);
}
// One PostgreSQL for the whole run, unless one is given.
const environment = { ...process.env };
if (environment[GIVEN] === undefined) {
  try {
    environment[GIVEN] = (await startPostgres()).url;
  } catch (error) {
    environment[REASON] = (error as Error).message;
    console.log(`suites are skipped on PostgreSQL: ${environment[REASON]}`);
  }
}
const child = spawn(process.execPath, ["--test", "--test-concurrency=2", "--test-timeout=300000", ...files], {
  stdio: "inherit",
  env: environment,
});
child.on("exit", (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
