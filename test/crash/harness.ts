/**
 * Kills Stepwell with SIGKILL at seeded random moments while uploads run, then counts: every acknowledged upload is
 * readable with the right bytes and has exactly one execution; no execution is stuck, doubled, or has a gap in its history.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import {
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  type ExecutionListItem,
} from "@aws-sdk/client-sfn";
import { createBucket, createMachine, createRule, createTrail } from "../../scripts/tutorial/steps.ts";
import { startServer } from "../support/server.ts";
import { eventually, type Clients } from "../support/stepwell.ts";

const BUCKET = "crash-watched";
const UPLOADERS = 8;

/** Steps through a timer and a task, so that a kill also falls between a row that is to happen and its happening. */
const MACHINE = JSON.stringify({
  StartAt: "Note",
  States: {
    Note: { Type: "Pass", Next: "Rest" },
    Rest: { Type: "Wait", Seconds: 1, Next: "Look" },
    Look: {
      Type: "Task",
      Resource: "arn:aws:states:::aws-sdk:s3:headObject",
      Parameters: { Bucket: BUCKET, "Key.$": "$.detail.requestParameters.key" },
      ResultPath: "$.head",
      End: true,
    },
  },
});

export type CrashResult = {
  readonly kills: number;
  readonly acknowledged: number;
  readonly executions: number;
  readonly faults: readonly string[];
};

export async function crash(options: {
  readonly kills: number;
  readonly seed: number;
  readonly log: (line: string) => void;
}): Promise<CrashResult> {
  const data = mkdtempSync(join(tmpdir(), "stepwell-crash-"));
  const random = seeded(options.seed);
  const acknowledged = new Map<string, string>();
  try {
    let server = await startServer(data);
    const machineArn = await setUp(server.clients);
    for (let kill = 1; kill <= options.kills; kill++) {
      const uploads = uploadUntilDown(server.clients, kill, acknowledged);
      await new Promise((resolve) => setTimeout(resolve, 20 + random() * 400));
      await Promise.all([server.stop("SIGKILL"), uploads]);
      server = await startServer(data);
      if (kill % 20 === 0) options.log(`${kill} kills, ${acknowledged.size} uploads acknowledged`);
    }
    const result = await count(server.clients, machineArn, acknowledged);
    await server.stop("SIGTERM");
    return { kills: options.kills, acknowledged: acknowledged.size, ...result };
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

async function setUp(clients: Clients): Promise<string> {
  const setting = { bucket: BUCKET, account: "123456789012", region: "us-east-1", edition: "2018" } as const;
  await createBucket(clients, setting);
  await createTrail(clients, setting);
  const machineArn = await createMachine(clients, MACHINE);
  const policy = {
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: "s3:GetObject", Resource: `arn:aws:s3:::${BUCKET}/*` }],
  };
  await clients.iam.send(
    new PutRolePolicyCommand({
      RoleName: "StepFunctions-Helloworld-role",
      PolicyName: "look",
      PolicyDocument: JSON.stringify(policy),
    }),
  );
  await createRule(clients, setting, machineArn);
  return machineArn;
}

/** Uploads until the server is gone; what was answered 200 is noted, whatever became of the rest. */
async function uploadUntilDown(clients: Clients, kill: number, acknowledged: Map<string, string>): Promise<void> {
  await Promise.all(
    Array.from({ length: UPLOADERS }, async (_, uploader) => {
      for (let n = 0; ; n++) {
        const key = `k${kill}-${uploader}-${n}`;
        // Some larger than what lives in the commit.
        const body = Buffer.alloc(n % 7 === 0 ? 100_000 : 1000, key);
        try {
          await clients.s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: body }));
        } catch {
          return;
        }
        acknowledged.set(key, createHash("sha256").update(body).digest("hex"));
      }
    }),
  );
}

async function count(
  clients: Clients,
  machineArn: string,
  acknowledged: ReadonlyMap<string, string>,
): Promise<{ executions: number; faults: string[] }> {
  const faults: string[] = [];
  await eventually(
    async () => ((await list(clients, machineArn, "RUNNING")).length === 0 ? true : undefined),
    60_000,
  ).catch(() => faults.push("executions are stuck in RUNNING"));
  const executions = await list(clients, machineArn);
  const starts = new Map<string, number>();
  for (const { executionArn, status } of executions) {
    if (status !== "SUCCEEDED") faults.push(`${executionArn} is ${status}`);
    const { input } = await clients.states.send(new DescribeExecutionCommand({ executionArn }));
    const key = (JSON.parse(input ?? "null") as { detail: { requestParameters: { key: string } } }).detail
      .requestParameters.key;
    starts.set(key, (starts.get(key) ?? 0) + 1);
    const { events = [] } = await clients.states.send(new GetExecutionHistoryCommand({ executionArn }));
    if (events.some(({ id }, index) => id !== index + 1) || events.at(-1)?.type !== "ExecutionSucceeded")
      faults.push(
        `${executionArn} has a gap in its history: ${events.map(({ id, type }) => `${id} ${type}`).join(", ")}`,
      );
  }
  for (const [key, times] of starts) if (times !== 1) faults.push(`${key} has ${times} executions`);
  for (const [key, sha256] of acknowledged) {
    if (!starts.has(key)) faults.push(`${key} was acknowledged and has no execution`);
    const bytes = await clients.s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: key })).then(
      async ({ Body }) => Body?.transformToByteArray(),
      () => undefined,
    );
    if (!bytes || createHash("sha256").update(bytes).digest("hex") !== sha256)
      faults.push(`${key} was acknowledged and ${bytes ? "has other bytes" : "is gone"}`);
  }
  return { executions: executions.length, faults };
}

async function list(clients: Clients, stateMachineArn: string, statusFilter?: "RUNNING"): Promise<ExecutionListItem[]> {
  const found: ExecutionListItem[] = [];
  let nextToken: string | undefined;
  do {
    const page = await clients.states.send(
      new ListExecutionsCommand({
        stateMachineArn,
        maxResults: 1000,
        ...(statusFilter ? { statusFilter } : {}),
        ...(nextToken === undefined ? {} : { nextToken }),
      }),
    );
    found.push(...(page.executions ?? []));
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return found;
}

/** mulberry32: the same seed kills at the same moments. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
