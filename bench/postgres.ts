/**
 * On PostgreSQL, which runs on the same cores and syncs every commit: Helloworld beside bare batched inserts of the
 * rows that it leaves, two nodes beside one, PUT to SUCCEEDED beside one commit, and how long a killed node is missed.
 */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { CreateStateMachineCommand } from "@aws-sdk/client-sfn";
import { PutRolePolicyCommand } from "@aws-sdk/client-iam";
import pg from "pg";
import { createBucket, createMachine, createRule, createServiceRole, createTrail } from "../scripts/tutorial/steps.ts";
import { startPostgres } from "../test/support/postgres.ts";
import { clientsFor } from "../test/support/stepwell.ts";
import { BareInserts, commitMs, counts } from "./bare-postgres.ts";
import type { Bench, Figure } from "./bench.ts";
import type { StartSpec } from "./node.ts";
import { median, rate, runLoad, startProgram, stopServer, type Server } from "./processes.ts";
import { KEY, WATCHED } from "./setting.ts";

const AT_ONCE = 64;
const COUNT = 3_000;
const PUTS = 200;
/** Rounds cost seconds here; more of them say no more. */
const ROUNDS = 3;
/** The tasks of an execution that keeps a node busy. */
const TASKS_EACH = 10;
const HELLO_INPUT = '{"who":"bench"}';

type Setting = {
  readonly client: pg.Client;
  readonly start: () => Promise<Server>;
  readonly hello: string;
  readonly busy: string;
};

export const benchPostgres: Bench = async ({ rounds: asked, folder }) => {
  const rounds = Math.min(asked, ROUNDS);
  const postgres = await startPostgres(["fsync=on"]);
  const client = new pg.Client({ connectionString: postgres.url, pipeline: true });
  await client.connect();
  let number = 0;
  const start = (): Promise<Server> =>
    startProgram("./node.ts", [join(folder, `node-${number++}`), postgres.url, join(folder, "blobs")]);
  const nodes: Server[] = [];
  try {
    const one = await start();
    nodes.push(one);
    const setting = { client, start, ...(await prepare(one.port)) };
    const figures = [...(await throughput(setting, one, rounds)), await latency(setting, one, rounds)];
    await stopServer(one);
    return [...figures, await failover(setting, rounds, 24), await failover(setting, rounds, 200)];
  } finally {
    for (const { child } of nodes) child.kill("SIGKILL");
    await client.end();
    postgres.stop();
  }
};

/** The tutorial's chain, and a machine that is busy with tasks for a while. */
async function prepare(port: number): Promise<Pick<Setting, "hello" | "busy">> {
  const clients = clientsFor(`http://127.0.0.1:${port}`, KEY, "us-east-1");
  const tutorial = { bucket: WATCHED, account: "123456789012", region: "us-east-1", edition: "2018" } as const;
  await createBucket(clients, tutorial);
  await createTrail(clients, tutorial);
  const hello = await createMachine(clients);
  await createRule(clients, tutorial, hello);
  const roleArn = await createServiceRole(clients.iam, "bench-busy", "states.amazonaws.com");
  const Statement = [{ Effect: "Allow", Action: "s3:ListBucket", Resource: `arn:aws:s3:::${WATCHED}` }];
  const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement });
  await clients.iam.send(new PutRolePolicyCommand({ RoleName: "bench-busy", PolicyName: "look", PolicyDocument }));
  const Look = {
    Type: "Task",
    Resource: "arn:aws:states:::aws-sdk:s3:headBucket",
    Parameters: { Bucket: WATCHED },
    End: true,
  };
  const Each = { Type: "Map", ItemProcessor: { StartAt: "Look", States: { Look } }, End: true };
  const definition = JSON.stringify({ StartAt: "Each", States: { Each } });
  const made = await clients.states.send(new CreateStateMachineCommand({ name: "Busy", definition, roleArn }));
  for (const one of Object.values(clients)) one.destroy();
  return { hello, busy: made.stateMachineArn ?? "" };
}

async function throughput({ client, start, hello }: Setting, one: Server, rounds: number): Promise<readonly Figure[]> {
  const spec = { stateMachineArn: hello, input: HELLO_INPUT, atOnce: AT_ONCE, count: COUNT };
  const before = await counts(client);
  await rate([one], spec);
  const bare = await BareInserts.of(client, before, COUNT);
  const two = await start();
  const figures = { bare: [], wide: [], one: [], double: [], two: [] } as Record<string, number[]>;
  for (let round = 0; round <= rounds; round++) {
    const measured = {
      bare: await bare.run(AT_ONCE),
      wide: await bare.run(2 * AT_ONCE),
      one: await rate([one], spec),
      double: await rate([one], { ...spec, atOnce: 2 * AT_ONCE }),
      two: await rate([one, two], spec),
    };
    // The first round warms up.
    if (round > 0) for (const [name, value] of Object.entries(measured)) figures[name]?.push(value);
  }
  await stopServer(two);
  const of = (name: string): readonly number[] => figures[name] ?? [];
  const ratio = (upper: string, lower: string): number =>
    median(of(upper).map((value, i) => value / (of(lower)[i] ?? 1)));
  return [
    {
      name: `PostgreSQL: Helloworld in the process, ${AT_ONCE} at once`,
      value: median(of("one")),
      unit: "/s",
      limit: median(of("bare")),
      limitName: `bare inserts of the same rows by ${AT_ONCE}`,
      ratio: ratio("one", "bare"),
      note: `rows of ${bare.tables}; bare by ${2 * AT_ONCE} ${Math.round(median(of("wide")))}/s`,
    },
    {
      name: `PostgreSQL: the same by two nodes, ${AT_ONCE} at once each`,
      value: median(of("two")),
      unit: "/s",
      limit: median(of("double")),
      limitName: `one node, ${2 * AT_ONCE} at once`,
      ratio: ratio("two", "double"),
    },
  ];
}

/** An upload's answer says that its execution is through, if every one is found SUCCEEDED when the last is answered. */
async function latency({ client, hello }: Setting, one: Server, rounds: number): Promise<Figure> {
  const load = { key: KEY, machineArn: hello, kind: "put", service: "s3", bucket: WATCHED, connections: 1 } as const;
  const ours: number[] = [];
  const theirs: number[] = [];
  let behind = 0;
  for (let round = 0; round <= rounds; round++) {
    const bareMs = await commitMs(client, PUTS);
    const before = await succeeded(client);
    const { p50Ms, failed } = await runLoad({ ...load, port: one.port, count: PUTS, prefix: `r${round}-` });
    if (failed > 0) throw new Error(`${failed} of ${PUTS} uploads failed`);
    behind = Math.max(behind, PUTS - ((await succeeded(client)) - before));
    if (round === 0) continue;
    ours.push(p50Ms);
    theirs.push(bareMs);
  }
  return {
    name: "PostgreSQL: PUT to SUCCEEDED, 1 connection, p50",
    value: median(ours),
    unit: "ms",
    limit: median(theirs),
    limitName: "one durable commit of 1 KiB",
    ratio: median(theirs.map((ms, i) => ms / (ours[i] ?? 1))),
    note: `${behind} not SUCCEEDED when the last was answered`,
  };
}

async function succeeded(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ count: string }>(
    "select count(*) as count from states_execution where status = 'SUCCEEDED'",
  );
  return Number(rows[0]?.count);
}

/**
 * From the kill of the node that is busy until another one has taken up, or finished, every piece of work that it held.
 * Few executions leave the heir no queue of its own to work off first; many leave it one that stands behind those pieces.
 */
async function failover({ client, start, busy }: Setting, rounds: number, executions: number): Promise<Figure> {
  const queued = executions * TASKS_EACH;
  const times: number[] = [];
  const held: number[] = [];
  const ends: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const victim = await start();
    const { rows } = await client.query<{ number: string }>("select number from relay_node");
    if (rows.length !== 1) throw new Error(`${rows.length} nodes, not one`);
    const number = rows[0]?.number ?? "";
    const heir = await start();
    try {
      const input = JSON.stringify(Array.from({ length: TASKS_EACH }, (_, i) => i));
      const spec: StartSpec = { stateMachineArn: busy, input, count: executions, atOnce: executions };
      victim.child.send(spec);
      const busyEnough = async (): Promise<boolean> =>
        (await heldBy(client, number)).length >= 8 && (await waiting(client)) >= queued / 2;
      for (let tries = 0; !(await busyEnough()); tries++) {
        if (tries === 2_000) throw new Error("the node does not become busy");
        await pause(5);
      }
      victim.child.kill("SIGKILL");
      const killedAt = performance.now();
      // What it had sent before it died is committed by now.
      await pause(20);
      const ids = await heldBy(client, number);
      if (ids.length === 0) throw new Error("the node held nothing when it was killed");
      while (await anyLeft(client, ids, number)) {
        if (performance.now() - killedAt > 20_000) throw new Error("its work is still not taken up");
        await pause(10);
      }
      times.push(performance.now() - killedAt);
      held.push(ids.length);
      await untilQuiet(client);
      ends.push(performance.now() - killedAt);
    } finally {
      victim.child.kill("SIGKILL");
      await stopServer(heir);
    }
  }
  return {
    name: `PostgreSQL: kill -9 of the busy node, its work resumed, ${queued} tasks begun`,
    value: median(times),
    unit: "ms",
    note: `${median(held)} pieces held; the longest ${Math.round(Math.max(...times))} ms; every execution SUCCEEDED after ${Math.round(median(ends))} ms`,
  };
}

async function heldBy(client: pg.Client, number: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ id: string }>("select id from work where leased = $1", [number]);
  return rows.map(({ id }) => id);
}

async function waiting(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ count: string }>(
    "select count(*) as count from work where kind = 'states.task'",
  );
  return Number(rows[0]?.count);
}

/** Whether a piece still has the dead node's lease, or lies about with none. */
async function anyLeft(client: pg.Client, ids: readonly string[], number: string): Promise<boolean> {
  const { rows } = await client.query("select 1 from work where id = any($1) and leased in (0, $2) limit 1", [
    ids,
    number,
  ]);
  return rows.length > 0;
}

async function untilQuiet(client: pg.Client): Promise<void> {
  const started = performance.now();
  const count = async (status: string): Promise<number> => {
    const { rows } = await client.query("select 1 from states_execution where status = $1", [status]);
    return rows.length;
  };
  while ((await count("RUNNING")) > 0) {
    if (performance.now() - started > 30_000) throw new Error("executions still run");
    await pause(50);
  }
  if ((await count("FAILED")) > 0) throw new Error("executions failed");
}
