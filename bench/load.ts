/**
 * The load: a process of its own that sends ready-made requests, signed where they go to Stepwell, over raw sockets,
 * one at a time on each connection, and answers rate and latencies. Signing happens before the clock starts.
 */
import { connect } from "node:net";
import { systemClock } from "../src/clock/system.ts";
import { sign } from "../src/gate/sign.ts";

export type Shot = {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
};
/** A request, and the one that is repeated after it until the answer says that what it began has SUCCEEDED. */
type Job = { readonly first: Buffer; readonly until?: Buffer };
export type LoadSpec = {
  readonly port: number;
  readonly connections: number;
  readonly count: number;
  readonly service: string;
  readonly key: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /**
   * `put` = 1 KiB objects `bench/…`, `start` = StartExecution of `machineArn`, `sync` = StartSyncExecution, `run` = the same and DescribeExecution
   * until it has SUCCEEDED, `invoke` = a call of Restate's service that is answered at its end.
   */
  readonly kind: "put" | "start" | "sync" | "run" | "invoke";
  readonly bucket: string;
  readonly machineArn: string;
  readonly prefix: string;
};
export type LoadResult = {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
};

function shot(spec: LoadSpec, index: number): Shot {
  if (spec.kind === "put")
    return {
      method: "PUT",
      path: `/${spec.bucket}/${spec.prefix}${index}`,
      headers: { "content-type": "application/octet-stream" },
      body: KIBIBYTE,
    };
  if (spec.kind === "invoke") return { method: "POST", path: "/five/run", body: "" };
  const { machineArn: stateMachineArn } = spec;
  const named = spec.kind === "run" && { name: `${spec.prefix}${index}` };
  const operation = spec.kind === "sync" ? "StartSyncExecution" : "StartExecution";
  return states(operation, { stateMachineArn, input: INPUT, ...named });
}

function states(operation: string, input: unknown): Shot {
  const headers = { "content-type": "application/x-amz-json-1.0", "x-amz-target": `AWSStepFunctions.${operation}` };
  return { method: "POST", path: "/", headers, body: JSON.stringify(input) };
}
/** An execution that did not end well: a failure of the load. */
const ENDED = /"(?:FAILED|TIMED_OUT|ABORTED)"/;
const KIBIBYTE = Buffer.alloc(1024, "stepwell ");
const INPUT = JSON.stringify({ detail: { requestParameters: { bucketName: "bench", key: "test.png" } } });

function job(spec: LoadSpec, index: number): Job {
  const first = request(spec, shot(spec, index));
  if (spec.kind !== "run") return { first };
  const executionArn = `${spec.machineArn.replace(":stateMachine:", ":execution:")}:${spec.prefix}${index}`;
  return { first, until: request(spec, states("DescribeExecution", { executionArn })) };
}

function request(spec: LoadSpec, { method, path, headers = {}, body }: Shot): Buffer {
  const url = new URL(path, `http://127.0.0.1:${spec.port}`);
  const { key, service } = spec;
  const at = systemClock.now();
  const signed =
    spec.kind === "invoke" ? {} : sign({ method, url, headers, body, key, region: "us-east-1", service, at });
  const lines = Object.entries({
    ...headers,
    ...signed,
    host: url.host,
    "content-length": String(Buffer.byteLength(body)),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`), Buffer.from(body)]);
}

async function run(spec: LoadSpec): Promise<LoadResult> {
  const jobs = Array.from({ length: spec.count }, (_, index) => job(spec, index));
  const latencies: number[] = [];
  let next = 0;
  let failed = 0;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: spec.connections }, () =>
      shoot(
        spec.port,
        () => jobs[next++],
        (ms, ok) => {
          latencies.push(ms);
          if (!ok) failed++;
        },
      ),
    ),
  );
  const seconds = (performance.now() - started) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (part: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))] ?? 0;
  return { perSecond: latencies.length / seconds, p50Ms: at(0.5), p99Ms: at(0.99), failed };
}

/** One connection: sends, waits for the whole answer, sends the next. */
function shoot(port: number, take: () => Job | undefined, done: (ms: number, ok: boolean) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.setNoDelay(true);
    let sentAt = 0;
    let job: Job | undefined;
    let pending: Buffer = Buffer.alloc(0);
    const send = (): void => {
      job = take();
      if (!job) {
        socket.destroy();
        resolve();
        return;
      }
      sentAt = performance.now();
      socket.write(job.first);
    };
    socket.on("connect", send);
    socket.on("error", reject);
    socket.on("data", (chunk: Buffer) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      const end = pending.indexOf("\r\n\r\n");
      if (end < 0) return;
      const head = pending.toString("latin1", 0, end);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (pending.length < end + 4 + length) return;
      const ok = head.startsWith("HTTP/1.1 200");
      const body = pending.toString("latin1", end + 4);
      pending = Buffer.alloc(0);
      if (ok && job?.until && !body.includes('"SUCCEEDED"') && !ENDED.test(body)) {
        socket.write(job.until);
        return;
      }
      done(performance.now() - sentAt, ok && !ENDED.test(body));
      send();
    });
  });
}

process.on("message", (spec: LoadSpec) => {
  run(spec).then(
    (result) => process.send?.({ result }),
    (error: Error) => process.send?.({ error: error.message }),
  );
});
