/** Ten thousand connections that say nothing. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ListBucketsCommand } from "@aws-sdk/client-s3";
import { startServer } from "../support/server.ts";

const CONNECTIONS = 10_000;
const files = Number(execFileSync("sh", ["-c", "ulimit -n"]).toString().replace("unlimited", "1000000"));

test(
  "10,000 idle connections cost bounded memory and delay nobody",
  { skip: files < CONNECTIONS + 200 ? `only ${files} files may be open (ulimit -n)` : false },
  async (context) => {
    const data = mkdtempSync(join(tmpdir(), "stepwell-idle-"));
    const server = await startServer(data);
    const sockets: Socket[] = [];
    const residentMb = (): number =>
      Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.child.pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
    try {
      await server.clients.s3.send(new ListBucketsCommand({}));
      const before = residentMb();
      const port = Number(new URL(server.endpoint).port);
      for (let opened = 0; opened < CONNECTIONS; opened += 500) {
        await Promise.all(
          Array.from(
            { length: 500 },
            () =>
              new Promise<void>((resolve) => {
                const socket = connect(port, "127.0.0.1", resolve);
                // The server may refuse some beyond its limit; that is its right.
                socket.on("error", () => resolve());
                sockets.push(socket);
              }),
          ),
        );
      }
      await server.clients.s3.send(new ListBucketsCommand({}));
      const grown = residentMb() - before;
      context.diagnostic(`${Math.round(grown)} MiB for ${CONNECTIONS} idle connections`);
      assert.ok(grown < 300, `${Math.round(grown)} MiB for ${CONNECTIONS} idle connections`);
    } finally {
      for (const socket of sockets) socket.destroy();
      await server.stop("SIGTERM");
      rmSync(data, { recursive: true, force: true });
    }
  },
);
