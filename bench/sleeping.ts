/** Executions that sleep: the memory and the processor time that many Waits of a day cost a node in which nothing else happens. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { CreateStateMachineCommand, paginateListExecutions } from "@aws-sdk/client-sfn";
import { createServiceRole } from "../scripts/tutorial/steps.ts";
import { clientsFor, type Clients } from "../test/support/stepwell.ts";
import type { Bench } from "./bench.ts";
import { rate, startServer, stopServer } from "./processes.ts";
import { cpuSeconds, mostResidentMegabytes, residentMegabytes } from "./readings.ts";
import { KEY } from "./setting.ts";

const SLEEPERS = 100_000;
const AT_ONCE = 64;
/** Executions of another machine that warm the node up, so that the sleepers alone are weighed. */
const WARM = 2_000;
const IDLE_SECONDS = 10;
const WANTED_MEGABYTES = 200;

/** Once: what is weighed is there afterwards. */
export const benchSleeping: Bench = async ({ folder }) => {
  const data = join(folder, "sleeping");
  mkdirSync(data, { recursive: true });
  const node = await startServer("stepwell", data);
  const clients = clientsFor(`http://127.0.0.1:${node.port}`, KEY, "us-east-1");
  const roleArn = await createServiceRole(clients.iam, "sleeping", "states.amazonaws.com");
  const start = (stateMachineArn: string, count: number): Promise<number> =>
    rate([node], { stateMachineArn, input: "{}", count, atOnce: AT_ONCE });
  await start(await machine(clients, roleArn, "Warm", { Type: "Pass", End: true }), WARM);
  const idleBefore = await idle(node);
  const before = residentMegabytes(node);
  const sleepers = await machine(clients, roleArn, "Sleep", { Type: "Wait", Seconds: 86_400, End: true });
  const reached = await start(sleepers, SLEEPERS);
  const idleAfter = await idle(node);
  const added = residentMegabytes(node) - before;
  const peak = mostResidentMegabytes(node) - before;
  const asleep = await countRunning(clients, sleepers);
  if (asleep !== SLEEPERS) throw new Error(`${asleep} of ${SLEEPERS} executions sleep`);
  for (const client of Object.values(clients)) client.destroy();
  await stopServer(node);
  return [
    {
      name: `memory that ${SLEEPERS.toLocaleString("en")} sleeping executions add`,
      value: added,
      unit: "MB resident",
      limit: WANTED_MEGABYTES,
      limitName: "wanted",
      ratio: WANTED_MEGABYTES / added,
      note: `${peak.toFixed(0)} MB at most, while ${Math.round(reached)} a second were started`,
    },
    {
      name: "processor that the node takes while they sleep",
      value: idleAfter,
      unit: "%",
      limit: idleBefore,
      limitName: "the same node before them",
      note: `of one processor, over ${IDLE_SECONDS} s`,
    },
  ];
};

async function machine({ states }: Clients, roleArn: string, name: string, Only: object): Promise<string> {
  const definition = JSON.stringify({ StartAt: "Only", States: { Only } });
  return (await states.send(new CreateStateMachineCommand({ name, definition, roleArn }))).stateMachineArn ?? "";
}

/** The share of one processor, in hundredths, that the node takes when nobody asks for anything. */
async function idle(node: Parameters<typeof cpuSeconds>[0]): Promise<number> {
  await pause(IDLE_SECONDS * 500);
  const before = cpuSeconds(node);
  await pause(IDLE_SECONDS * 1000);
  return ((cpuSeconds(node) - before) / IDLE_SECONDS) * 100;
}

async function countRunning({ states: client }: Clients, stateMachineArn: string): Promise<number> {
  let count = 0;
  const list = { stateMachineArn, statusFilter: "RUNNING", maxResults: 1000 } as const;
  for await (const { executions = [] } of paginateListExecutions({ client }, list)) count += executions.length;
  return count;
}
