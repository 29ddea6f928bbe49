/** Kills Stepwell with SIGKILL at seeded random moments while uploads run, then counts what was acknowledged. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seeded } from "../support/seeded.ts";
import { startServer } from "../support/server.ts";
import type { Clients } from "../support/stepwell.ts";
import { count, setUp, upload, type Acknowledged } from "../support/watched.ts";

const UPLOADERS = 8;

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
  const acknowledged: Acknowledged = { uploads: new Map(), starts: new Set() };
  try {
    let server = await startServer(data);
    const machineArn = await setUp(server.clients);
    for (let kill = 1; kill <= options.kills; kill++) {
      const uploads = uploadUntilDown(server.clients, kill, acknowledged);
      await new Promise((resolve) => setTimeout(resolve, 20 + random() * 400));
      await Promise.all([server.stop("SIGKILL"), uploads]);
      server = await startServer(data);
      if (kill % 20 === 0) options.log(`${kill} kills, ${acknowledged.uploads.size} uploads acknowledged`);
    }
    const result = await count(server.clients, machineArn, acknowledged);
    await server.stop("SIGTERM");
    return { kills: options.kills, acknowledged: acknowledged.uploads.size, ...result };
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

/** Uploads until the server is gone; what was answered 200 is noted, whatever became of the rest. */
async function uploadUntilDown(clients: Clients, kill: number, acknowledged: Acknowledged): Promise<void> {
  await Promise.all(
    Array.from({ length: UPLOADERS }, async (_, uploader) => {
      for (let n = 0; ; n++) {
        try {
          // Some larger than what lives in the commit.
          const key = `k${kill}-${uploader}-${n}`;
          await upload(clients, { key, size: n % 7 === 0 ? 100_000 : 1000 }, acknowledged);
        } catch {
          return;
        }
      }
    }),
  );
}
