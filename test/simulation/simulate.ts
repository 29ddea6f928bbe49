import { runSeed, Broken } from "./run.ts";
import { realNow } from "./world.ts";
import { fork, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { FOLDER, FOLDER_VARIABLE } from "./disk.ts";
import type { Count } from "./machine.ts";

const HELP = `npm run simulate -- [options]
Runs the real rooms on a simulated clock, store and disk, one seed a run, and stops at the first that fails.

  --seeds N          how many seeds (100)
  --first N          the first of them (1)
  --forever          until one fails or it is interrupted
  --for SECONDS      begins no seed after so many seconds
  --at-least N       with --for: fails unless so many seeds ended (1)
  --seed-limit SECONDS
                     a seed that takes longer has failed (120)
  --workers N        processes (one for each processor)
  --log              prints what the nodes logged in a run that fails
  --help             this
`;

/** Why a seed failed, or what befell it. */
type Told = { readonly seed: number } & ({ readonly counts: Count } | { readonly failed: string });

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    first: { type: "string", default: "1" },
    forever: { type: "boolean", default: false },
    for: { type: "string" },
    "at-least": { type: "string", default: "1" },
    "seed-limit": { type: "string", default: "120" },
    workers: { type: "string", default: String(availableParallelism()) },
    log: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
    /** What the processes are told that do the work. */
    follow: { type: "boolean", default: false },
  },
});

/** A process, the seed that it runs and since when. */
type Follower = { readonly child: ChildProcess; seed: number; since: number };
const started = realNow();
const totals: Count = {};
let done = 0;

if (values.follow) follow();
else if (values.help) console.log(HELP);
else lead();

/** Deals the seeds out to as many processes as there are processors, and adds up what they tell. */
function lead(): void {
  const first = Number(values.first);
  const last = values.forever ? Number.POSITIVE_INFINITY : first + Number(values.seeds) - 1;
  const untilMs = values.for === undefined ? Number.POSITIVE_INFINITY : started + Number(values.for) * 1000;
  const limitMs = Number(values["seed-limit"]) * 1000;
  const folder = mkdtempSync(join(FOLDER, "stepwell-simulation-"));
  const workers = Array.from({ length: Number(values.workers) }, () => workerIn(folder));
  let next = first;
  let idle = 0;

  const leave = (code: number, why?: string): never => {
    if (why !== undefined) console.error(why);
    for (const { child } of workers) child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
    report();
    process.exit(code);
  };
  const deal = (worker: Follower): void => {
    worker.since = Number.POSITIVE_INFINITY;
    if (next <= last && realNow() < untilMs) {
      worker.seed = next++;
      worker.since = realNow();
      worker.child.send(worker.seed);
    } else if (++idle === workers.length) {
      const enough = Math.min(last - first + 1, Number(values["at-least"]));
      if (done < enough) leave(1, `${done} seeds ended in the time given, and not ${enough}`);
      leave(0);
    }
  };
  // A run that spins never lets its own process tell.
  setInterval(() => {
    const stuck = workers.find(({ since }) => realNow() - since > limitMs);
    if (stuck) leave(1, `seed ${stuck.seed} did not end within ${limitMs / 1000} s; ${again(stuck.seed)}`);
  }, 1000);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => leave(130));
  for (const worker of workers) {
    worker.child.on("exit", (code) =>
      leave(1, `seed ${worker.seed} ended its process (${code}); ${again(worker.seed)}`),
    );
    worker.child.on("message", (told: Told) => {
      if ("failed" in told) return leave(1, told.failed);
      done++;
      for (const [what, count] of Object.entries(told.counts)) totals[what] = (totals[what] ?? 0) + count;
      if (done % 100 === 0) report();
      deal(worker);
    });
    deal(worker);
  }
}

/** A process that runs the seeds it is sent. Not a thread: SQLite's memory has one lock in each process. */
function workerIn(folder: string): Follower {
  const child = fork(fileURLToPath(import.meta.url), [...process.argv.slice(2), "--follow"], {
    env: { ...process.env, [FOLDER_VARIABLE]: folder },
    execArgv: [...process.execArgv, "--max-semi-space-size=64"],
  });
  return { child, seed: 0, since: Number.POSITIVE_INFINITY };
}

function report(): void {
  const seconds = (realNow() - started) / 1000;
  const told = Object.entries(totals).map(([what, count]) => `${count} ${what}`);
  const speed = (done / seconds).toFixed(1);
  console.log(`${done} seeds held in ${seconds.toFixed(0)} s, ${speed} seeds/s: ${told.sort().join(", ")}`);
}

const again = (seed: number): string => `again: npm run simulate -- --first ${seed} --seeds 1 --log`;

function follow(): void {
  const tell = (told: Told): void => void process.send?.(told);
  process.on("message", (seed: number) => {
    runSeed(seed).then(
      ({ counts }) => tell({ seed, counts }),
      (error: unknown) => {
        const log = error instanceof Broken && values.log ? error.log : [];
        const why = error instanceof Error ? error.message : String(error);
        tell({ seed, failed: [...log, why, "", `seed ${seed} failed; ${again(seed)}`].join("\n") });
      },
    );
  });
}
