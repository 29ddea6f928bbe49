import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { CallFacts, Event, InsideDoor, Parts } from "../../src/flow.ts";
import type { Hop } from "../../src/relay/story.ts";
import type { WaitingWork } from "../../src/relay/waiting.ts";
import type { Reader } from "../../src/store/store.ts";
import { inOrder, storyRoom, type LastWrite } from "../../src/story/room.ts";
import { tellStory, type Story } from "../../src/story/tell.ts";
import { systemClock } from "../../src/clock/system.ts";
import { AwsFault, fault } from "../../src/wire/fault.ts";

const ACCOUNT = "123456789012";
const LAST: LastWrite = { trace: "t", at: 1000, operation: "PutObject", account: ACCOUNT, region: "us-east-1" };
const hop = (kind: Hop["hop"], at: number, more: Partial<Hop> = {}): Hop => ({
  hop: kind,
  at,
  subject: `${kind}-subject`,
  outcome: "ok",
  ...more,
});

/** The flow endpoint over given hops, an execution that has a given status, and explanations that name what they were asked. */
async function storyOver(
  hops: readonly Hop[],
  options: {
    readonly status?: string | AwsFault;
    readonly last?: LastWrite | undefined;
    readonly query?: string;
    readonly rules?: string | undefined;
    readonly waiting?: readonly WaitingWork[];
  } = {},
) {
  const asked: Event[] = [];
  const reader = {
    all: async (sql: string) => (/ from work /.test(sql) ? (options.waiting ?? []) : [{ hops: JSON.stringify(hops) }]),
    get: async () => undefined,
    version: () => 0,
  } as unknown as Reader;
  const call = (async () => {
    if (options.status instanceof AwsFault) throw options.status;
    return { status: options.status };
  }) as unknown as InsideDoor;
  const store = { read: (work: (reader: Reader) => Promise<unknown>) => work(reader) };
  const relay = { pure: () => undefined };
  const parts = { store, call, relay, clock: { ...systemClock, now: () => 5000 } } as unknown as Parts;
  const room = storyRoom(parts, {
    lastWrite: async () => ("last" in options ? options.last : LAST),
    explainTrail: async (_, write) =>
      `no trail: ${write.operation} ${write.bucket}/${write.key} in ${write.account}/${write.region}`,
    explainRules: async (_, bus, event) => (
      asked.push(event),
      "rules" in options ? options.rules : `closest rule on ${bus}`
    ),
  });
  const facts = {
    account: ACCOUNT,
    region: "us-east-1",
    trace: "asking",
    principal: { kind: "anonymous", account: "" },
  } as unknown as CallFacts;
  const story = (await room.endpoints?.["flow"]?.(
    new URLSearchParams(options.query ?? "bucket=b&key=k"),
    facts,
  )) as Story;
  return { story, asked };
}
const short = (story: Story): unknown[] =>
  story.hops.map(({ hop: kind, outcome, latencyMs }) => [kind, outcome, latencyMs]);

void describe("the flow endpoint", () => {
  void test("tells a whole story in the order of travel, with latencies", async () => {
    const told = [
      hop("event", 1002),
      hop("call", 1000),
      hop("record", 1002),
      hop("rule", 1002),
      hop("delivery", 1003),
      hop("execution", 1003, { subject: "e" }),
      hop("result", 1007, { subject: "e" }),
    ];
    const { story } = await storyOver(told);
    assert.deepEqual([story.trace, story.subject], ["t", "s3://b/k"]);
    assert.deepEqual(short(story), [
      ["call", "ok", 0],
      ["record", "ok", 2],
      ["event", "ok", 2],
      ["rule", "ok", 2],
      ["delivery", "ok", 3],
      ["execution", "ok", 3],
      ["result", "ok", 7],
    ]);
  });
  void test("without a record, says why no trail selected the write", async () => {
    const { story } = await storyOver([]);
    assert.deepEqual(short(story), [
      ["call", "ok", 0],
      ["record", "dead end", 0],
    ]);
    assert.equal(story.hops[0]?.subject, "PutObject s3://b/k");
    assert.equal(story.hops[1]?.reason, `no trail: PutObject b/k in ${ACCOUNT}/us-east-1`);
  });
  void test("without a matching rule, names the closest, asked with the kind of event that there was", async () => {
    const recorded = await storyOver([hop("call", 1000), hop("record", 1001)]);
    assert.deepEqual(short(recorded.story).at(-1), ["rule", "dead end", 1]);
    assert.equal(
      recorded.story.hops.at(-1)?.reason,
      `closest rule on arn:aws:events:us-east-1:${ACCOUNT}:event-bus/default`,
    );
    assert.equal(recorded.asked[0]?.["detail-type"], "AWS API Call via CloudTrail");
    assert.deepEqual(
      (recorded.asked[0]?.detail["requestParameters"] as Record<string, unknown> | undefined)?.["bucketName"],
      "b",
    );
    const native = await storyOver([hop("event", 1001)]);
    assert.equal(native.asked[0]?.["detail-type"], "Object Created");
    assert.deepEqual(short(native.story), [
      ["call", "ok", 0],
      ["event", "ok", 1],
      ["rule", "dead end", 1],
    ]);
    const matching = await storyOver([hop("event", 1001)], { rules: undefined });
    assert.equal(matching.story.hops.at(-1)?.outcome, "waiting");
  });
  void test("what still waits is said to wait, and is no dead end", async () => {
    const work = (kind: WaitingWork["kind"], more: Partial<WaitingWork> = {}): WaitingWork => ({
      kind,
      key: "k",
      since: 1002,
      due_at: 9000,
      attempt: 1,
      failure: null,
      ...more,
    });
    const failure = "Error: no\n    at somewhere";
    const call = await storyOver([], { waiting: [work("call", { attempt: 3, failure })] });
    assert.deepEqual(call.story.hops[1], {
      hop: "record",
      at: 1002,
      latencyMs: 2,
      subject: "s3://b/k",
      outcome: "waiting",
      reason:
        "waiting since 1970-01-01T00:00:01.002Z; attempt 3 is due at 1970-01-01T00:00:09.000Z; the last one failed: Error: no",
    });
    assert.equal(call.story.hops.length, 2);
    // The bucket's own event goes its way meanwhile, and is explained for itself.
    const native = await storyOver([hop("event", 1001)], { waiting: [work("call")] });
    assert.deepEqual(short(native.story), [
      ["call", "ok", 0],
      ["event", "ok", 1],
      ["record", "waiting", 2],
      ["rule", "dead end", 2],
    ]);
    assert.equal(native.asked[0]?.["detail-type"], "Object Created");
    const told = [hop("call", 1000), hop("record", 1001)];
    const event = await storyOver(told, { waiting: [work("event", { key: "arn:bus" }), work("event")] });
    assert.deepEqual(
      event.story.hops.slice(2).map(({ hop: kind, outcome, subject }) => [kind, outcome, subject]),
      [
        ["rule", "waiting", "arn:bus"],
        ["rule", "waiting", `arn:aws:events:us-east-1:${ACCOUNT}:event-bus/default`],
      ],
    );
    const delivery = await storyOver([...told, hop("rule", 1001)], {
      waiting: [work("delivery", { key: "arn:rule" })],
    });
    assert.deepEqual(short(delivery.story).at(-1), ["delivery", "waiting", 2]);
  });
  void test("asks how an execution stands that has no result yet", async () => {
    const told = [hop("call", 1000), hop("record", 1000), hop("rule", 1000), hop("execution", 1001)];
    assert.deepEqual(short((await storyOver(told, { status: "RUNNING" })).story).at(-1), ["result", "waiting", 4000]);
    assert.deepEqual(short((await storyOver(told, { status: "SUCCEEDED" })).story).at(-1), ["result", "ok", 4000]);
    assert.deepEqual(short((await storyOver(told, { status: "FAILED" })).story).at(-1), ["result", "dead end", 4000]);
    assert.equal((await storyOver(told, { status: fault("AccessDenied", "no") })).story.hops.length, 4);
  });
  void test("does not tell of what is not there, or is another account's", async () => {
    const refused = (options: Parameters<typeof storyOver>[1], code: string): Promise<void> =>
      assert.rejects(storyOver([], options), (error: { code?: string }) => error.code === code);
    await refused({ last: undefined }, "NoSuchKey");
    await refused({ last: { ...LAST, account: "999999999999" } }, "NoSuchKey");
    await refused({ query: "bucket=b" }, "InvalidArgument");
  });
});

void test("hops of one moment stand in the order in which events travel, others by time", () => {
  const mixed = [hop("result", 2), hop("execution", 2), hop("call", 3), hop("call", 1)];
  assert.deepEqual(
    inOrder(mixed).map(({ hop: kind, at }) => [kind, at]),
    [
      ["call", 1],
      ["execution", 2],
      ["result", 2],
      ["call", 3],
    ],
  );
});

void test("a story for a terminal has a line a hop, and no character of a key steers the terminal", () => {
  const story: Story = {
    trace: "t",
    subject: "s3://b/\u001b[31mk\n",
    hops: [
      { ...hop("call", 0), latencyMs: 0 },
      { ...hop("execution", 12, { outcome: "waiting" }), latencyMs: 12 },
      { ...hop("record", 12, { outcome: "dead end", reason: "no trail selects this bucket" }), latencyMs: 12 },
    ],
  };
  assert.deepEqual(tellStory(story), [
    "s3://b/\\u001b[31mk\\u000a  (trace t)",
    "  ✓  call        0 ms  call-subject",
    "  …  execution  12 ms  execution-subject  — waiting",
    "  ✗  record     12 ms  record-subject  — dead end: no trail selects this bucket",
  ]);
});
