/**
 * A Stepwell that the bench measures, in a process of its own: over the wire, or by its inside door when told to start
 * executions. Its state is in a folder, or in the PostgreSQL that is named beside it.
 */
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
  /** Asks for each execution until it has SUCCEEDED before the next is started. */
  readonly untilEnd?: boolean;
};
const [data = "", database = "", blobs = ""] = process.argv.slice(2);
const ROOT: Principal = {
  kind: "root",
  account: "123456789012",
  arn: "arn:aws:iam::123456789012:root",
  id: "123456789012",
  accessKeyId: KEY.accessKeyId,
};
const node = await openNode({
  data,
  ...(database !== "" && { database, blobs: new FileBlobs(blobs) }),
  account: "123456789012",
  region: "us-east-1",
  auth: "on",
  clock: systemClock,
  log: (level, message, facts) => void (level === "info" || console.error(level, message, facts)),
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
async function start({ stateMachineArn, input, count, atOnce, untilEnd = false }: StartSpec): Promise<number> {
  let left = count;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (left-- > 0) {
        const { executionArn } = await call<{ executionArn: string }>("StartExecution", { stateMachineArn, input });
        if (untilEnd) await untilSucceeded(executionArn);
      }
    }),
  );
  return performance.now() - started;
}

async function untilSucceeded(executionArn: string): Promise<void> {
  for (;;) {
    const { status } = await call<{ status: string }>("DescribeExecution", { executionArn });
    if (status === "SUCCEEDED") return;
    if (status !== "RUNNING") throw new Error(`an execution ended ${status}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function call<Output>(operation: string, input: unknown): Promise<Output> {
  return node.call<Output>({
    service: "states",
    operation,
    input,
    as: { kind: "principal", principal: ROOT },
    trace: systemClock.uuid(),
    region: "us-east-1",
  });
}
