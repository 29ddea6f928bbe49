import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";

/** The rooms that each room may import, besides itself. `flow` is src/flow.ts, `room` is src/room.ts. */
const SERVICE_ROOM = ["wire", "store", "relay", "clock", "flow", "room"];
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  clock: [],
  wire: ["flow", "store"], // types only, see below
  store: ["clock"],
  relay: ["store", "clock"],
  flow: ["clock", "relay", "store"], // types only, see below
  room: ["flow", "wire"],
  gate: ["wire", "store", "relay", "clock", "flow", "room"],
  s3: SERVICE_ROOM,
  trail: SERVICE_ROOM,
  events: SERVICE_ROOM,
  states: SERVICE_ROOM,
  iam: SERVICE_ROOM,
  story: SERVICE_ROOM,
  cli: ["clock", "flow", "gate", "iam", "node", "store", "story"],
  main: ["cli"],
  asl: ["states"], // the States Language by itself, as the package exports it
};
/** These know the types of what they stand under, and nothing at run time. */
const TYPES_ONLY = new Set(["wire", "flow", "room"]);

const roomOf = (file: string): string => relative("src", file).split("/")[0]?.replace(/\.ts$/, "") ?? "";
const files = globSync("src/**/*.ts");

test("there is code to check", () => assert.ok(files.length > 50));

test("every import stays inside the map", () => {
  for (const file of files) {
    const room = roomOf(file);
    if (room === "node" || room === "node-options") continue; // the composition root knows them all
    const allowed = MAY_IMPORT[room];
    assert.ok(allowed, `${file} is in no known room`);
    const source = readFileSync(file, "utf8");
    for (const [statement, specifier = ""] of source.matchAll(
      /(?:import|export)[^;]*?from "(\.[^"]+)"|import\("(\.[^"]+)"\)/g,
    )) {
      const target = roomOf(join(dirname(file), specifier || (/import\("(\.[^"]+)"\)/.exec(statement)?.[1] ?? "")));
      if (target === room) continue;
      assert.ok(allowed.includes(target), `${file} imports ${specifier}: ${room} may not know ${target}`);
      if (TYPES_ONLY.has(room))
        assert.match(statement, /^(import|export) type /, `${file} may know only the types of ${specifier}`);
    }
  }
});

/** Talks to a foreign S3 store, for which the official client is the best there is; loaded only where such a store is used. */
const SDK_AT_RUN_TIME = "src/store/s3-blobs.ts";

test("nothing of the SDK is left at run time, but for the client of a foreign blob store", () => {
  for (const file of files) {
    const source = readFileSync(file, "utf8");
    for (const [statement] of source.matchAll(/^(import|export) ([^;(]* from )?"@(aws-sdk|smithy)\/[^"]+"/gm))
      assert.match(statement, /^import type /, `${file}: ${statement}`);
    if (file !== SDK_AT_RUN_TIME) assert.doesNotMatch(source, /(import|require)\("@(aws-sdk|smithy)\//, file);
  }
});

test("a file is at most 400 lines", () => {
  for (const file of [...files, ...globSync("{test,scripts,bench}/**/*.ts", { exclude: ["**/node_modules/**"] })]) {
    const lines = readFileSync(file, "utf8").split("\n").length - 1;
    assert.ok(lines <= 400, `${file} has ${lines} lines`);
  }
});

test("no default exports, no barrel files", () => {
  for (const file of files) {
    const source = readFileSync(file, "utf8");
    assert.doesNotMatch(source, /^export default /m, file);
    assert.doesNotMatch(source, /^export \* from /m, file);
  }
});

test("node.ts, the composition root, is under 100 lines", () =>
  assert.ok(readFileSync("src/node.ts", "utf8").split("\n").length < 100));

test("the exported States Language imports nothing of the server", () => {
  for (const file of globSync("src/states/asl/**/*.ts")) {
    const source = readFileSync(file, "utf8");
    for (const [statement, specifier = ""] of source.matchAll(/^(?:import|export) [^;]*?from "(\.[^"]+)"/gm)) {
      const inside = join(dirname(file), specifier).startsWith("src/states/asl/");
      assert.ok(inside || statement.startsWith("import type "), `${file} imports ${specifier}`);
    }
  }
});
