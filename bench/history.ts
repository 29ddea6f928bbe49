/** The longest history there can be, 25,000 events, read page by page over the wire. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { CreateStateMachineCommand, DescribeExecutionCommand, StartExecutionCommand } from "@aws-sdk/client-sfn";
import { systemClock } from "../src/clock/system.ts";
import { sign } from "../src/gate/sign.ts";
import { createServiceRole } from "../scripts/tutorial/steps.ts";
import { clientsFor, type Clients } from "../test/support/stepwell.ts";
import type { Bench } from "./bench.ts";
import { median, startServer, stopServer } from "./processes.ts";
import { cpuSeconds } from "./readings.ts";
import { KEY } from "./setting.ts";

const EVENTS = 25_000;
const PAGE = 1_000;
const WANTED_MS = 300;

export const benchHistory: Bench = async ({ rounds, folder }) => {
  const data = join(folder, "history");
  mkdirSync(data, { recursive: true });
  const node = await startServer("stepwell", data);
  const clients = clientsFor(`http://127.0.0.1:${node.port}`, KEY, "us-east-1");
  const executionArn = await longest(clients);
  const took: number[] = [];
  const costs: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const cpuBefore = cpuSeconds(node);
    const started = performance.now();
    const events = await read(node.port, executionArn);
    const ms = performance.now() - started;
    if (events !== EVENTS) throw new Error(`the history has ${events} events`);
    if (round === 0) continue;
    took.push(ms);
    costs.push((cpuSeconds(node) - cpuBefore) * 1000);
  }
  for (const client of Object.values(clients)) client.destroy();
  await stopServer(node);
  return [
    {
      name: `a history of ${EVENTS.toLocaleString("en")} events in ${EVENTS / PAGE} pages`,
      value: median(took),
      unit: "ms",
      limit: WANTED_MS,
      limitName: "wanted",
      ratio: WANTED_MS / median(took),
      note: `the client's work included; ${median(costs).toFixed(0)} ms of processor time in the node`,
    },
  ];
};

/** Goes round in a circle until its history is full, which ends it. */
async function longest({ iam, states }: Clients): Promise<string> {
  const roleArn = await createServiceRole(iam, "circle", "states.amazonaws.com");
  const States = {
    Round: { Type: "Pass", Result: "again", ResultPath: "$.said", Next: "Again" },
    Again: {
      Type: "Choice",
      Choices: [{ Variable: "$.said", StringEquals: "again", Next: "Round" }],
      Default: "Never",
    },
    Never: { Type: "Succeed" },
  };
  const definition = JSON.stringify({ StartAt: "Round", States });
  const { stateMachineArn } = await states.send(new CreateStateMachineCommand({ name: "Circle", definition, roleArn }));
  const { executionArn = "" } = await states.send(new StartExecutionCommand({ stateMachineArn, input: '{"id":1}' }));
  for (;;) {
    const { status } = await states.send(new DescribeExecutionCommand({ executionArn }));
    if (status !== "RUNNING") return executionArn;
    await pause(20);
  }
}

/** By a plain client: the official one takes several times as long as the node to turn a page into objects. */
async function read(port: number, executionArn: string): Promise<number> {
  const url = new URL(`http://127.0.0.1:${port}/`);
  const target = {
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": "AWSStepFunctions.GetExecutionHistory",
  };
  let count = 0;
  for (let nextToken: string | undefined; ;) {
    const body = JSON.stringify({ executionArn, maxResults: PAGE, nextToken });
    const service = { key: KEY, region: "us-east-1", service: "states", at: systemClock.now() };
    const headers = { ...target, ...sign({ method: "POST", url, headers: target, body, ...service }) };
    const response = await fetch(url, { method: "POST", headers, body });
    const page = (await response.json()) as { events: unknown[]; nextToken?: string };
    count += page.events.length;
    nextToken = page.nextToken;
    if (nextToken === undefined) return count;
  }
}
