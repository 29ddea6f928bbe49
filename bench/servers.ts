/** The servers that the bench measures, each in a process of its own: Stepwell, and the limits beside it. */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { systemClock } from "../src/clock/system.ts";

const [kind = "", data = ""] = process.argv.slice(2);

if (kind === "stepwell") {
  const { openNode } = await import("../src/node.ts");
  const log = (level: string, message: string, facts?: unknown): void =>
    void (level === "info" || console.error(level, message, facts));
  const node = await openNode({
    data,
    account: "123456789012",
    region: "us-east-1",
    auth: "on",
    clock: systemClock,
    log,
    trailFlushMs: 60_000,
    key: { accessKeyId: "AKIABENCHBENCHBENCH0", secretAccessKey: "bench-secret-bench-secret-bench-secret-00" },
  });
  const { port } = await node.listen("127.0.0.1", 0);
  process.send?.({ port });
  process.on("disconnect", () => void node.close().then(() => process.exit(0)));
} else {
  // `discard`: reads the body and throws it away. `file`: writes it to a file and syncs, and serves it again.
  const path = join(data, "plain");
  const server = createServer((request, response) => {
    const answer = (): void => {
      response.writeHead(200, { "content-length": "0" });
      response.end();
    };
    if (kind === "file" && request.method === "GET") {
      response.writeHead(200, { "content-length": String(64 * 1024 * 1024) });
      createReadStream(path, { highWaterMark: 256 * 1024 }).pipe(response);
    } else if (kind === "file") {
      const write = async (): Promise<void> => {
        const file = await open(path, "w");
        for await (const chunk of request) await file.write(chunk as Uint8Array);
        await file.datasync();
        await file.close();
      };
      write().then(
        () => answer(),
        (error: Error) => response.destroy(error),
      );
    } else {
      request.resume();
      request.on("end", answer);
    }
  });
  server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));
  process.on("disconnect", () => process.exit(0));
}
process.on("message", (message) => {
  if (message === "usage") process.send?.({ rss: process.memoryUsage().rss, cpu: process.cpuUsage() });
});
