/** `npm run simulate -- [--seeds N] [--first N] [--forever] [--for SECONDS] [--log]`: runs seeds, and stops at the first that fails. */
import { runSeed, Broken } from "./run.ts";
import { realNow } from "./world.ts";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    first: { type: "string", default: "1" },
    /** Stops after so many seconds, however many seeds are left. */
    for: { type: "string" },
    forever: { type: "boolean", default: false },
    /** Prints what the node logged in a run that fails. */
    log: { type: "boolean", default: false },
  },
});
const first = Number(values.first);
const last = values.forever ? Number.POSITIVE_INFINITY : first + Number(values.seeds) - 1;
const started = realNow();
const untilMs = values.for === undefined ? Number.POSITIVE_INFINITY : started + Number(values.for) * 1000;
const totals: Record<string, number> = {};
let done = 0;
for (let seed = first; seed <= last && realNow() < untilMs; seed++) {
  try {
    const { counts } = await runSeed(seed);
    for (const [what, count] of Object.entries(counts)) totals[what] = (totals[what] ?? 0) + count;
    done++;
    if (done % 100 === 0) report();
  } catch (error) {
    if (error instanceof Broken && values.log) for (const line of error.log) console.error(line);
    console.error(error instanceof Error ? error.message : error);
    console.error(`\nseed ${seed} failed; again: npm run simulate -- --first ${seed} --seeds 1 --log`);
    process.exit(1);
  }
}
report();

function report(): void {
  const seconds = (realNow() - started) / 1000;
  const told = Object.entries(totals).map(([what, count]) => `${count} ${what}`);
  console.log(`${done} seeds held, ${(done / seconds).toFixed(1)} seeds/s: ${told.sort().join(", ")}`);
}
