/**
 * A watched bucket whose uploads start executions, and the count after a run that killed and cut what it could: every
 * acknowledged upload is readable with the right bytes and has exactly one execution; no execution is stuck, doubled,
 * or has a gap in its history.
 */
import { createHash } from "node:crypto";
import { PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { GetObjectCommand, paginateListObjectsV2, PutObjectCommand } from "@aws-sdk/client-s3";
import {
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  StartExecutionCommand,
  type ExecutionListItem,
  type HistoryEvent,
} from "@aws-sdk/client-sfn";
import { createBucket, createMachine, createRule, createTrail } from "../../scripts/tutorial/steps.ts";
import { eventually, type Clients } from "./stepwell.ts";

const BUCKET = "watched";
const REST_MS = 1000;
const COUNTERS = 16;

/** Steps through a timer and a task, so that a kill also falls between a row that is to happen and its happening. */
const MACHINE = JSON.stringify({
  StartAt: "Note",
  States: {
    Note: { Type: "Pass", Next: "Rest" },
    Rest: { Type: "Wait", Seconds: REST_MS / 1000, Next: "Look" },
    Look: {
      Type: "Task",
      Resource: "arn:aws:states:::aws-sdk:s3:headObject",
      Parameters: { Bucket: BUCKET, "Key.$": "$.detail.requestParameters.key" },
      ResultPath: "$.head",
      End: true,
    },
  },
});
/** What such an execution does, once each: the types of its history in order. */
const HISTORY = [
  "ExecutionStarted",
  "PassStateEntered",
  "PassStateExited",
  "WaitStateEntered",
  "WaitStateExited",
  "TaskStateEntered",
  "TaskScheduled",
  "TaskStarted",
  "TaskSucceeded",
  "TaskStateExited",
  "ExecutionSucceeded",
].join(" ");

/** What was answered 200: the digests of the uploads by key, the names of the executions that were started directly. */
export type Acknowledged = { readonly uploads: Map<string, string>; readonly starts: Set<string> };
export type Count = { readonly settledMs: number; readonly executions: number; readonly faults: readonly string[] };

/** Makes the bucket, its trail, the machine and the rule between them; answers the machine's ARN. */
export async function setUp(clients: Clients): Promise<string> {
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

/** One upload under a key that is used once; notes it when it is acknowledged, throws when it is not in time. */
export async function upload(
  clients: Clients,
  { key, size }: { readonly key: string; readonly size: number },
  acknowledged: Acknowledged,
  abortSignal?: AbortSignal,
): Promise<void> {
  const body = Buffer.alloc(size, key);
  const command = new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: body });
  await clients.s3.send(command, abortSignal ? { abortSignal } : {});
  acknowledged.uploads.set(key, sha256(body));
}

/** Starts one execution by a name that is used once, about a key that was uploaded. */
export async function start(
  clients: Clients,
  stateMachineArn: string,
  { name, key }: { readonly name: string; readonly key: string },
  acknowledged: Acknowledged,
  abortSignal?: AbortSignal,
): Promise<void> {
  const input = JSON.stringify({ name, detail: { requestParameters: { key } } });
  const command = new StartExecutionCommand({ stateMachineArn, name, input });
  await clients.states.send(command, abortSignal ? { abortSignal } : {});
  acknowledged.starts.add(name);
}

/** Waits until nothing runs any more, then holds what is there against what was acknowledged. */
export async function count(
  clients: Clients,
  machineArn: string,
  acknowledged: Acknowledged,
  limitMs = 60_000,
): Promise<Count> {
  const faults: string[] = [];
  const started = performance.now();
  await eventually(
    async () => ((await list(clients, machineArn, "RUNNING")).length === 0 ? true : undefined),
    limitMs,
  ).catch((error: unknown) => faults.push(`executions are stuck in RUNNING: ${String(error)}`));
  const settledMs = Math.round(performance.now() - started);
  const executions = await list(clients, machineArn);
  /** By the key that was uploaded, or the name that was started. */
  const causes = new Map<string, number>();
  await each(executions, async (execution) => {
    const cause = await causeOf(clients, execution, faults);
    causes.set(cause, (causes.get(cause) ?? 0) + 1);
  });
  for (const [cause, times] of causes) if (times !== 1) faults.push(`${cause} has ${times} executions`);
  for (const name of acknowledged.starts)
    if (!causes.has(name)) faults.push(`${name} was started and there is no such execution`);
  for (const key of new Set([...acknowledged.uploads.keys(), ...(await keys(clients))]))
    if (!causes.has(key)) faults.push(`${key} was stored and has no execution`);
  await each([...acknowledged.uploads], async ([key, digest]) => {
    const bytes = await clients.s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: key })).then(
      async ({ Body }) => Body?.transformToByteArray(),
      () => undefined,
    );
    if (!bytes || sha256(bytes) !== digest)
      faults.push(`${key} was acknowledged and ${bytes ? "has other bytes" : "is gone"}`);
  });
  return { settledMs, executions: executions.length, faults };
}

/** What an execution was started for; notes what is wrong with it on the way. */
async function causeOf(
  clients: Clients,
  { executionArn, status }: ExecutionListItem,
  faults: string[],
): Promise<string> {
  const { input, cause } = await clients.states.send(new DescribeExecutionCommand({ executionArn }));
  const { name, detail } = JSON.parse(input ?? "null") as {
    readonly name?: string;
    readonly detail: { readonly errorCode?: string; readonly requestParameters: { readonly key: string } };
  };
  const { events = [] } = await clients.states.send(new GetExecutionHistoryCommand({ executionArn }));
  const refused = detail.errorCode !== undefined;
  const flaw = gapOf(events) ?? (refused ? undefined : flawOf(events));
  if (flaw !== undefined)
    faults.push(
      `${executionArn} (${status}) ${flaw}: ${events.map(({ id, type }) => `${id} ${type}`).join(", ")}; ${cause}; ${input}`,
    );
  // CloudTrail tells of a call that was refused too, by its errorCode; there is no such object then, which fails the task.
  return refused ? `refused ${executionArn}` : (name ?? detail.requestParameters.key);
}

function gapOf(events: readonly HistoryEvent[]): string | undefined {
  // As AWS chains them: the first state's entry names 0 as its predecessor, as the start does.
  const chained = events.every(
    ({ id, previousEventId }, index) => id === index + 1 && previousEventId === (index === 1 ? 0 : index),
  );
  const ended = /^Execution(Succeeded|Failed)$/.test(events.at(-1)?.type ?? "");
  return chained && ended ? undefined : "has a gap in its history";
}

/** What is wrong with the history of a call that was done: something twice or not at all, a timer that fired early. */
function flawOf(events: readonly HistoryEvent[]): string | undefined {
  if (events.map(({ type }) => type).join(" ") !== HISTORY) return "has not the history of its machine";
  const at = (wanted: string): number => events.find(({ type }) => type === wanted)?.timestamp?.getTime() ?? Number.NaN;
  const restedMs = at("WaitStateExited") - at("WaitStateEntered");
  return restedMs >= REST_MS ? undefined : `rested ${restedMs} ms instead of ${REST_MS}`;
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

/** Every key in the bucket, acknowledged or not. */
async function keys({ s3 }: Clients): Promise<string[]> {
  const found: string[] = [];
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket: BUCKET }))
    found.push(...Contents.map(({ Key }) => Key ?? ""));
  return found;
}

/** Works on several at a time. */
async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  await Promise.all(
    Array.from({ length: COUNTERS }, async () => {
      for (const item of left) await work(item);
    }),
  );
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
