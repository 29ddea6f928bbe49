/**
 * `npm run bench [-- NAME…]`: every figure beside its limit, measured in the same run, medians of interleaved rounds.
 *   NAME              wire, large, …: only these; `peers` runs when it is named, because it installs other engines
 *   --json FILE   writes the figures        --rounds N   default 5
 *   --only REGEX  runs the figures whose name matches
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { benchLarge } from "./large.ts";
import { benchHistory } from "./history.ts";
import { benchMapRun } from "./map-run.ts";
import { benchMatching } from "./matching.ts";
import { benchInside } from "./inside.ts";
import { benchPeers } from "./peers.ts";
import { benchPostgres } from "./postgres.ts";
import { benchWire } from "./wire.ts";
import { benchSleeping } from "./sleeping.ts";
import { benchTransitions } from "./transitions.ts";
import { benchStart } from "./start.ts";

export type Figure = {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly limit?: number;
  readonly limitName?: string;
  readonly ratio?: number;
  readonly note?: string;
};
export type Bench = (options: { readonly rounds: number; readonly folder: string }) => Promise<readonly Figure[]>;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "string" }, rounds: { type: "string", default: "5" }, only: { type: "string" } },
});
const only = new RegExp(values.only ?? "");
const benches: Readonly<Record<string, Bench>> = {
  wire: benchWire,
  large: benchLarge,
  inside: benchInside,
  transitions: benchTransitions,
  history: benchHistory,
  sleeping: benchSleeping,
  "map-run": benchMapRun,
  matching: benchMatching,
  start: benchStart,
  postgres: benchPostgres,
  peers: benchPeers,
};
/** Named or it does not run: other engines are downloaded for it. */
const ON_DEMAND = "peers";
for (const name of positionals) if (!(name in benches)) throw new Error(`no bench is called ${name}`);
// Servers and databases that a bench has started are ended at the exit of this process.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
const folder = mkdtempSync(join(process.env["BENCH_DIR"] ?? tmpdir(), "stepwell-bench-"));
const figures: Figure[] = [];
try {
  for (const [name, bench] of Object.entries(benches)) {
    const wanted =
      positionals.length > 0 ? positionals.includes(name) : name !== ON_DEMAND || values.only !== undefined;
    if (!wanted || !only.test(name)) continue;
    for (const figure of await bench({ rounds: Number(values.rounds), folder })) {
      figures.push(figure);
      const limit = figure.limit === undefined ? "" : `  of ${round(figure.limit)} (${figure.limitName})`;
      const ratio = figure.ratio === undefined ? "" : `  ratio ${figure.ratio.toFixed(2)}`;
      console.log(
        `${figure.name.padEnd(52)} ${round(figure.value).padStart(9)} ${figure.unit}${limit}${ratio}${figure.note ? `  ${figure.note}` : ""}`,
      );
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (values.json !== undefined)
  writeFileSync(
    values.json,
    `${JSON.stringify({ node: process.version, cores: navigator.hardwareConcurrency, figures }, null, 2)}\n`,
  );

function round(number: number): string {
  return number >= 100 ? Math.round(number).toLocaleString("en") : number.toPrecision(3);
}
