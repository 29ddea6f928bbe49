/**
 * Writes the README's coverage table from the models and the handlers, so that it cannot be wishful.
 *   node scripts/coverage.ts           writes it        node scripts/coverage.ts --check   fails if it is out of date
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../src/clock/system.ts";
import { openNode } from "../src/node.ts";
import { openWire } from "../src/wire/open.ts";

const README = new URL("../README.md", import.meta.url);
const BEGIN = "<!-- coverage: written by scripts/coverage.ts -->\n";
const END = "<!-- end of coverage -->";

const data = mkdtempSync(join(tmpdir(), "stepwell-coverage-"));
const node = await openNode({
  data,
  account: "123456789012",
  region: "us-east-1",
  auth: "on",
  clock: systemClock,
  log: () => undefined,
  trailFlushMs: 60_000,
});
const lines = ["| service | operations | answered |", "|---|---|---|"];
const served = new Set<string>();
for (const service of [...node.services].sort((a, b) => a.name.localeCompare(b.name))) {
  served.add(service.model);
  const all = [...openWire(service.model).operations.keys()];
  const answered = all.filter((operation) => service.handlers[operation] !== undefined).sort();
  lines.push(`| ${service.name} | ${answered.length} of ${all.length} | ${answered.join(" ")} |`);
}
const absent = readdirSync(new URL("../model/", import.meta.url))
  .map((file) => file.replace(/\.json$/, ""))
  .filter((model) => !served.has(model));
lines.push(
  "",
  `Every other operation of these services answers 501 NotImplemented. Known to the wire, not served yet: ${absent.join(", ")}.`,
  "",
);
await node.close();
rmSync(data, { recursive: true, force: true });

const readme = readFileSync(README, "utf8");
const begin = readme.indexOf(BEGIN) + BEGIN.length;
const end = readme.indexOf(END);
if (begin < BEGIN.length || end < begin) throw new Error("README.md has no place for the coverage table");
const written = readme.slice(0, begin) + lines.join("\n") + readme.slice(end);
if (!process.argv.includes("--check")) writeFileSync(README, written);
else if (written !== readme) {
  console.error("the coverage table in README.md is out of date: run `npm run coverage`");
  process.exitCode = 1;
}
