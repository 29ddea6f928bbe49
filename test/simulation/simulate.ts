/** `npm run simulate -- [--seeds N] [--first N] [--forever] [--for SECONDS] [--workers N] [--log]`: runs seeds, and stops at the first that fails. */
import { runSeed, Broken } from "./run.ts";
import { realNow } from "./world.ts";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import type { Count } from "./machine.ts";

type Told = { readonly counts: Count } | { readonly failed: string };

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    first: { type: "string", default: "1" },
    /** Stops after so many seconds, however many seeds are left. */
    for: { type: "string" },
    workers: { type: "string", default: String(availableParallelism()) },
    forever: { type: "boolean", default: false },
    /** Prints what the node logged in a run that fails. */
    log: { type: "boolean", default: false },
  },
});
const first = Number(values.first);
const last = values.forever ? Number.POSITIVE_INFINITY : first + Number(values.seeds) - 1;
const stride = Number(values.workers);
const started = realNow();
const untilMs = values.for === undefined ? Number.POSITIVE_INFINITY : started + Number(values.for) * 1000;
const totals: Count = {};
let done = 0;

if (isMainThread) lead();
else await follow(first + Number(workerData));

/** Deals the seeds out to as many threads as there are processors, and adds up what they tell. */
function lead(): void {
  let running = stride;
  for (let place = 0; place < stride; place++) {
    const worker = new Worker(new URL(import.meta.url), { argv: process.argv.slice(2), workerData: place });
    worker.on("message", (told: Told) => {
      if ("failed" in told) {
        console.error(told.failed);
        process.exit(1);
      }
      done++;
      for (const [what, count] of Object.entries(told.counts)) totals[what] = (totals[what] ?? 0) + count;
      if (done % 100 === 0) report();
    });
    worker.on("error", (error) => {
      console.error(error);
      process.exit(1);
    });
    worker.on("exit", () => {
      if (--running === 0) report();
    });
  }
}

async function follow(from: number): Promise<void> {
  const tell = (told: Told): void => parentPort?.postMessage(told);
  for (let seed = from; seed <= last && realNow() < untilMs; seed += stride) {
    try {
      const { counts } = await runSeed(seed);
      tell({ counts });
    } catch (error) {
      const log = error instanceof Broken && values.log ? error.log : [];
      const again = `seed ${seed} failed; again: npm run simulate -- --first ${seed} --seeds 1 --log`;
      tell({ failed: [...log, error instanceof Error ? error.message : String(error), "", again].join("\n") });
      return;
    }
  }
}

function report(): void {
  const seconds = (realNow() - started) / 1000;
  const told = Object.entries(totals).map(([what, count]) => `${count} ${what}`);
  console.log(`${done} seeds held, ${(done / seconds).toFixed(1)} seeds/s: ${told.sort().join(", ")}`);
}
