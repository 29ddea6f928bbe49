/**
 * `npm run bench`: every figure beside its limit, measured in the same run, medians of interleaved rounds.
 *   --json FILE   writes the figures        --rounds N   default 5
 *   --only REGEX  runs the figures whose name matches
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { benchLarge } from "./large.ts";
import { benchMatching } from "./matching.ts";
import { benchInside } from "./inside.ts";
import { benchPostgres } from "./postgres.ts";
import { benchWire } from "./wire.ts";
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

const { values } = parseArgs({
  options: { json: { type: "string" }, rounds: { type: "string", default: "5" }, only: { type: "string" } },
});
const only = new RegExp(values.only ?? "");
const benches: Readonly<Record<string, Bench>> = {
  wire: benchWire,
  large: benchLarge,
  inside: benchInside,
  matching: benchMatching,
  start: benchStart,
  postgres: benchPostgres,
};
const folder = mkdtempSync(join(process.env["BENCH_DIR"] ?? tmpdir(), "stepwell-bench-"));
const figures: Figure[] = [];
try {
  for (const [name, bench] of Object.entries(benches)) {
    if (!only.test(name)) continue;
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
