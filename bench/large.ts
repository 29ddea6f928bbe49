/** PUT and GET of 64 MiB, beside a node:http server that writes the body to a plain file and syncs it. */
import { mkdirSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { systemClock } from "../src/clock/system.ts";
import { sign } from "../src/gate/sign.ts";
import type { Bench } from "./bench.ts";
import { median, startServer, stopServer } from "./processes.ts";
import { KEY, PLAIN, startTutorial } from "./setting.ts";

const SIZE = 64 * 1024 * 1024;
const BODY = Buffer.alloc(SIZE, "sixty-four mebibytes of a stepwell ");

export const benchLarge: Bench = async ({ rounds, folder }) => {
  const own = join(folder, "large");
  const plainFolder = join(folder, "plain-file");
  mkdirSync(plainFolder, { recursive: true });
  const plain = await startServer("file", plainFolder);
  const stepwell = await startTutorial(own);
  const times = { put: [] as number[], plainPut: [] as number[], get: [] as number[], plainGet: [] as number[] };
  for (let round = 0; round <= rounds; round++) {
    const plainPut = await timed(plain.port, "PUT", "/plain");
    const put = await timed(stepwell.port, "PUT", `/${PLAIN}/large-${round % 2}`);
    const plainGet = await timed(plain.port, "GET", "/plain");
    const get = await timed(stepwell.port, "GET", `/${PLAIN}/large-${round % 2}`);
    if (round === 0) continue;
    times.put.push(put);
    times.plainPut.push(plainPut);
    times.get.push(get);
    times.plainGet.push(plainGet);
  }
  for (const client of Object.values(stepwell.clients)) client.destroy();
  await stopServer(stepwell);
  await stopServer(plain);
  const rate = (seconds: readonly number[]): number => SIZE / 1e6 / median(seconds);
  const limitName = "node:http with a plain file";
  return [
    {
      name: "PUT 64 MiB",
      value: rate(times.put),
      unit: "MB/s",
      limit: rate(times.plainPut),
      limitName: `${limitName}, written and synced`,
      ratio: median(times.plainPut.map((limit, i) => limit / (times.put[i] ?? 1))),
    },
    {
      name: "GET 64 MiB",
      value: rate(times.get),
      unit: "MB/s",
      limit: rate(times.plainGet),
      limitName,
      ratio: median(times.plainGet.map((limit, i) => limit / (times.get[i] ?? 1))),
    },
  ];
};

/** Seconds for one request and its whole answer. The body is signed as UNSIGNED-PAYLOAD, so that the client's hashing is not measured. */
function timed(port: number, method: "PUT" | "GET", path: string): Promise<number> {
  const url = new URL(path, `http://127.0.0.1:${port}`);
  const unsigned = { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" };
  const signed = sign({
    method,
    url,
    headers: unsigned,
    body: "",
    key: KEY,
    region: "us-east-1",
    service: "s3",
    at: systemClock.now(),
  });
  const headers = { ...unsigned, ...signed, ...(method === "PUT" ? { "content-length": String(SIZE) } : {}) };
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: "127.0.0.1", method, path, headers }, (response) => {
      let received = 0;
      response.on("data", (chunk: Buffer) => (received += chunk.length));
      response.on("end", () => {
        if (response.statusCode !== 200 || (method === "GET" && received !== SIZE))
          reject(new Error(`${method} ${path} answered ${response.statusCode} with ${received} bytes`));
        else resolve((performance.now() - started) / 1000);
      });
    });
    sent.on("error", reject);
    sent.end(method === "PUT" ? BODY : undefined);
  });
}
