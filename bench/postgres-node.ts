/** One of the nodes on a shared PostgreSQL that the bench measures: a process that starts executions by its inside door when told to. */
import { systemClock } from "../src/clock/system.ts";
import type { Principal } from "../src/flow.ts";
import { openNode } from "../src/node.ts";
import { FileBlobs } from "../src/store/files.ts";
import { KEY } from "./setting.ts";

export type StartSpec = {
  readonly stateMachineArn: string;
  readonly input: string;
  readonly count: number;
  readonly atOnce: number;
};
const [database = "", data = "", blobs = ""] = process.argv.slice(2);
const ROOT: Principal = {
  kind: "root",
  account: "123456789012",
  arn: "arn:aws:iam::123456789012:root",
  id: "123456789012",
  accessKeyId: KEY.accessKeyId,
};
const node = await openNode({
  data,
  database,
  blobs: new FileBlobs(blobs),
  account: "123456789012",
  region: "us-east-1",
  auth: "on",
  clock: systemClock,
  log: (level, message, facts) => void (level === "error" && console.error(level, message, facts)),
  trailFlushMs: 60_000,
  key: KEY,
});
const { port } = await node.listen("127.0.0.1", 0);
process.send?.({ port });
process.on("disconnect", () => void node.close().then(() => process.exit(0)));
process.on("message", (spec: StartSpec) => {
  start(spec).then(
    (ms) => process.send?.({ ms }),
    (error: Error) => process.send?.({ error: error.message }),
  );
});

/** Starts `count` executions, `atOnce` under way at any time, and answers how long it took. */
async function start({ stateMachineArn, input, count, atOnce }: StartSpec): Promise<number> {
  let left = count;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (left-- > 0)
        await node.call({
          service: "states",
          operation: "StartExecution",
          input: { stateMachineArn, input },
          as: { kind: "principal", principal: ROOT },
          trace: systemClock.uuid(),
          region: "us-east-1",
        });
    }),
  );
  return performance.now() - started;
}
