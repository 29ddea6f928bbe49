/**
 * Replays recorded cases against a fresh Stepwell and fails below the floors in floors.json.
 *   node test/conformance/conformance.ts DIRECTORY
 * DIRECTORY holds replay-patterns.mjs and replay-states.mjs with their data.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startStepwell } from "../support/stepwell.ts";

const directory = process.argv[2];
if (directory === undefined) throw new Error("usage: node test/conformance/conformance.ts DIRECTORY");
const floors = JSON.parse(readFileSync(new URL("floors.json", import.meta.url), "utf8")) as {
  patterns: number;
  states: { strict: number; outcome: number };
};
const stepwell = await startStepwell();

function replay(script: string): Promise<string> {
  const { accessKeyId, secretAccessKey } = stepwell.key;
  const env = {
    ...process.env,
    ENDPOINT: stepwell.endpoint,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  };
  const child = spawn(process.execPath, [join(directory ?? "", script)], { env, stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return new Promise((resolve, reject) =>
    child.on("exit", (code) =>
      code === 0 ? resolve(text) : reject(new Error(`${script} ended with ${code}\n${text}`)),
    ),
  );
}

const patterns = await replay("replay-patterns.mjs");
const states = await replay("replay-states.mjs");
await stepwell.close();

const right = [...patterns.matchAll(/ (\d+)\/\d+/g)].reduce((sum, [, count]) => sum + Number(count), 0);
const strict = Number(/strict (\d+)/.exec(states)?.[1] ?? Number.NaN);
const outcome = Number(/outcome (\d+)/.exec(states)?.[1] ?? Number.NaN);
console.log(`patterns: ${right} right, floor ${floors.patterns}`);
console.log(
  `states: strict ${strict}, floor ${floors.states.strict}; outcome ${outcome}, floor ${floors.states.outcome}`,
);
const short = [right >= floors.patterns, strict >= floors.states.strict, outcome >= floors.states.outcome].includes(
  false,
);
if (short) {
  console.log(patterns, states);
  console.error("below a floor");
  process.exitCode = 1;
}
