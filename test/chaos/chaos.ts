/** `npm run test:chaos [-- --minutes 10 --seed N]`: the long form. */
import { parseArgs } from "node:util";
import { startPostgres } from "../support/postgres.ts";
import { chaos } from "./harness.ts";
import { summaryOf } from "./summary.ts";

const { values } = parseArgs({ options: { minutes: { type: "string", default: "10" }, seed: { type: "string" } } });
const seed = Number(values.seed ?? Date.now() % 1_000_000);
console.log(`seed ${seed}, ${values.minutes} minutes`);
// With fsync, since a crash is part of it.
const postgres = await startPostgres(["fsync=on"]).catch((error: Error) => error);
if (postgres instanceof Error) console.log(`skipped, there is no PostgreSQL: ${postgres.message}`);
else {
  const started = performance.now();
  const log = (line: string): void => console.log(`${((performance.now() - started) / 1000).toFixed(1)} s ${line}`);
  try {
    const result = await chaos({ postgres, seconds: Number(values.minutes) * 60, seed, log });
    log(summaryOf(result));
    for (const fault of result.faults.slice(0, 50)) console.log(`  ${fault}`);
    if (result.faults.length > 0)
      console.log(`again: npm run test:chaos -- --minutes ${values.minutes} --seed ${seed}`);
    process.exitCode = result.faults.length === 0 && result.uploads > 0 ? 0 : 1;
  } finally {
    postgres.stop();
  }
}
