/** From the start of the process to its first answered request, and the memory it takes when idle. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Bench } from "./bench.ts";
import { median } from "./processes.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

export const benchStart: Bench = async ({ rounds, folder }) => {
  const times: number[] = [];
  const sizes: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const { ms, rssBytes } = await startOnce(join(folder, "start"), 20_000 + Math.floor(Math.random() * 20_000));
    const bareMs = await bareStart();
    // The first start fills the compile cache and makes the database.
    if (round === 0) continue;
    times.push(ms);
    sizes.push(rssBytes / 1e6);
    bare.push(bareMs);
  }
  return [
    {
      name: "start to first answered request",
      value: median(times),
      unit: "ms",
      limit: median(bare),
      limitName: "node starting and doing nothing",
      ratio: median(bare) / median(times),
    },
    { name: "idle memory", value: median(sizes), unit: "MB resident" },
  ];
};

async function startOnce(data: string, port: number): Promise<{ ms: number; rssBytes: number }> {
  const started = performance.now();
  const child = spawn(process.execPath, [MAIN, "serve", "--data", data, "--port", String(port)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  try {
    for (;;) {
      const answered = await fetch(`http://127.0.0.1:${port}/_stepwell/health`).then(
        (response) => response.ok,
        () => false,
      );
      if (answered) break;
      if (child.exitCode !== null) throw new Error("the server did not start");
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const ms = performance.now() - started;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"));
    return { ms, rssBytes: Number(resident?.[1] ?? 0) * 1024 };
  } finally {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await ended;
  }
}

async function bareStart(): Promise<number> {
  const started = performance.now();
  await new Promise((resolve) => spawn(process.execPath, ["-e", ""], { stdio: "ignore" }).once("exit", resolve));
  return performance.now() - started;
}
