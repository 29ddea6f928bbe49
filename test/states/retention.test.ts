import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../src/clock/system.ts";
import type { Parts } from "../../src/flow.ts";
import type { Claimed, Outcome } from "../../src/relay/relay.ts";
import { trimWorker } from "../../src/states/chores.ts";
import {
  executionByKey,
  firstSerialOf,
  historyBetween,
  insertExecution,
  insertHistory,
  type Status,
} from "../../src/states/rows/executions.ts";
import { insertRevision, retireRevision, revisionById } from "../../src/states/rows/machines.ts";
import { openDirectory } from "../../src/store/directory.ts";

const DAY_MS = 86_400_000;
const NOW = 2_000_000_000_000;
const MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:m";

test("closed executions leave after 90 days with their history, running ones and younger ones stay", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stepwell-trim-"));
  const { store, close } = openDirectory(folder);
  try {
    const made = (name: string, startedDaysAgo: number, stoppedDaysAgo: number | null, status: Status) => {
      const started_at = NOW - startedDaysAgo * DAY_MS;
      const stopped_at = stoppedDaysAgo === null ? null : NOW - stoppedDaysAgo * DAY_MS;
      const texts = { output: null, error: null, cause: null, trace_header: null, run: null, events: "[]" };
      const numbers = { started_at, stopped_at, serial: firstSerialOf(started_at), last_event: 1 };
      return { machine: MACHINE, name, revision: "new", status, input: "{}", trace: "t", ...texts, ...numbers };
    };
    await store.write(async (transaction) => {
      const revision = {
        machine: MACHINE,
        type: "STANDARD" as const,
        logging: null,
        visible: 0,
        role_arn: "r",
        definition: "{}",
        created_at: 0,
      };
      for (const id of ["old", "retired", "new"]) await insertRevision(transaction, { id, ...revision });
      await retireRevision(transaction, "old", NOW - 457 * DAY_MS);
      await retireRevision(transaction, "retired", NOW - 91 * DAY_MS);
      for (const row of [
        made("ancient", 200, 91, "SUCCEEDED"),
        made("long", 200, 89, "FAILED"),
        made("running", 200, null, "RUNNING"),
        made("young", 1, 1, "SUCCEEDED"),
        { ...made("late", 20, 15, "FAILED"), run: "{}" },
        { ...made("redrivable", 20, 13, "FAILED"), run: "{}" },
      ]) {
        await insertExecution(transaction, row);
        await insertHistory(transaction, row, 2, "[]");
      }
    });
    const parts = { clock: { ...systemClock, now: () => NOW } } as Parts;
    const work: Claimed = {
      id: "1",
      kind: "states.trim",
      key: "",
      trace: "",
      body: { after: "" },
      attempt: 1,
      since: 0,
    };
    let outcome: Outcome = { kind: "again", dueAt: NOW, body: work.body };
    while (outcome.kind === "again" && outcome.dueAt === NOW) {
      const body: unknown = outcome.body;
      outcome = await store.write((transaction) => trimWorker(parts)(transaction, { ...work, body }));
    }
    assert.deepEqual(outcome, { kind: "again", dueAt: NOW + 3_600_000, body: { after: "" } });
    const left = async (name: string) =>
      store.read(async (reader) => ({
        row: (await executionByKey(reader, { machine: MACHINE, name })) !== undefined,
        history: (await historyBetween(reader, { machine: MACHINE, name }, 1, 9)).length,
      }));
    assert.deepEqual(await left("ancient"), { row: false, history: 0 });
    for (const name of ["long", "running", "young"]) assert.deepEqual(await left(name), { row: true, history: 1 });
    const kept = (name: string) => store.read((reader) => executionByKey(reader, { machine: MACHINE, name }));
    assert.deepEqual([(await kept("late"))?.kept, (await kept("redrivable"))?.kept], [0, 1]);
    const revisions = ["old", "retired", "new"].map((id) => store.read((reader) => revisionById(reader, id)));
    assert.deepEqual(
      (await Promise.all(revisions)).map((row) => row?.id),
      [undefined, "retired", "new"],
    );
  } finally {
    await close();
    rmSync(folder, { recursive: true, force: true });
  }
});
