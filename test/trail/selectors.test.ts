import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AdvancedEventSelector, EventSelector } from "@aws-sdk/client-cloudtrail";
import fc from "fast-check";
import { checkedSelectors } from "../../src/trail/rules.ts";
import { Selection, type EventFacts } from "../../src/trail/selectors.ts";
import type { Selectors, Trail } from "../../src/trail/trails.ts";
import { ACCOUNT, REGION } from "./support.ts";

function trailOf(
  selectors: Selectors | undefined,
  changes: Partial<Trail> = {},
  settings: Partial<Trail["settings"]> = {},
): Trail {
  return {
    id: "t1",
    account: ACCOUNT,
    region: REGION,
    name: "S3Event",
    logging: true,
    settings: {
      bucket: "storage",
      multiRegion: false,
      globalEvents: true,
      tags: {},
      ...(selectors ? { selectors } : {}),
      ...settings,
    },
    ...changes,
  };
}
const basic = (...selectors: EventSelector[]): Selectors => ({ style: "basic", selectors });
const advanced = (...selectors: AdvancedEventSelector[]): Selectors => ({ style: "advanced", selectors });
const onObjects = (values: string[], ReadWriteType: EventSelector["ReadWriteType"] = "All"): EventSelector => ({
  ReadWriteType,
  IncludeManagementEvents: false,
  DataResources: [{ Type: "AWS::S3::Object", Values: values }],
});
function object(bucket: string, key: string, changes: Partial<EventFacts> = {}): EventFacts {
  return {
    category: "Data",
    readOnly: false,
    eventSource: "s3.amazonaws.com",
    eventName: "PutObject",
    type: "AWS::S3::Object",
    arn: `arn:aws:s3:::${bucket}/${key}`,
    userArn: `arn:aws:iam::${ACCOUNT}:user/ada`,
    errorCode: "",
    ...changes,
  };
}
const management = (changes: Partial<EventFacts> = {}): EventFacts =>
  object("", "", {
    category: "Management",
    type: "",
    arn: "",
    eventSource: "states.amazonaws.com",
    eventName: "StartExecution",
    ...changes,
  });
const bucketOf = (facts: EventFacts): string => /^arn:aws:s3:::([^/]*)/.exec(facts.arn)?.[1] ?? "";
const selects = (trail: Trail, facts: EventFacts, region = REGION): boolean =>
  new Selection([trail], region).select(facts, bucketOf(facts)).length === 1;

void describe("basic selectors", () => {
  void test("without any, a trail records management events, read and write, and no data events", () => {
    const trail = trailOf(undefined);
    assert.ok(selects(trail, management()));
    assert.ok(selects(trail, management({ readOnly: true })));
    assert.ok(!selects(trail, object("b", "k")));
  });
  void test("values are ARN prefixes, and the trailing slash keeps bucket b apart from b2", () => {
    const slash = trailOf(basic(onObjects(["arn:aws:s3:::b/"])));
    assert.ok(selects(slash, object("b", "k")));
    assert.ok(!selects(slash, object("b2", "k")));
    const bare = trailOf(basic(onObjects(["arn:aws:s3:::b"])));
    assert.ok(selects(bare, object("b", "k")) && selects(bare, object("b2", "k")));
    assert.ok(selects(trailOf(basic(onObjects(["arn:aws:s3"]))), object("any", "k")));
    const prefix = trailOf(basic(onObjects(["arn:aws:s3:::b/images/"])));
    assert.ok(selects(prefix, object("b", "images/x")));
    assert.ok(!selects(prefix, object("b", "image")));
  });
  void test("ReadWriteType and the excluded sources", () => {
    const writes = trailOf(basic(onObjects(["arn:aws:s3:::b/"], "WriteOnly")));
    assert.ok(!selects(writes, object("b", "k", { readOnly: true })));
    assert.ok(!selects(writes, management()));
    const excluding = trailOf(
      basic({ ReadWriteType: "ReadOnly", ExcludeManagementEventSources: ["kms.amazonaws.com"] }),
    );
    assert.ok(selects(excluding, management({ readOnly: true })));
    assert.ok(!selects(excluding, management({ readOnly: false })));
    assert.ok(!selects(excluding, management({ readOnly: true, eventSource: "kms.amazonaws.com" })));
  });
  void test("a trail that is not logging, of another region, or without global events", () => {
    assert.ok(!selects(trailOf(undefined, { logging: false }), management()));
    assert.ok(!selects(trailOf(undefined), management(), "eu-west-1"));
    assert.ok(selects(trailOf(undefined, {}, { multiRegion: true }), management(), "eu-west-1"));
    const local = trailOf(undefined, {}, { globalEvents: false });
    assert.ok(!selects(local, management({ eventSource: "iam.amazonaws.com" })));
    assert.ok(selects(local, management()));
  });
});

void describe("advanced selectors", () => {
  const data = (...more: NonNullable<AdvancedEventSelector["FieldSelectors"]>): Trail =>
    trailOf(
      advanced({
        FieldSelectors: [
          { Field: "eventCategory", Equals: ["Data"] },
          { Field: "resources.type", Equals: ["AWS::S3::Object"] },
          ...more,
        ],
      }),
    );
  void test("fields are conjunctive, values alternatives", () => {
    const trail = data(
      { Field: "eventName", Equals: ["PutObject", "CopyObject"] },
      { Field: "resources.ARN", StartsWith: ["arn:aws:s3:::b/"] },
    );
    assert.ok(selects(trail, object("b", "k")));
    assert.ok(selects(trail, object("b", "k", { eventName: "CopyObject" })));
    assert.ok(!selects(trail, object("b", "k", { eventName: "DeleteObject" })));
    assert.ok(!selects(trail, object("c", "k")));
    assert.ok(!selects(trail, management()));
  });
  void test("of a negated operator no value may match", () => {
    const trail = data({ Field: "resources.ARN", NotStartsWith: ["arn:aws:s3:::b/", "arn:aws:s3:::c/"] });
    assert.ok(!selects(trail, object("b", "k")));
    assert.ok(!selects(trail, object("c", "k")));
    assert.ok(selects(trail, object("d", "k")));
    assert.ok(selects(data({ Field: "errorCode", NotEquals: ["AccessDenied"] }), object("b", "k")));
    assert.ok(!selects(data({ Field: "errorCode", Equals: ["AccessDenied"] }), object("b", "k")));
  });
  void test("selectors are alternatives", () => {
    const trail = trailOf(
      advanced(
        {
          FieldSelectors: [
            { Field: "eventCategory", Equals: ["Management"] },
            { Field: "readOnly", Equals: ["false"] },
          ],
        },
        {
          FieldSelectors: [
            { Field: "eventCategory", Equals: ["Data"] },
            { Field: "resources.type", Equals: ["AWS::S3::Object"] },
            { Field: "resources.ARN", EndsWith: [".png"] },
          ],
        },
      ),
    );
    assert.ok(selects(trail, management()));
    assert.ok(!selects(trail, management({ readOnly: true })));
    assert.ok(selects(trail, object("b", "a.png")));
    assert.ok(!selects(trail, object("b", "a.jpg")));
  });
});

void test("choosing by bucket first answers what asking every selector would", () => {
  const word = fc.constantFrom("a", "b", "ab", "a/", "b/x", "");
  const arn = word.map((text) => `arn:aws:s3:::${text}`);
  const kind = fc.constantFrom("All" as const, "ReadOnly" as const, "WriteOnly" as const);
  const anyBasic = fc
    .array(fc.record({ values: fc.array(arn, { minLength: 1, maxLength: 3 }), kind }), { minLength: 1, maxLength: 3 })
    .map((selectors) => basic(...selectors.map((one) => onObjects(one.values, one.kind))));
  const operator = fc.constantFrom(
    "Equals" as const,
    "StartsWith" as const,
    "EndsWith" as const,
    "NotEquals" as const,
    "NotStartsWith" as const,
    "NotEndsWith" as const,
  );
  const anyAdvanced = fc
    .array(fc.tuple(operator, fc.array(fc.oneof(arn, word), { minLength: 1, maxLength: 2 })), { maxLength: 2 })
    .map((conditions) =>
      advanced({
        FieldSelectors: [
          { Field: "eventCategory", Equals: ["Data"] },
          { Field: "resources.type", Equals: ["AWS::S3::Object"] },
          ...(conditions.length > 0 ? [{ Field: "resources.ARN", ...Object.fromEntries(conditions) }] : []),
        ],
      }),
    );
  const anyTrails = fc.array(fc.oneof(anyBasic, anyAdvanced), { maxLength: 4 });
  const anyEvent = fc.tuple(fc.constantFrom("a", "b", "ab"), fc.constantFrom("x", "k", "a/b"), fc.boolean());
  fc.assert(
    fc.property(anyTrails, fc.array(anyEvent, { minLength: 1, maxLength: 5 }), (all, events) => {
      const trails = all.map((selectors, index) => trailOf(selectors, { id: String(index) }));
      const selection = new Selection(trails, REGION);
      for (const [bucket, key, readOnly] of events) {
        const facts = object(bucket, key, { readOnly });
        const expected = trails.filter((trail) => naive(trail, facts)).map(({ id }) => id);
        assert.deepEqual(
          selection.select(facts, bucket).map(({ id }) => id),
          expected,
        );
      }
    }),
    { seed: 7, numRuns: 500 },
  );
});

/** The rules of the documentation, as plainly as possible. */
function naive(trail: Trail, facts: EventFacts): boolean {
  const given = trail.settings.selectors;
  if (given?.style === "basic")
    return given.selectors.some(
      (selector) =>
        (selector.ReadWriteType === "All" || (selector.ReadWriteType === "ReadOnly") === facts.readOnly) &&
        (selector.DataResources ?? []).some((resource) =>
          (resource.Values ?? []).some((value) => facts.arn.startsWith(value)),
        ),
    );
  return (given?.selectors ?? []).some((selector) => {
    const field = (selector.FieldSelectors ?? []).find((one) => one.Field === "resources.ARN");
    if (!field) return true;
    return (
      (!field.Equals || field.Equals.includes(facts.arn)) &&
      (!field.StartsWith || field.StartsWith.some((value) => facts.arn.startsWith(value))) &&
      (!field.EndsWith || field.EndsWith.some((value) => facts.arn.endsWith(value))) &&
      !field.NotEquals?.includes(facts.arn) &&
      !field.NotStartsWith?.some((value) => facts.arn.startsWith(value)) &&
      !field.NotEndsWith?.some((value) => facts.arn.endsWith(value))
    );
  });
}

void describe("PutEventSelectors refuses", () => {
  const refused = (request: Parameters<typeof checkedSelectors>[0], sentence: RegExp): void =>
    assert.throws(
      () => checkedSelectors(request),
      (error: { code: string; message: string }) =>
        error.code === "InvalidEventSelectorsException" && sentence.test(error.message),
    );
  const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `arn:aws:s3:::b${index}/`);
  void test("both styles, none, or too many", () => {
    refused({ EventSelectors: [], AdvancedEventSelectors: [] }, /either/);
    refused({}, /Specify/);
    refused({ EventSelectors: Array.from({ length: 6 }, () => ({})) }, /1 to 5/);
    refused({ EventSelectors: [onObjects(many(126)), onObjects(many(125))] }, /250/);
    assert.equal(checkedSelectors({ EventSelectors: [onObjects(many(250))] }).selectors.length, 1);
  });
  void test("wrong values", () => {
    refused({ EventSelectors: [{ ReadWriteType: "read-only" as never }] }, /ReadWriteType/);
    refused({ EventSelectors: [{ ExcludeManagementEventSources: ["s3.amazonaws.com"] }] }, /s3\.amazonaws\.com/);
    refused({ EventSelectors: [onObjects(["arn:aws:s3x:::b/"])] }, /arn:aws:s3x/);
    refused(
      { EventSelectors: [{ DataResources: [{ Type: "AWS::EC2::Instance", Values: ["arn:aws:ec2"] }] }] },
      /AWS::EC2::Instance/,
    );
  });
  void test("advanced selectors that AWS refuses", () => {
    const fields = (...FieldSelectors: NonNullable<AdvancedEventSelector["FieldSelectors"]>) => ({
      AdvancedEventSelectors: [{ FieldSelectors }],
    });
    refused(fields({ Field: "readOnly", Equals: ["true"] }), /eventCategory/);
    refused(fields({ Field: "eventCategory", Equals: ["Data"] }), /resources\.type/);
    refused(fields({ Field: "eventCategory", StartsWith: ["Data"] }), /only Equals/);
    refused(
      fields({ Field: "eventCategory", Equals: ["Management"] }, { Field: "resources.ARN", Equals: ["x"] }),
      /resources\.ARN/,
    );
    refused(
      fields({ Field: "eventCategory", Equals: ["Management"] }, { Field: "nonsense", Equals: ["x"] }),
      /nonsense/,
    );
    refused(
      fields(
        { Field: "eventCategory", Equals: ["Data"] },
        { Field: "resources.type", Equals: ["AWS::S3::Object"] },
        { Field: "eventName", Equals: many(499) },
      ),
      /500/,
    );
  });
});
