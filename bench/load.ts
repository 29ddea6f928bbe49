/**
 * The load: a process of its own that sends ready-made, signed requests over raw sockets, one at a time on each
 * connection, and answers rate and latencies. Signing happens before the clock starts.
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
export type LoadSpec = {
  readonly port: number;
  readonly connections: number;
  readonly count: number;
  readonly service: string;
  readonly key: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** `put` = 1 KiB objects `bench/…`, `start` = StartExecution of `machineArn`. */
  readonly kind: "put" | "start";
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
  return {
    method: "POST",
    path: "/",
    headers: { "content-type": "application/x-amz-json-1.0", "x-amz-target": "AWSStepFunctions.StartExecution" },
    body: JSON.stringify({ stateMachineArn: spec.machineArn, input: INPUT }),
  };
}
const KIBIBYTE = Buffer.alloc(1024, "stepwell ");
const INPUT = JSON.stringify({ detail: { requestParameters: { bucketName: "bench", key: "test.png" } } });

function request(spec: LoadSpec, index: number): Buffer {
  const { method, path, headers = {}, body } = shot(spec, index);
  const url = new URL(path, `http://127.0.0.1:${spec.port}`);
  const signed = sign({
    method,
    url,
    headers,
    body,
    key: spec.key,
    region: "us-east-1",
    service: spec.service,
    at: systemClock.now(),
  });
  const lines = Object.entries({
    ...headers,
    ...signed,
    host: url.host,
    "content-length": String(Buffer.byteLength(body)),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`), Buffer.from(body)]);
}

async function run(spec: LoadSpec): Promise<LoadResult> {
  const requests = Array.from({ length: spec.count }, (_, index) => request(spec, index));
  const latencies: number[] = [];
  let next = 0;
  let failed = 0;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: spec.connections }, () =>
      shoot(
        spec.port,
        () => requests[next++],
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
function shoot(port: number, take: () => Buffer | undefined, done: (ms: number, ok: boolean) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.setNoDelay(true);
    let sentAt = 0;
    let pending: Buffer = Buffer.alloc(0);
    const send = (): void => {
      const bytes = take();
      if (!bytes) {
        socket.destroy();
        resolve();
        return;
      }
      sentAt = performance.now();
      socket.write(bytes);
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
      pending = Buffer.alloc(0);
      done(performance.now() - sentAt, head.startsWith("HTTP/1.1 200"));
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
