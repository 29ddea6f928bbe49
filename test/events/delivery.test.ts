import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../src/clock/system.ts";
import type { Clock } from "../../src/clock/clock.ts";
import { arm, fireSchedules } from "../../src/events/fire.ts";
import { deliverEvents } from "../../src/events/deliver.ts";
import { explainRules } from "../../src/events/explain.ts";
import { Registry } from "../../src/events/registry.ts";
import { deliveryId, routeEvents, type DeliveryWork } from "../../src/events/route.ts";
import { deadEnds, putRule, putTarget, type RuleRow } from "../../src/events/rows.ts";
import { touch, type Events } from "../../src/events/common.ts";
import { defaultBus, type Event, type Parts, type Routed } from "../../src/flow.ts";
import type { Claimed, Outcome, PureWorker, Relay, Work } from "../../src/relay/relay.ts";
import type { Hop } from "../../src/relay/story.ts";
import { fault, type AwsFault } from "../../src/wire/fault.ts";
import { openStore } from "../support/open-store.ts";
import { theStore } from "../support/the-store.ts";

const bus = defaultBus("123456789012", "us-east-1");
const machine = "arn:aws:states:us-east-1:123456789012:stateMachine:m";
const role = "arn:aws:iam::123456789012:role/r";
const ruleArn = "arn:aws:events:us-east-1:123456789012:rule/r";

/** The room's workers on a real store, with a clock, a relay and an inside door that the test drives. */
async function workshop(): Promise<Workshop> {
  const opened = await openStore(theStore);
  const { store } = opened;
  const state = { now: Date.parse("2026-05-04T09:12:31Z"), answer: undefined as AwsFault | undefined };
  const workers = new Map<string, PureWorker>();
  const appended: Work[] = [];
  const calls: Record<string, unknown>[] = [];
  const hops: Hop[] = [];
  const relay: Relay = {
    pure: (kind, worker) => void workers.set(kind, worker),
    effect: () => assert.fail("no effects here"),
    append: async (_transaction, work) => void appended.push(work),
    cancel: async (_transaction, kind, key) => {
      const kept = appended.filter((work) => work.kind !== kind || work.key !== key);
      appended.splice(0, appended.length, ...kept);
    },
    transact: (work) => store.write(work),
  };
  const clock: Clock = { ...systemClock, now: () => state.now, random: () => 0.5, uuid: () => systemClock.uuid() };
  const call: Parts["call"] = async (request) => {
    calls.push(request as never);
    if (state.answer) throw state.answer;
    return {} as never;
  };
  const parts = {
    store,
    relay,
    clock,
    call,
    tell: (_t: unknown, _trace: string, hop: Hop) => hops.push(hop),
    account: "123456789012",
    region: "us-east-1",
  };
  const events: Events = { parts: parts as unknown as Parts, registry: new Registry(), ruleQuota: 300 };
  routeEvents(events);
  deliverEvents(events);
  fireSchedules(events);
  const work = (item: Work, attempt = 1, since = state.now): Promise<Outcome> => {
    const worker = workers.get(item.kind);
    assert.ok(worker);
    const claimed: Claimed = { ...item, id: "", attempt, since };
    return store.write((transaction) => worker(transaction, claimed));
  };
  return {
    events,
    state,
    appended,
    calls,
    hops,
    work,
    close: async () => {
      await opened.close();
    },
  };
}
type Workshop = {
  readonly events: Events;
  readonly state: { now: number; answer: AwsFault | undefined };
  readonly appended: Work[];
  readonly calls: Record<string, unknown>[];
  readonly hops: Hop[];
  readonly work: (item: Work, attempt?: number, since?: number) => Promise<Outcome>;
  readonly close: () => Promise<void>;
};

async function save(shop: Workshop, change: Partial<RuleRow>, spec: object = {}): Promise<RuleRow> {
  const row: RuleRow = {
    bus,
    name: "r",
    arn: ruleArn,
    description: null,
    pattern: null,
    schedule: null,
    state: "ENABLED",
    role_arn: null,
    created_by: "1",
    ...change,
  };
  await shop.events.parts.store.write(async (transaction) => {
    await putRule(transaction, row);
    await putTarget(transaction, {
      bus,
      rule: row.name,
      id: "1",
      arn: machine,
      spec: JSON.stringify({ Id: "1", Arn: machine, RoleArn: role, ...spec }),
    });
    await touch(shop.events, transaction, bus, row.name);
  });
  return row;
}
const event = (source = "s"): Event => ({
  version: "0",
  id: "e",
  "detail-type": "t",
  source,
  account: "1",
  time: "x",
  region: "us-east-1",
  resources: [],
  detail: {},
});
const routed = (more: Partial<Routed> = {}): Work => ({
  kind: "event",
  key: bus,
  trace: "trace",
  body: { event: event(), bus, ingestedAt: 0, ...more } satisfies Routed,
});

async function routeOne(shop: Workshop, spec: object = {}): Promise<Work & { body: DeliveryWork }> {
  await save(shop, { pattern: '{"source":["s"]}' }, spec);
  await shop.work(routed());
  const [delivery] = shop.appended;
  assert.equal(delivery?.kind, "delivery");
  return delivery as Work & { body: DeliveryWork };
}
const deadEndsOf = (shop: Workshop) => shop.events.parts.store.read((reader) => deadEnds(reader, ruleArn, 10));

void test("a delivery starts the execution as the rule's role, under a name that follows from event, rule and target", async () => {
  const shop = await workshop();
  const delivery = await routeOne(shop);
  assert.deepEqual(await shop.work(delivery), { kind: "done" });
  const [call] = shop.calls;
  assert.deepEqual(call?.["input"], {
    stateMachineArn: machine,
    name: `e_${deliveryId("e", ruleArn, "1")}`,
    input: JSON.stringify(event()),
  });
  assert.deepEqual(call?.["as"], {
    kind: "role",
    roleArn: role,
    service: "events.amazonaws.com",
    sessionName: delivery.body.sessionName,
    sourceArn: ruleArn,
    account: "123456789012",
  });
  assert.deepEqual(
    shop.hops.map(({ hop, outcome }) => `${hop} ${outcome}`),
    ["event ok", "rule ok", "delivery ok"],
  );
  // Delivered again after a crash: the execution is there already, and that is as good.
  shop.state.answer = fault("ExecutionAlreadyExists", "Execution Already Exists");
  assert.deepEqual(await shop.work(delivery), { kind: "done" });
  assert.deepEqual(await deadEndsOf(shop), []);
  await shop.close();
});

void test("a refusal is a dead end at once, with its reason", async () => {
  const shop = await workshop();
  const delivery = await routeOne(shop);
  shop.state.answer = fault(
    "AccessDenied",
    `User: x is not authorized to perform: sts:AssumeRole on resource: ${role}`,
  );
  assert.deepEqual(await shop.work(delivery), { kind: "done" });
  assert.match(shop.hops.at(-1)?.reason ?? "", /^role .*role\/r does not trust events\.amazonaws\.com/);
  shop.state.now += 1;
  shop.state.answer = fault("AccessDeniedException", "User: x is not authorized to perform: states:StartExecution");
  await shop.work(delivery);
  assert.match(shop.hops.at(-1)?.reason ?? "", /^role .*role\/r may not states:StartExecution on arn:aws:states/);
  shop.state.now += 1;
  shop.state.answer = fault("StateMachineDoesNotExist", "State Machine Does Not Exist");
  await shop.work(delivery);
  const kept = await deadEndsOf(shop);
  assert.deepEqual(
    kept.map(({ code }) => code),
    ["NO_PERMISSIONS", "NO_PERMISSIONS", "NO_RESOURCE"],
  );
  assert.deepEqual(JSON.parse(kept[0]?.event ?? ""), event());
  assert.deepEqual([kept[0]?.exhausted, kept[0]?.attempts], [null, 1]);
  await shop.close();
});

void test("what may pass is tried again, later and later, until the policy is exhausted", async () => {
  const shop = await workshop();
  const delivery = await routeOne(shop, {
    RetryPolicy: { MaximumRetryAttempts: 2, MaximumEventAgeInSeconds: 60 },
    Input: "{}",
  });
  shop.state.answer = fault("ThrottlingException", "Rate exceeded");
  const start = shop.state.now;
  assert.deepEqual(await shop.work(delivery), { kind: "again", dueAt: start + 750 });
  assert.deepEqual(await shop.work(delivery, 2), { kind: "again", dueAt: start + 1500 });
  assert.deepEqual(await deadEndsOf(shop), []);
  assert.deepEqual(await shop.work(delivery, 3), { kind: "done" });
  shop.state.now += 60_000;
  assert.deepEqual(await shop.work(delivery, 2, start), { kind: "done" });
  const kept = await deadEndsOf(shop);
  assert.deepEqual(
    kept.map(({ exhausted }) => exhausted),
    ["MaximumRetryAttempts", "MaximumEventAgeInSeconds"],
  );
  assert.deepEqual(JSON.parse(kept[0]?.event ?? ""), event(), "the event, not the transformed input");
  await shop.close();
});

void test("only rules in a special state see read-only management events", async () => {
  const shop = await workshop();
  await save(shop, { pattern: '{"source":["s"]}' });
  await shop.work(routed({ readOnlyManagement: true }));
  assert.equal(shop.appended.length, 0);
  await save(shop, { pattern: '{"source":["s"]}', state: "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" });
  await shop.work(routed({ readOnlyManagement: true }));
  assert.equal(shop.appended.length, 1);
  await shop.close();
});

void test("a rule that is taken back with its transaction matches nothing, though an event met it there", async () => {
  const shop = await workshop();
  const { store } = shop.events.parts;
  await save(shop, { name: "other", pattern: '{"source":["other"]}' });
  await shop.work(routed());
  const phantom = store.write(async (transaction) => {
    await putRule(transaction, {
      bus,
      name: "r",
      arn: ruleArn,
      description: null,
      pattern: '{"source":["s"]}',
      schedule: null,
      state: "ENABLED",
      role_arn: null,
      created_by: "1",
    });
    await touch(shop.events, transaction, bus, "r");
    const index = await shop.events.registry.rulesOf(transaction, bus);
    assert.equal(index.match(event()).length, 1);
    throw new Error("taken back");
  });
  await assert.rejects(phantom, /taken back/);
  // Another rule takes the place of the change that never was.
  await save(shop, { name: "third", pattern: '{"source":["third"]}' });
  const index = await store.read((reader) => shop.events.registry.rulesOf(reader, bus));
  assert.equal(index.match(event()).length, 0);
  assert.equal(index.match(event("third")).length, 1);
  assert.equal(index.match(event("other")).length, 1);
  await shop.close();
});

void test("a schedule fires its rule's targets, catches up once, and rests while disabled", async () => {
  const shop = await workshop();
  const row = await save(shop, { schedule: "rate(5 minutes)" });
  const { store } = shop.events.parts;
  const start = shop.state.now;
  await store.write((transaction) => arm(shop.events, transaction, row));
  const [armed] = shop.appended;
  assert.equal(armed?.dueAt, start + 300_000);
  assert.ok(armed);
  // Down for an hour: one firing, and the next one is still to come.
  shop.state.now = start + 3_600_000 + 1000;
  const outcome = await shop.work(armed);
  assert.deepEqual(outcome.kind === "again" && outcome.dueAt, start + 3_600_000 + 300_000);
  const delivery = shop.appended[1] as Work & { body: DeliveryWork };
  const fired = JSON.parse(delivery.body.input) as Event;
  assert.deepEqual(
    { ...fired, id: "" },
    {
      version: "0",
      id: "",
      "detail-type": "Scheduled Event",
      source: "aws.events",
      account: "123456789012",
      time: "2026-05-04T09:17:31Z",
      region: "us-east-1",
      resources: [ruleArn],
      detail: {},
    },
  );
  await save(shop, { schedule: "rate(5 minutes)", state: "DISABLED" });
  assert.deepEqual(await shop.work(armed), { kind: "done" });
  assert.equal(shop.appended.length, 2);
  await store.write((transaction) => arm(shop.events, transaction, { ...row, state: "DISABLED" }));
  assert.deepEqual(
    shop.appended.map(({ kind }) => kind),
    ["delivery"],
  );
  await shop.close();
});

void test("the closest rule is explained when somebody asks", async () => {
  const shop = await workshop();
  const ask = () => shop.events.parts.store.read((reader) => explainRules(reader, bus, event()));
  assert.equal(await ask(), "event bus default has no rules");
  await save(shop, { name: "far", pattern: '{"source":["x"],"detail-type":["y"]}' });
  await save(shop, { name: "near", pattern: '{"source":["s"],"detail-type":["y"]}' });
  assert.equal(await ask(), "closest rule near: detail-type ≠ y");
  await save(shop, { name: "off", pattern: '{"source":["s"]}', state: "DISABLED" });
  assert.equal(await ask(), "rule off matches but is disabled");
  await save(shop, { name: "on", pattern: '{"source":["s"]}' });
  assert.equal(await ask(), undefined);
  await shop.close();
});
