#!/usr/bin/env node
// Runs Stepwell on a Node that can: this one if it is new enough, else the one that the project pins.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const beside = (path) => fileURLToPath(new URL(path, import.meta.url));
// A checkout runs its sources; the published package has only what the build made of them.
const main = existsSync(beside("../src/main.ts")) ? beside("../src/main.ts") : beside("../dist/main.js");
const major = Number(process.versions.node.split(".")[0]);
const pinned = beside("../node_modules/node/bin/node");
if (major >= 24 || process.argv[1] === main) {
  process.argv[1] = main;
  await import(main);
} else if (existsSync(pinned)) {
  const child = spawn(pinned, [main, ...process.argv.slice(2)], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
} else {
  console.error(`Stepwell needs Node 24 or newer; this is ${process.version}.`);
  process.exit(1);
}
