/** Durable state transitions a second through a chain of Pass and Choice states, counted in the histories, beside group-committed rows of the same bytes. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { CreateStateMachineCommand, GetExecutionHistoryCommand, paginateListExecutions } from "@aws-sdk/client-sfn";
import { createServiceRole } from "../scripts/tutorial/steps.ts";
import { clientsFor, type Clients } from "../test/support/stepwell.ts";
import { BareRows, bytesInTables } from "./bare-rows.ts";
import type { Bench } from "./bench.ts";
import { median, rate, startServer, stopServer } from "./processes.ts";
import { cpuSeconds } from "./readings.ts";
import { KEY } from "./setting.ts";

const STATES = 100;
const COUNT = 1_000;
const AT_ONCE = 64;
const WANTED = 60_000;
/** Histories that are read to the end: all executions run the same machine. */
const SAMPLE = 50;

export const benchTransitions: Bench = async ({ rounds, folder }) => {
  const data = join(folder, "transitions");
  mkdirSync(data, { recursive: true });
  const node = await startServer("stepwell", data);
  const clients = clientsFor(`http://127.0.0.1:${node.port}`, KEY, "us-east-1");
  const stateMachineArn = await chain(clients);
  const executions = (): Promise<number> =>
    rate([node], { stateMachineArn, input: '{"who":"bench","n":7}', count: COUNT, atOnce: AT_ONCE });
  const database = join(data, "stepwell.db");
  const before = bytesInTables(database);
  await executions();
  const bytes = Math.round((bytesInTables(database) - before) / COUNT);
  const bare = new BareRows(join(folder, "bare-transitions.db"), bytes, COUNT, AT_ONCE);
  const ours: number[] = [];
  const theirs: number[] = [];
  const costs: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const limit = bare.run();
    const cpuBefore = cpuSeconds(node);
    const reached = await executions();
    if (round === 0) continue;
    theirs.push(limit);
    ours.push(reached);
    costs.push((cpuSeconds(node) - cpuBefore) / COUNT);
  }
  const { ended, transitions } = await counted(clients, stateMachineArn);
  if (ended !== COUNT * (rounds + 2)) throw new Error(`${ended} of ${COUNT * (rounds + 2)} executions have SUCCEEDED`);
  for (const client of Object.values(clients)) client.destroy();
  await stopServer(node);
  bare.close();
  const cost = (median(costs) / transitions) * 1e6;
  return [
    {
      name: `transitions of Pass and Choice, ${AT_ONCE} at once, durable`,
      value: median(ours) * transitions,
      unit: "/s",
      limit: median(theirs) * transitions,
      limitName: `group-committed rows of ${bytes} bytes, bare node:sqlite`,
      ratio: median(ours.map((reached, i) => reached / (theirs[i] ?? 1))),
      note: `wanted ${WANTED.toLocaleString("en")}`,
    },
    { name: "processor time of one such transition", value: cost, unit: "µs", ...beside(1e6 / WANTED, cost) },
  ];
};

function beside(limit: number, value: number): { limit: number; limitName: string; ratio: number } {
  return { limit, limitName: "wanted of one processor", ratio: limit / value };
}

/** Passes that put something into the state in turn with Choices that look at it. */
async function chain({ iam, states }: Clients): Promise<string> {
  const next = (step: number): object => (step < STATES ? { Next: `Step${step + 1}` } : { End: true });
  const state = (step: number): object =>
    step % 2 === 1
      ? { Type: "Pass", Result: step, ResultPath: "$.step", ...next(step) }
      : { Type: "Choice", Choices: [{ Variable: "$.n", NumericEquals: 7, ...next(step) }], Default: "Step1" };
  const States = Object.fromEntries(
    Array.from({ length: STATES - 1 }, (_, index) => [`Step${index + 1}`, state(index + 1)]),
  );
  const definition = JSON.stringify({
    StartAt: "Step1",
    States: { ...States, [`Step${STATES}`]: { Type: "Succeed" } },
  });
  const roleArn = await createServiceRole(iam, "chain", "states.amazonaws.com");
  const { stateMachineArn } = await states.send(new CreateStateMachineCommand({ name: "Chain", definition, roleArn }));
  return stateMachineArn ?? "";
}

/** How many executions have SUCCEEDED, and how many states each has entered and left. */
async function counted(
  { states: client }: Clients,
  stateMachineArn: string,
): Promise<{ readonly ended: number; readonly transitions: number }> {
  let ended = 0;
  let entered = 0;
  let read = 0;
  const list = { stateMachineArn, statusFilter: "SUCCEEDED", maxResults: 1000 } as const;
  for await (const { executions = [] } of paginateListExecutions({ client }, list)) {
    ended += executions.length;
    for (const { executionArn } of executions.slice(0, Math.max(0, SAMPLE - read))) {
      const { events = [] } = await client.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 }));
      const count = (suffix: string): number => events.filter(({ type }) => type?.endsWith(suffix)).length;
      if (count("StateEntered") !== count("StateExited"))
        throw new Error(`${executionArn} has left a state unfinished`);
      entered += count("StateEntered");
      read++;
    }
  }
  return { ended, transitions: entered / read };
}
