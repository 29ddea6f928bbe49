/** Helloworld inside the process, 64 at once and durable, beside group-committed rows of the same bytes on bare node:sqlite. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createMachine } from "../scripts/tutorial/steps.ts";
import { clientsFor } from "../test/support/stepwell.ts";
import { BareRows, bytesInTables } from "./bare-rows.ts";
import type { Bench } from "./bench.ts";
import { median, rate, startServer, stopServer, type Server } from "./processes.ts";
import { KEY } from "./setting.ts";

const AT_ONCE = 64;
const COUNT = 20_000;

export const benchInside: Bench = async ({ rounds, folder }) => {
  const data = join(folder, "inside");
  mkdirSync(data, { recursive: true });
  const node = await startServer("stepwell", data);
  const clients = clientsFor(`http://127.0.0.1:${node.port}`, KEY, "us-east-1");
  const machineArn = await createMachine(clients);
  for (const client of Object.values(clients)) client.destroy();
  const bytes = await bytesOfOne(node, machineArn, join(data, "stepwell.db"));
  const bare = new BareRows(join(folder, "bare.db"), bytes, COUNT, AT_ONCE);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const limit = bare.run();
    const reached = await executions(node, machineArn);
    if (round === 0) continue;
    theirs.push(limit);
    ours.push(reached);
  }
  await stopServer(node);
  bare.close();
  return [
    {
      name: `Helloworld inside the process, ${AT_ONCE} at once, durable`,
      value: median(ours),
      unit: "/s",
      limit: median(theirs),
      limitName: `group-committed rows of ${bytes} bytes, bare node:sqlite`,
      ratio: median(ours.map((reached, i) => reached / (theirs[i] ?? 1))),
    },
  ];
};

function executions(node: Server, stateMachineArn: string): Promise<number> {
  return rate([node], { stateMachineArn, input: '{"who":"bench"}', count: COUNT, atOnce: AT_ONCE });
}

/** What one execution leaves in the database, its record and story included: the size of the rows it is compared with. */
async function bytesOfOne(node: Server, machineArn: string, path: string): Promise<number> {
  const before = bytesInTables(path);
  await executions(node, machineArn);
  return Math.round((bytesInTables(path) - before) / COUNT);
}
