/**
 * Replays recorded cases against a fresh Stepwell and fails below the floors in floors.json.
 *   node test/conformance/conformance.ts DIRECTORY
 * DIRECTORY holds replay-patterns.mjs and replay-states.mjs with their data.
 * misses.json says why a recorded scenario cannot be met; all other misses are listed at the end.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startStepwell } from "../support/stepwell.ts";

type Floors = {
  readonly patterns: number;
  readonly states: { readonly strict: number; readonly outcome: number; readonly sequence: number };
};
type Replayed = { readonly id: string; readonly strict?: boolean };

const directory = process.argv[2];
if (directory === undefined) throw new Error("usage: node test/conformance/conformance.ts DIRECTORY");
const beside = (name: string): unknown => JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));
const floors = beside("floors.json") as Floors;
const explained = Object.values(beside("misses.json") as { readonly [reason: string]: readonly string[] }).flat();
const stepwell = await startStepwell();

function replay(script: string, ...options: readonly string[]): Promise<string> {
  const { accessKeyId, secretAccessKey } = stepwell.key;
  const env = {
    ...process.env,
    ENDPOINT: stepwell.endpoint,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  };
  const path = join(directory ?? "", script);
  const child = spawn(process.execPath, [path, ...options], { env, stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return new Promise((resolve, reject) =>
    child.on("exit", (code) =>
      code === 0 ? resolve(text) : reject(new Error(`${script} ended with ${code}\n${text}`)),
    ),
  );
}

const scratch = mkdtempSync(join(tmpdir(), "stepwell-conformance-"));
const out = join(scratch, "states.json");
const patterns = await replay("replay-patterns.mjs");
const states = await replay("replay-states.mjs", "--needs", "s3", "--out", out);
await stepwell.close();
const replayed = JSON.parse(readFileSync(out, "utf8")) as readonly Replayed[];
rmSync(scratch, { recursive: true });

const right = [...patterns.matchAll(/ (\d+)\/\d+/g)].reduce((sum, [, count]) => sum + Number(count), 0);
const told = (word: string): number => Number(new RegExp(`${word} (\\d+)`).exec(states)?.[1] ?? Number.NaN);
const reached: Floors = {
  patterns: right,
  states: { strict: told("strict"), outcome: told("outcome"), sequence: told("sequence") },
};
const missed = replayed.filter(({ strict }) => strict !== true).map(({ id }) => id);
const unexplained = missed.filter((id) => !explained.some((name) => id.endsWith(`::${name}`)));
console.log(`reached ${JSON.stringify(reached)}\nfloors  ${JSON.stringify(floors)}`);
console.log(`states: ${replayed.length} scenarios, ${missed.length} missed, ${unexplained.length} without a reason`);
for (const id of unexplained.toSorted()) console.log(`  ${id}`);
const met = (have: number, floor: number): boolean => have >= floor;
const stands =
  met(reached.patterns, floors.patterns) &&
  met(reached.states.strict, floors.states.strict) &&
  met(reached.states.outcome, floors.states.outcome) &&
  met(reached.states.sequence, floors.states.sequence);
if (!stands) {
  console.log(patterns, states);
  console.error("below a floor");
  process.exitCode = 1;
}
