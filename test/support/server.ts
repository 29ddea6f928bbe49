import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { clientsFor, eventually, type Clients, type Key } from "./stepwell.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
export const SERVER_KEY: Key = {
  accessKeyId: "AKIASERVERSERVERTEST",
  secretAccessKey: "server-secret-server-secret-server-00000",
};

/** `stepwell serve` in a process of its own, for what must be done to a process: kills, limits, full disks. */
export type Server = {
  readonly child: ChildProcess;
  readonly endpoint: string;
  readonly clients: Clients;
  /** Everything it wrote to stderr. */
  readonly log: () => string;
  /** Sends the signal and waits for the end. */
  stop(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
};

export async function startServer(data: string, flags: readonly string[] = []): Promise<Server> {
  const env = {
    ...process.env,
    STEPWELL_ACCESS_KEY_ID: SERVER_KEY.accessKeyId,
    STEPWELL_SECRET_ACCESS_KEY: SERVER_KEY.secretAccessKey,
  };
  const child = spawn(process.execPath, [MAIN, "serve", "--data", data, "--port", "0", ...flags], {
    stdio: ["ignore", "ignore", "pipe"],
    env,
  });
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => (log = (log + chunk.toString()).slice(-100_000)));
  const url = await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}: ${log}`);
    return existsSync(join(data, "endpoint")) ? readFileSync(join(data, "endpoint"), "utf8") || undefined : undefined;
  }, 30_000).catch((error: unknown) => {
    child.kill("SIGKILL");
    throw error;
  });
  const endpoint = url;
  const clients = clientsFor(endpoint, SERVER_KEY, "us-east-1");
  return {
    child,
    endpoint,
    clients,
    log: () => log,
    async stop(signal) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill(signal);
      await ended;
      for (const client of Object.values(clients)) client.destroy();
      // A killed server leaves its address behind; the next one's must not be mistaken for it.
      rmSync(join(data, "endpoint"), { force: true });
    },
  };
}
