/**
 * A workflow of five steps beside two other engines, 64 clients each waiting for the end of one before it starts the
 * next: DBOS on the same PostgreSQL, and a Restate server beside the embedded store. README.md says what is compared.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { CreateStateMachineCommand } from "@aws-sdk/client-sfn";
import { createBucket, createServiceRole } from "../scripts/tutorial/steps.ts";
import { startPostgres, type PrivatePostgres } from "../test/support/postgres.ts";
import { clientsFor } from "../test/support/stepwell.ts";
import type { Bench, Figure } from "./bench.ts";
import type { StartSpec } from "./node.ts";
import { median, rate, runLoad, startProgram, startServer, stopServer, type Server } from "./processes.ts";
import { fiveStates, KEY, PLAIN } from "./setting.ts";

const CLIENTS = 64;
/** Rounds cost seconds here; more of them say no more. */
const ROUNDS = 3;
/** Workflows a round: about two seconds of each on two cores. */
const COUNT = { states: 4_000, tasks: 512, dbos: 512, restate: 1_024 } as const;
/** DBOS is no faster with more connections than these; by itself it takes 10. */
const DBOS_CONNECTIONS = 40;
const PEERS = fileURLToPath(new URL("./peers/", import.meta.url));

type Machines = { readonly states: string; readonly tasks: string };

export const benchPeers: Bench = async ({ rounds: asked, folder }) => {
  const rounds = Math.min(asked, ROUNDS);
  const missing = installed();
  if (missing !== undefined) {
    console.log(`peers: skipped, because ${missing}`);
    return [];
  }
  const postgres = await startPostgres(["fsync=on"]);
  try {
    return [...(await besideDbos(postgres, folder, rounds)), ...(await besideRestate(folder, rounds))];
  } finally {
    postgres.stop();
  }
};

/** Installs the pinned versions unless they are there; answers why that is not possible. */
function installed(): string | undefined {
  const there = Object.entries(manifest(PEERS).dependencies).every(([name, version]) => {
    try {
      return manifest(join(PEERS, "node_modules", name)).version === version;
    } catch {
      return false;
    }
  });
  if (there) return undefined;
  // No script of theirs runs: one of them reports the installation to its maker.
  const options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
  const { status, error, stderr } = spawnSync("npm", options, { cwd: PEERS, encoding: "utf8" });
  return status === 0 ? undefined : `npm ci in bench/peers failed: ${error?.message ?? stderr.trim()}`;
}

type Manifest = { readonly version: string; readonly dependencies: Readonly<Record<string, string>> };
const manifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
const versionOf = (name: string): string => manifest(join(PEERS, "node_modules", name)).version;

/** Both inside their own process, each with a client for every workflow under way. */
async function besideDbos(postgres: PrivatePostgres, folder: string, rounds: number): Promise<readonly Figure[]> {
  const servers: Server[] = [];
  const started = async (server: Promise<Server>): Promise<Server> => {
    servers.push(await server);
    return server;
  };
  try {
    const places = [join(folder, "peers-node"), postgres.url, join(folder, "peers-blobs")];
    const stepwell = await started(startProgram("./node.ts", places));
    const machines = await prepare(stepwell.port);
    const database = new URL(postgres.url);
    database.pathname = "/dbos";
    const dbos = await started(startProgram("./peers/dbos.mjs", [database.href, String(DBOS_CONNECTIONS)]));
    const run = (stateMachineArn: string, count: number): Promise<number> =>
      rate<StartSpec>([stepwell], { stateMachineArn, input: "{}", count, atOnce: CLIENTS, untilEnd: true });
    return await compare("on PostgreSQL", `DBOS ${versionOf("@dbos-inc/dbos-sdk")} on the same PostgreSQL`, rounds, {
      states: () => run(machines.states, COUNT.states),
      tasks: () => run(machines.tasks, COUNT.tasks),
      peer: () => rate([dbos], { count: COUNT.dbos, atOnce: CLIENTS }),
    });
  } finally {
    await Promise.all(servers.map(stopServer));
  }
}

/** Both over the wire, by the same load on connections that stay open. */
async function besideRestate(folder: string, rounds: number): Promise<readonly Figure[]> {
  const servers: Server[] = [];
  const started = async (server: Promise<Server>): Promise<Server> => {
    servers.push(await server);
    return server;
  };
  const [data, restateData] = [join(folder, "peers-stepwell"), join(folder, "peers-restate")];
  for (const place of [data, restateData]) mkdirSync(place, { recursive: true });
  try {
    const stepwell = await started(startServer("stepwell", data));
    const machines = await prepare(stepwell.port);
    const restate = await started(startProgram("./peers/restate.mjs", [restateData]));
    let round = 0;
    const load = async (server: Server, kind: "run" | "invoke", machineArn: string, count: number): Promise<number> => {
      const spec = {
        key: KEY,
        service: "states",
        bucket: PLAIN,
        connections: CLIENTS,
        prefix: `r${round++}-`,
      } as const;
      const { perSecond, failed } = await runLoad({ ...spec, port: server.port, kind, machineArn, count });
      if (failed > 0) throw new Error(`${failed} of ${count} workflows failed`);
      return perSecond;
    };
    const peerName = `Restate ${versionOf("@restatedev/restate-server")}, over the wire too`;
    return await compare("embedded store, over the wire", peerName, rounds, {
      states: () => load(stepwell, "run", machines.states, COUNT.states),
      tasks: () => load(stepwell, "run", machines.tasks, COUNT.tasks),
      peer: () => load(restate, "invoke", "", COUNT.restate),
    });
  } finally {
    await Promise.all(servers.map(stopServer));
  }
}

/** Interleaved rounds of the three; the first one warms up. */
async function compare(
  where: string,
  peerName: string,
  rounds: number,
  runs: Readonly<Record<"states" | "tasks" | "peer", () => Promise<number>>>,
): Promise<readonly Figure[]> {
  const rates = { states: [] as number[], tasks: [] as number[], peer: [] as number[] };
  for (let round = 0; round <= rounds; round++) {
    for (const name of ["states", "tasks", "peer"] as const) {
      const reached = await runs[name]();
      if (round > 0) rates[name].push(reached);
    }
  }
  return (["states", "tasks"] as const).map((name) => ({
    name: `Five ${name}, ${CLIENTS} clients, ${where}`,
    value: median(rates[name]),
    unit: "/s",
    limit: median(rates.peer),
    limitName: peerName,
    ratio: median(rates[name].map((reached, i) => reached / (rates.peer[i] ?? 1))),
  }));
}

/** A chain of five states that compute, and one of five tasks that each call a service. */
async function prepare(port: number): Promise<Machines> {
  const clients = clientsFor(`http://127.0.0.1:${port}`, KEY, "us-east-1");
  await createBucket(clients, { bucket: PLAIN, account: "123456789012", region: "us-east-1", edition: "2018" });
  const roleArn = await createServiceRole(clients.iam, "bench-five", "states.amazonaws.com");
  const Statement = [{ Effect: "Allow", Action: "s3:ListBucket", Resource: `arn:aws:s3:::${PLAIN}` }];
  const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement });
  await clients.iam.send(new PutRolePolicyCommand({ RoleName: "bench-five", PolicyName: "look", PolicyDocument }));
  const make = async (name: string, state: (step: number) => object): Promise<string> => {
    const definition = fiveStates(state);
    const { stateMachineArn } = await clients.states.send(new CreateStateMachineCommand({ name, definition, roleArn }));
    return stateMachineArn ?? "";
  };
  const machines = {
    states: await make("FiveStates", (step) => ({ Type: "Pass", Result: step, ResultPath: `$.step${step}` })),
    tasks: await make("FiveTasks", (step) => ({
      Type: "Task",
      Resource: "arn:aws:states:::aws-sdk:s3:headBucket",
      Parameters: { Bucket: PLAIN },
      ResultPath: `$.step${step}`,
    })),
  };
  for (const client of Object.values(clients)) client.destroy();
  return machines;
}
