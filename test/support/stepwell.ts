import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CloudTrailClient } from "@aws-sdk/client-cloudtrail";
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { IAMClient } from "@aws-sdk/client-iam";
import { S3Client } from "@aws-sdk/client-s3";
import { SFNClient } from "@aws-sdk/client-sfn";
import { STSClient } from "@aws-sdk/client-sts";
import { systemClock } from "../../src/clock/system.ts";
import type { Parts } from "../../src/flow.ts";
import { openNode, type StepwellNode } from "../../src/node.ts";
import type { Blobs } from "../../src/store/blobs.ts";
import { freshSchema } from "./postgres.ts";
import type { StoreKind } from "./stores.ts";
import { theStore } from "./the-store.ts";

export type Key = { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string };
export type Clients = ReturnType<typeof clientsFor>;
export type Stepwell = {
  readonly node: StepwellNode;
  readonly endpoint: string;
  readonly account: string;
  readonly region: string;
  readonly key: Key;
  /** Clients of the default account's administrator. */
  readonly as: Clients;
  /** Clients with another key or region. */
  client(key: Key, region?: string): Clients;
  /** Log lines at warn or above, for asserting that nothing went wrong unseen. */
  readonly logged: { level: string; message: string; facts: unknown }[];
  /** Stops the node and opens it again on the same data, at a new port. */
  reopen(): Promise<Stepwell>;
  /** Stops the node and removes its data. */
  close(): Promise<void>;
};
type Schema = Awaited<ReturnType<typeof freshSchema>>;
type Options = {
  readonly auth?: "on" | "off";
  readonly trailFlushMs?: number;
  readonly data?: string;
  readonly schema?: Schema;
  /** A PostgreSQL address that somebody else looks after. */
  readonly database?: string;
  readonly blobs?: Blobs;
  readonly allowMissingServices?: boolean;
};

/** A node in this process on a fresh data directory and a free port, and official clients aimed at it. */
export async function startStepwell(store: StoreKind = theStore, options: Options = {}): Promise<Stepwell> {
  const schema =
    options.schema ?? (store.name === "postgres" && options.database === undefined ? await freshSchema() : undefined);
  const data = options.data ?? mkdtempSync(join(tmpdir(), "stepwell-test-"));
  const account = "123456789012";
  const region = "us-east-1";
  const logged: Stepwell["logged"] = [];
  const log: Parts["log"] = (level, message, facts) =>
    void (level === "info" || logged.push({ level, message, facts }));
  const node = await openNode({
    data,
    database: options.database ?? schema?.url,
    account,
    region,
    auth: options.auth ?? "on",
    clock: systemClock,
    log,
    trailFlushMs: options.trailFlushMs ?? 60_000,
    ...(options.blobs ? { blobs: options.blobs } : {}),
    allowMissingServices: options.allowMissingServices === true,
  });
  const { port } = await node.listen("127.0.0.1", 0);
  const endpoint = `http://127.0.0.1:${port}`;
  const { accessKeyId, secretAccessKey } = node.key;
  const key: Key = { accessKeyId, secretAccessKey };
  const made: Clients[] = [];
  const client = (given: Key, inRegion = region): Clients => {
    const clients = clientsFor(endpoint, given, inRegion);
    made.push(clients);
    return clients;
  };
  const stop = async (): Promise<void> => {
    for (const clients of made) for (const one of Object.values(clients)) one.destroy();
    await node.close();
  };
  return {
    node,
    endpoint,
    account,
    region,
    key,
    client,
    logged,
    as: client(key),
    async reopen() {
      await stop();
      return startStepwell(store, { ...options, data, ...(schema === undefined ? {} : { schema }) });
    },
    async close() {
      await stop();
      await schema?.drop();
      rmSync(data, { recursive: true, force: true });
    },
  };
}

/** The official clients, aimed at one endpoint. */
export function clientsFor(endpoint: string, credentials: Key, region: string) {
  const config = { endpoint, region, credentials, maxAttempts: 1, disableHostPrefix: true };
  return {
    s3: new S3Client({ ...config, forcePathStyle: true }),
    trail: new CloudTrailClient(config),
    events: new EventBridgeClient(config),
    states: new SFNClient(config),
    iam: new IAMClient(config),
    sts: new STSClient(config),
  };
}

/** Asks again until `check` answers something, for what the relay does in its own time. Throws after `limitMs`. */
export async function eventually<T>(check: () => Promise<T | undefined>, limitMs = 10_000): Promise<T> {
  const started = Date.now();
  for (;;) {
    const value = await check();
    if (value !== undefined) return value;
    if (Date.now() - started > limitMs) throw new Error(`nothing came within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
