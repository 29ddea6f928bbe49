/** A trail room on a real store and relay, with a storage bucket that the test watches in place of S3. */
import { gunzipSync } from "node:zlib";
import { systemClock } from "../../src/clock/system.ts";
import type { Call, CallFacts, FinishedCall, InsideDoor, Parts, Principal, Routed, Source } from "../../src/flow.ts";
import { RelayEngine } from "../../src/relay/engine.ts";
import { DONE } from "../../src/relay/relay.ts";
import { tell } from "../../src/relay/story.ts";
import type { Transaction } from "../../src/store/store.ts";
import { createRecorder, trailRoom } from "../../src/trail/room.ts";
import { fault, type AwsFault } from "../../src/wire/fault.ts";
import { openStore } from "../support/open-store.ts";
import { theStore } from "../support/the-store.ts";

export const ACCOUNT = "123456789012";
export const REGION = "us-east-1";
export const ADA: Principal = {
  kind: "user",
  account: ACCOUNT,
  arn: `arn:aws:iam::${ACCOUNT}:user/ada`,
  id: "AIDAEXAMPLEUSERID0001",
  name: "ada",
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
};
export const SOURCE: Source = {
  ip: "203.0.113.7",
  userAgent: "aws-cli/2.31.0",
  host: "127.0.0.1:4566",
  secure: false,
  signature: "AuthHeader",
  bytesIn: 0,
};

/** A finished PutObject by ada, or whatever the changes make of it. */
export function finished(changes: Partial<FinishedCall> = {}): FinishedCall {
  const input = (changes.input ?? { Bucket: "b", Key: "k" }) as { readonly Bucket?: string; readonly Key?: string };
  return {
    requestId: "C3D13FE58DE4C810",
    trace: "trace-1",
    service: "s3",
    eventSource: "s3.amazonaws.com",
    operation: "PutObject",
    readOnly: false,
    account: ACCOUNT,
    region: REGION,
    principal: ADA,
    source: SOURCE,
    at: Date.UTC(2026, 4, 4, 9, 12, 31, 250),
    input,
    output: {},
    resources: [
      { type: "AWS::S3::Object", arn: `arn:aws:s3:::${input.Bucket}/${input.Key}` },
      { type: "AWS::S3::Bucket", arn: `arn:aws:s3:::${input.Bucket}`, account: ACCOUNT },
    ],
    ...changes,
  };
}

/** A finished management call. */
export function managed(operation: string, changes: Partial<FinishedCall> = {}): FinishedCall {
  return finished({
    service: "states",
    eventSource: "states.amazonaws.com",
    operation,
    readOnly: /^(?:Get|List|Describe)/.test(operation),
    input: {},
    resources: [],
    ...changes,
  });
}

export type Put = {
  readonly bucket: string;
  readonly key: string;
  readonly records: readonly Record<string, unknown>[];
  readonly as: unknown;
  readonly input: Record<string, unknown>;
};

export async function openTrail(options: { readonly flushMs?: number; readonly now?: () => number } = {}) {
  const opened = await openStore(theStore);
  const { store } = opened;
  const logged: string[] = [];
  const log: Parts["log"] = (_, message) => void logged.push(message);
  const clock = { ...systemClock, now: options.now ?? (() => systemClock.now()) };
  const relay = new RelayEngine(store, clock, log);
  const events: Routed[] = [];
  relay.pure("event", async (_, work) => {
    events.push(work.body as Routed);
    return DONE;
  });
  const puts: Put[] = [];
  /** What the storage bucket's S3 answers instead, by operation. */
  const refusals = new Map<string, AwsFault>();
  const call = (async (request) => {
    const refusal = refusals.get(request.operation);
    if (refusal) throw refusal;
    const input = request.input as Record<string, unknown>;
    if (request.operation === "PutObject") {
      const body = input["Body"] as Buffer;
      const records =
        body.length === 0
          ? []
          : (JSON.parse(gunzipSync(body).toString()) as { Records: Record<string, unknown>[] }).Records;
      puts.push({ bucket: String(input["Bucket"]), key: String(input["Key"]), records, as: request.as, input });
    }
    return {};
  }) as InsideDoor;
  const blobs = { write: refused, read: refused, remove: refused, older: refused } as unknown as Parts["blobs"];
  const parts: Parts = { store, relay, blobs, clock, tell, call, account: ACCOUNT, region: REGION, log };
  const room = trailRoom(parts, { flushMs: options.flushMs ?? 60_000 });
  const recorder = createRecorder(parts);
  await room.start?.();
  await relay.start(true);
  const service = room.services[0];
  if (!service) throw new Error("the room has no service");

  /** Calls an operation as the gate would. */
  async function invoke(
    operation: string,
    input: object = {},
    facts: Partial<CallFacts> = {},
  ): Promise<Record<string, unknown>> {
    const handler = service?.handlers[operation];
    if (!handler) throw new Error(`no handler of ${operation}`);
    const { input: _, output: __, resources: ___, ...base } = managed(operation, { service: "cloudtrail", ...facts });
    const made: Call = {
      ...base,
      read: (work) => store.read(work),
      commit: (work) => relay.transact(work),
      authorize: async () => undefined,
      passRole: async () => undefined,
      call,
    };
    return (await handler(input as never, made)) as Record<string, unknown>;
  }
  return {
    parts,
    store,
    relay,
    service,
    recorder,
    events,
    puts,
    refusals,
    logged,
    invoke,
    /** Hands finished calls to the recorder in one transaction, and waits for those that were too many to ride in it. */
    finish: async (...calls: readonly FinishedCall[]): Promise<void> => {
      await relay.transact(async (transaction: Transaction) => {
        for (const body of calls)
          await relay.append(transaction, { kind: "call", key: body.requestId, trace: body.trace, body });
      });
      while (
        await store.read((reader) => reader.get("select 1 as left from work where kind in ('call', 'event') limit 1"))
      )
        await new Promise((resolve) => setTimeout(resolve, 2));
    },
    close: async () => {
      await relay.stop(1000);
      await opened.close();
    },
  };
}
function refused(): never {
  throw fault("Refused", "the trail keeps no blobs");
}

/** A trail named `S3Event` on bucket `storage`, logging data events by these basic selectors. */
export async function watch(
  trail: Awaited<ReturnType<typeof openTrail>>,
  values: readonly string[],
  type = "WriteOnly",
  name = "S3Event",
) {
  await trail.invoke("CreateTrail", { Name: name, S3BucketName: "storage" });
  await trail.invoke("PutEventSelectors", {
    TrailName: name,
    EventSelectors: [
      {
        ReadWriteType: type,
        IncludeManagementEvents: false,
        DataResources: [{ Type: "AWS::S3::Object", Values: values }],
      },
    ],
  });
  await trail.invoke("StartLogging", { Name: name });
}
