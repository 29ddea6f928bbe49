import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
export type Ended = { readonly code: number | null; readonly out: string; readonly error: string };

/** Runs `stepwell …` to its end. No STEPWELL_ variable of the surroundings comes in. */
export function stepwell(args: readonly string[], variables: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("STEPWELL_")));
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...clean, ...variables },
    timeout: 20_000,
  });
  let out = "";
  let error = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (error += chunk.toString()));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, out, error })));
}

/** `stepwell serve …` until it is told to stop; answers what it said by then. */
export async function serving(
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
  work: (banner: string) => Promise<void>,
): Promise<Ended> {
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("STEPWELL_")));
  const child = spawn(process.execPath, [MAIN, "serve", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...clean, ...variables },
  });
  let out = "";
  let error = "";
  child.stderr.on("data", (chunk: Buffer) => (error += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  // The banner is written at once.
  const banner = new Promise<void>((resolve) =>
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString();
      resolve();
    }),
  );
  try {
    await Promise.race([banner, ended]);
    await work(out);
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
  return { code: await ended, out, error };
}

/** Runs `work` with a directory of its own. */
export async function withDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "stepwell-cli-"));
  try {
    await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The values of `export NAME=value` lines. */
export function exportsIn(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/^export (\w+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value]),
  );
}
