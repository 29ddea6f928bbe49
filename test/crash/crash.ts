/** `npm run test:crash [-- --kills 200 --seed 1]`: the long form. */
import { parseArgs } from "node:util";
import { crash } from "./harness.ts";

const { values } = parseArgs({
  options: { kills: { type: "string", default: "200" }, seed: { type: "string", default: "1" } },
});
const result = await crash({ kills: Number(values.kills), seed: Number(values.seed), log: console.log });
console.log(
  `${result.kills} kills: ${result.acknowledged} uploads acknowledged, ${result.executions} executions, ${result.faults.length} faults`,
);
for (const fault of result.faults.slice(0, 50)) console.log(`  ${fault}`);
process.exitCode = result.faults.length === 0 && result.acknowledged > 0 ? 0 : 1;
