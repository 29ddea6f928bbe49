/** Over the wire: 1 KiB PUT, StartExecution, StartSyncExecution, and PUT → SUCCEEDED, each beside a bare node:http server given the same requests. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ListExecutionsCommand } from "@aws-sdk/client-sfn";
import type { Bench, Figure } from "./bench.ts";
import type { LoadResult, LoadSpec } from "./load.ts";
import { median, runLoad, startServer, stopServer } from "./processes.ts";
import { KEY, PLAIN, startTutorial, WATCHED } from "./setting.ts";

const BARE = "bare node:http server, body discarded";

export const benchWire: Bench = async ({ rounds, folder }) => {
  mkdirSync(join(folder, "bare"), { recursive: true });
  const bare = await startServer("discard", join(folder, "bare"));
  const stepwell = await startTutorial(folder);
  const base = { key: KEY, machineArn: stepwell.machineArn };
  const sync = { ...base, machineArn: stepwell.expressArn, kind: "sync", service: "states", bucket: PLAIN } as const;
  const cases: readonly { name: string; spec: Omit<LoadSpec, "port" | "prefix"> }[] = [
    {
      name: "PUT 1 KiB, durable, 64 connections",
      spec: { ...base, kind: "put", service: "s3", bucket: PLAIN, connections: 64, count: 20_000 },
    },
    {
      name: "StartExecution Helloworld to SUCCEEDED, 64 connections",
      spec: { ...base, kind: "start", service: "states", bucket: PLAIN, connections: 64, count: 20_000 },
    },
    {
      name: "StartExecution of five states to SUCCEEDED, 64 connections",
      spec: {
        ...base,
        machineArn: stepwell.fiveArn,
        kind: "start",
        service: "states",
        bucket: PLAIN,
        connections: 64,
        count: 20_000,
      },
    },
    ...[64, 1].map((connections) => ({
      name: `StartSyncExecution of an Express machine, ${connections} connection${connections === 1 ? "" : "s"}`,
      spec: { ...sync, connections, count: connections === 1 ? 2_000 : 20_000 },
    })),
    {
      name: "PUT to SUCCEEDED, 64 connections",
      spec: { ...base, kind: "put", service: "s3", bucket: WATCHED, connections: 64, count: 10_000 },
    },
    {
      name: "PUT to SUCCEEDED, 32 connections",
      spec: { ...base, kind: "put", service: "s3", bucket: WATCHED, connections: 32, count: 8_000 },
    },
    {
      name: "PUT to SUCCEEDED, 1 connection",
      spec: { ...base, kind: "put", service: "s3", bucket: WATCHED, connections: 1, count: 1_000 },
    },
  ];
  const figures: Figure[] = [];
  let watched = 0;
  for (const { name, spec } of cases) {
    const ours: LoadResult[] = [];
    const theirs: LoadResult[] = [];
    for (let round = 0; round <= rounds; round++) {
      const prefix = `r${round}-${spec.connections}-`;
      const limit = await runLoad({ ...spec, port: bare.port, prefix });
      const result = await runLoad({ ...spec, port: stepwell.port, prefix });
      if (result.failed > 0) throw new Error(`${name}: ${result.failed} of ${spec.count} requests failed`);
      if (spec.bucket === WATCHED) watched += spec.count;
      // The first round warms both up.
      if (round > 0) {
        ours.push(result);
        theirs.push(limit);
      }
    }
    const value = median(ours.map((result) => result.perSecond));
    const limit = median(theirs.map((result) => result.perSecond));
    const note = `p50 ${median(ours.map((result) => result.p50Ms)).toFixed(2)} ms, p99 ${median(ours.map((result) => result.p99Ms)).toFixed(2)} ms`;
    figures.push({
      name,
      value,
      unit: "/s",
      limit,
      limitName: BARE,
      ratio: median(ours.map((result, i) => result.perSecond / (theirs[i]?.perSecond ?? 1))),
      note,
    });
  }
  let started = 0;
  for (const machineArn of [stepwell.machineArn, stepwell.fiveArn])
    started += await countSucceeded(stepwell.clients.states, machineArn);
  const made = watched + 2 * 20_000 * (rounds + 1);
  figures.push({
    name: "executions SUCCEEDED of uploads and starts made",
    value: started,
    unit: "",
    limit: made,
    limitName: "made",
    ratio: started / made,
  });
  for (const client of Object.values(stepwell.clients)) client.destroy();
  await stopServer(stepwell);
  await stopServer(bare);
  return figures;
};

async function countSucceeded(
  states: {
    send(
      command: ListExecutionsCommand,
    ): Promise<{ executions?: unknown[] | undefined; nextToken?: string | undefined }>;
  },
  stateMachineArn: string,
): Promise<number> {
  let count = 0;
  let nextToken: string | undefined;
  do {
    const page = await states.send(
      new ListExecutionsCommand({
        stateMachineArn,
        statusFilter: "SUCCEEDED",
        maxResults: 1000,
        ...(nextToken === undefined ? {} : { nextToken }),
      }),
    );
    count += page.executions?.length ?? 0;
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return count;
}
