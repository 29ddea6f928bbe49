import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { client } from "./client.ts";
import { FLUSH_MS, type Machine } from "./machine.ts";
import { BUCKET, machineArn, STORAGE } from "./setting.ts";
import { checkChain, checkTimes, withoutChance, type History, type HistoryEvent } from "./histories.ts";
import { bodyOf, bytesOf, executionOf, type Ledger } from "./workload.ts";

export type Execution = {
  readonly arn: string;
  readonly input: Readonly<Record<string, unknown>> & { readonly kind?: string; readonly "detail-type"?: string };
  readonly output: string | undefined;
  readonly status: string;
  readonly startedAt: number;
  readonly events: readonly HistoryEvent[];
};

/** Work that goes on for ever, at most one piece of each. */
const RECURRING = new Set([
  "states.trim",
  "states.trimLogs",
  "events.trim",
  "trail.trim",
  "story.trim",
  "trail.deliver",
]);
/** Longer than the longest back-off, the longest lease and twice the farthest that a clock is set. */
const PATIENCE_MS = 3_600_000;

/** Lets the node finish what is due, and checks that all that was promised came to be, once. */
export async function everythingHolds(
  machine: Machine,
  ledger: Ledger,
  expected: ReadonlyMap<string, History> | undefined,
): Promise<ReadonlyMap<string, History>> {
  await untilNothingIsDue(machine);
  const executions = [...(await executionsOf(machine, "Work")), ...(await executionsOf(machine, "Version"))];
  machine.counts["executions"] = executions.length;
  checkRelay(machine);
  checkEvents(ledger, executions);
  await checkObjects(machine, ledger);
  await checkLogFiles(machine, ledger);
  const histories = new Map<string, History>();
  for (const execution of executions) {
    checkChain(execution);
    checkTimes(execution);
    const way = wayOf(execution);
    const history = withoutChance(execution);
    const known = expected ? expected.get(way) : histories.get(way);
    if (known === undefined && !expected) histories.set(way, history);
    else if (known !== undefined) sameHistory(execution.arn, history.split("\n"), known.split("\n"));
    else assert.fail(`the undisturbed run has no ${way}`);
  }
  return histories;
}

/** Shows the first event that differs. */
function sameHistory(arn: string, history: readonly string[], undisturbed: readonly string[]): void {
  for (let index = 0; index < Math.max(history.length, undisturbed.length); index++)
    assert.equal(history[index], undisturbed[index], `${arn} is not as undisturbed`);
}

async function untilNothingIsDue(machine: Machine): Promise<void> {
  const { world } = machine;
  const until = world.time + PATIENCE_MS;
  const left = () => [
    ...machine.query<{ kind: string }>("select * from work").filter(({ kind }) => !RECURRING.has(kind)),
    // After a clock was set back it takes a while until log files are due again.
    ...machine.query("select * from trail_pending limit 1"),
  ];
  do await world.sleep(FLUSH_MS);
  while (left().length > 0 && world.time < until);
  assert.deepEqual(left(), [], "work is left over");
  await world.sleep(FLUSH_MS * 1.5);
}

function checkRelay(machine: Machine): void {
  const rows = machine.query<{ kind: string; leased: number }>("select kind, leased from work");
  assert.deepEqual(
    rows.map(({ kind }) => kind).sort(),
    [...RECURRING].sort(),
    "each chore is there once, and nothing else",
  );
  assert.ok(rows.every(({ leased }) => leased === 0));
  assert.deepEqual(machine.query("select * from events_dead_end"), [], "a delivery was given up");
}

/** Every acknowledged start, event, upload and change had its effect, and no effect came twice. */
function checkEvents({ puts, started, published, versions }: Ledger, executions: readonly Execution[]): void {
  const byArn = new Map(executions.map((execution) => [execution.arn, execution]));
  for (const [arn, input] of started) {
    assert.deepEqual(byArn.get(arn)?.input, JSON.parse(input), `${arn} is there`);
    assert.equal(byArn.get(arn)?.status, "SUCCEEDED", arn);
  }
  for (const [arn, version] of versions) assert.equal(byArn.get(arn)?.output, String(version), arn);
  const seen = new Map<string, number>();
  for (const { input } of executions) {
    const detail = (input["detail"] ?? {}) as {
      readonly marker?: string;
      readonly object?: { readonly key?: string };
      readonly requestParameters?: { readonly key?: string };
    };
    const name =
      detail.marker ??
      (detail.object && `created ${detail.object.key}`) ??
      (detail.requestParameters && `recorded ${detail.requestParameters.key}`);
    if (name !== undefined) seen.set(name, (seen.get(name) ?? 0) + 1);
  }
  const check = (name: string, wanted: number | undefined): void => {
    const count = seen.get(name) ?? 0;
    seen.delete(name);
    if (wanted === undefined) assert.ok(count <= 1, `${name} had ${count} executions, and was not acknowledged`);
    else assert.equal(count, wanted, `executions of ${name}`);
  };
  for (const [marker, wanted] of published) check(marker, wanted);
  for (const [key, acknowledged] of puts)
    for (const kind of ["created", "recorded"]) check(`${kind} ${key}`, acknowledged ? 1 : undefined);
  assert.deepEqual([...seen], [], "executions that nobody asked for");
  const ticks = executions.filter(({ input }) => input["detail-type"] === "Scheduled Event");
  assert.equal(new Set(ticks.map(({ input }) => input["time"])).size, ticks.length, "a schedule fired twice");
  for (const { input, startedAt } of ticks) assert.ok(startedAt >= Date.parse(String(input["time"])), "fired early");
}

async function checkObjects(machine: Machine, { puts }: Ledger): Promise<void> {
  const { attempt } = client(machine);
  for (const [Key, acknowledged] of puts) {
    const answer = await attempt<{ Body: Uint8Array }>("s3", "GetObject", { Bucket: BUCKET, Key });
    if (answer && "output" in answer) assert.ok((await bytesOf(answer.output.Body)).equals(bodyOf(Key)), Key);
    else assert.ok(!acknowledged, `${Key} was acknowledged, and is gone: ${answer?.fault.code ?? "no answer"}`);
  }
}

/** Every acknowledged upload is in a log file of the trail, at least once. */
async function checkLogFiles(machine: Machine, { puts }: Ledger): Promise<void> {
  const { once } = client(machine);
  const listed = await once<{ Contents?: { Key: string }[]; IsTruncated?: boolean }>("s3", "ListObjectsV2", {
    Bucket: STORAGE,
    Prefix: "AWSLogs/",
  });
  assert.ok(!listed.IsTruncated);
  const recorded = new Set<string>();
  for (const { Key } of listed.Contents ?? []) {
    if (!Key.endsWith(".gz")) continue;
    const { Body } = await once<{ Body: Uint8Array }>("s3", "GetObject", { Bucket: STORAGE, Key });
    const file = JSON.parse(gunzipSync(await bytesOf(Body)).toString()) as {
      readonly Records: readonly {
        readonly eventName: string;
        readonly requestParameters?: { readonly key?: string };
      }[];
    };
    for (const { eventName, requestParameters } of file.Records)
      if (eventName === "PutObject") recorded.add(requestParameters?.key ?? "");
  }
  for (const [key, acknowledged] of puts) if (acknowledged) assert.ok(recorded.has(key), `${key} is in no log file`);
}

async function executionsOf(machine: Machine, name: string): Promise<Execution[]> {
  const { once } = client(machine);
  const found: Execution[] = [];
  const rows = machine.query<{ machine: string; name: string }>(
    "select machine, name from states_execution order by 1, 2",
  );
  for (const row of rows.filter((one) => one.machine === machineArn(name))) {
    const executionArn = executionOf(name, row.name);
    const described = await once<{ input: string; output?: string; status: string; startDate: Date }>(
      "states",
      "DescribeExecution",
      { executionArn },
    );
    const { events } = await once<{ events: HistoryEvent[] }>("states", "GetExecutionHistory", {
      executionArn,
      maxResults: 1000,
    });
    found.push({
      arn: executionArn,
      input: JSON.parse(described.input) as Execution["input"],
      output: described.output,
      status: described.status,
      startedAt: described.startDate.getTime(),
      events,
    });
  }
  return found;
}

function wayOf({ arn, input }: Execution): string {
  return `${arn.split(":")[6]} ${input.kind ?? input["detail-type"] ?? arn.split(":")[7]}`;
}
