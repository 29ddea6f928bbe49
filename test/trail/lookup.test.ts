import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import type { FinishedCall } from "../../src/flow.ts";
import { ACCOUNT, ADA, finished, managed, openTrail, REGION } from "./support.ts";

type Opened = Awaited<ReturnType<typeof openTrail>>;
type Found = {
  EventId: string;
  EventName: string;
  EventTime: Date;
  Resources: { ResourceType: string; ResourceName: string }[];
  CloudTrailEvent: string;
  ReadOnly: string;
  Username: string;
};
const NOW = Date.UTC(2026, 10, 22, 12);
const DAY = 24 * 3_600_000;

void describe("LookupEvents", () => {
  let trail: Opened;
  before(async () => void (trail = await openTrail({ now: () => NOW })));
  after(() => trail.close());
  async function lookUp(request: object): Promise<{ events: Found[]; token: string | undefined }> {
    const { Events, NextToken } = await trail.invoke("LookupEvents", request);
    return { events: Events as Found[], token: NextToken as string | undefined };
  }
  /** Every page, with the sizes of the pages. */
  async function all(request: object): Promise<Found[]> {
    const found: Found[] = [];
    let NextToken: string | undefined;
    do {
      const page = await lookUp({ ...request, ...(NextToken === undefined ? {} : { NextToken }) });
      found.push(...page.events);
      NextToken = page.token;
    } while (NextToken !== undefined);
    return found;
  }

  void test("answers as the documentation shows, and never with data events", async () => {
    const role = { type: "AWS::IAM::Role", arn: `arn:aws:iam::${ACCOUNT}:role/R` };
    await trail.finish(
      managed("CreateBucket", {
        service: "s3",
        eventSource: "s3.amazonaws.com",
        at: NOW - 1500,
        input: { Bucket: "my-bucket" },
        resources: [{ type: "AWS::S3::Bucket", arn: "arn:aws:s3:::my-bucket", account: ACCOUNT }, role],
      }),
      finished({ at: NOW - 1000 }),
    );
    const { events } = await lookUp({});
    assert.equal(events.length, 1);
    const [event] = events;
    const { CloudTrailEvent, EventId, ...rest } = event ?? ({} as Found);
    const record = JSON.parse(CloudTrailEvent) as Record<string, unknown>;
    assert.equal(record["eventID"], EventId);
    assert.deepEqual(rest, {
      EventName: "CreateBucket",
      ReadOnly: "false",
      AccessKeyId: "AKIAIOSFODNN7EXAMPLE",
      EventTime: new Date(NOW - 2000),
      EventSource: "s3.amazonaws.com",
      Username: "ada",
      Resources: [
        { ResourceType: "AWS::S3::Bucket", ResourceName: "my-bucket" },
        { ResourceType: "AWS::IAM::Role", ResourceName: role.arn },
      ],
    });
    for (const [AttributeKey, AttributeValue] of [
      ["ResourceName", "my-bucket"],
      ["ResourceType", "AWS::S3::Bucket"],
      ["EventId", EventId],
      ["AccessKeyId", "AKIAIOSFODNN7EXAMPLE"],
      ["ReadOnly", "false"],
    ] as const)
      assert.equal(
        (await lookUp({ LookupAttributes: [{ AttributeKey, AttributeValue }] })).events.length,
        1,
        AttributeKey,
      );
    for (const [AttributeKey, AttributeValue] of [
      ["ResourceName", "my_bucket"],
      ["ResourceName", "%"],
      ["ResourceType", "AWS::S3"],
      ["EventId", EventId.replace(/.$/, (last) => (last === "0" ? "1" : "0"))],
      ["EventId", "x"],
      ["ReadOnly", "true"],
      ["AccessKeyId", ""],
    ] as const)
      assert.equal(
        (await lookUp({ LookupAttributes: [{ AttributeKey, AttributeValue }] })).events.length,
        0,
        AttributeKey,
      );
    assert.deepEqual((await trail.invoke("LookupEvents", {}, { region: "eu-west-1" }))["Events"], []);
    assert.deepEqual((await trail.invoke("LookupEvents", {}, { account: "999999999999" }))["Events"], []);
  });

  void test("every attribute, time range and page size finds what a plain filter finds, newest first", async () => {
    const calls: FinishedCall[] = fc
      .sample(
        fc.record({
          operation: fc.constantFrom("StartExecution", "ListStateMachines", "CreateStateMachine"),
          back: fc.integer({ min: 5000, max: 80 * DAY }),
          name: fc.constantFrom("ada", "bob"),
        }),
        { numRuns: 120, seed: 11 },
      )
      .map(({ operation, back, name }, index) =>
        managed(operation, {
          at: NOW - back,
          requestId: `r${index}`,
          principal: { ...ADA, name } as typeof ADA,
          eventSource: index % 3 === 0 ? "iam.amazonaws.com" : "states.amazonaws.com",
        }),
      );
    await trail.finish(...calls.slice(0, 60));
    await trail.finish(...calls.slice(60));
    const attribute = fc.constantFrom(
      undefined,
      { AttributeKey: "EventName", AttributeValue: "StartExecution" },
      { AttributeKey: "Username", AttributeValue: "bob" },
      { AttributeKey: "EventSource", AttributeValue: "iam.amazonaws.com" },
      { AttributeKey: "ReadOnly", AttributeValue: "true" },
    );
    const time = fc.option(
      fc.integer({ min: NOW - 81 * DAY, max: NOW - 3000 }).map((ms) => new Date(Math.floor(ms / 1000) * 1000)),
      { nil: undefined },
    );
    await fc.assert(
      fc.asyncProperty(
        attribute,
        time,
        time,
        fc.integer({ min: 7, max: 50 }),
        async (wanted, StartTime, EndTime, MaxResults) => {
          fc.pre(!StartTime || !EndTime || StartTime <= EndTime);
          const found = await all({
            ...(wanted ? { LookupAttributes: [wanted] } : {}),
            ...(StartTime ? { StartTime } : {}),
            ...(EndTime ? { EndTime } : {}),
            MaxResults,
          });
          const expected = calls.filter(
            (call) =>
              (!wanted ||
                {
                  EventName: call.operation,
                  Username: "name" in call.principal ? call.principal.name : "",
                  EventSource: call.eventSource,
                  ReadOnly: String(call.readOnly),
                }[wanted.AttributeKey] === wanted.AttributeValue) &&
              (!StartTime || call.at >= StartTime.getTime()) &&
              (!EndTime || Math.floor(call.at / 1000) * 1000 <= EndTime.getTime()),
          );
          const ids = found
            .map(({ CloudTrailEvent }) => (JSON.parse(CloudTrailEvent) as { requestID: string }).requestID)
            .filter((id) => id.startsWith("r"));
          assert.deepEqual(new Set(ids), new Set(expected.map(({ requestId }) => requestId)));
          assert.equal(ids.length, expected.length);
          assert.ok(
            found.every((event, index) => index === 0 || event.EventTime <= (found[index - 1]?.EventTime ?? 0)),
          );
        },
      ),
      { seed: 3, numRuns: 60 },
    );
  });

  void test("refuses what AWS refuses", async () => {
    const refused = (request: object, code: string): Promise<void> =>
      assert.rejects(trail.invoke("LookupEvents", request), (error: { code?: string }) => error.code === code);
    await refused({ MaxResults: 51 }, "InvalidMaxResultsException");
    await refused({ StartTime: new Date(2), EndTime: new Date(1) }, "InvalidTimeRangeException");
    await refused(
      {
        LookupAttributes: [
          { AttributeKey: "EventName", AttributeValue: "a" },
          { AttributeKey: "EventName", AttributeValue: "b" },
        ],
      },
      "InvalidLookupAttributesException",
    );
    await refused({ NextToken: "nonsense" }, "InvalidNextTokenException");
    const { token } = await lookUp({ MaxResults: 1 });
    assert.equal(typeof token, "string");
    await refused(
      { NextToken: token, LookupAttributes: [{ AttributeKey: "EventName", AttributeValue: "a" }] },
      "InvalidNextTokenException",
    );
  });

  void test("forgets what is older than 90 days, in bounded batches", async () => {
    for (let part = 0; part < 12; part++)
      await trail.finish(
        ...Array.from({ length: 50 }, () =>
          managed("StartExecution", { at: NOW - 91 * DAY, region: part % 2 ? REGION : "eu-west-1" }),
        ),
      );
    const before = (await all({})).length;
    const count = async (): Promise<number> =>
      (await trail.store.read((reader) => reader.all("select id from trail_events"))).length;
    const total = await count();
    const trim = (): Promise<void> =>
      trail.relay.transact((transaction) =>
        trail.relay.append(transaction, { kind: "trail.trim", key: "trail.trim", trace: "", body: null }),
      );
    await trim();
    assert.equal(await count(), total - 500);
    await trim();
    assert.equal(await count(), total - 600);
    assert.equal((await all({})).length, before);
  });
});
