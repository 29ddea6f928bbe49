import assert from "node:assert/strict";
import { test } from "node:test";
import type { Event } from "../../src/flow.ts";
import { compileTransform, type InputSpec } from "../../src/events/transform.ts";

const event: Event = {
  version: "0",
  id: "e-1",
  "detail-type": "Order Placed",
  source: "my.shop",
  account: "123456789012",
  time: "2026-05-04T09:12:31Z",
  region: "us-east-1",
  resources: [],
  detail: {
    id: "o-1",
    order: { total: 12.5, by: "ann" },
    tags: ["A", "B"],
    items: [{ n: 1 }, { n: 2 }],
    good: true,
    quote: 'a "b"\n',
  },
};
const facts = {
  ruleArn: "arn:aws:events:us-east-1:123456789012:rule/r",
  ruleName: "r",
  ingestedAt: Date.parse("2026-05-04T09:12:31.123Z"),
};

function given(spec: InputSpec): string | undefined {
  const transform = compileTransform(spec, "t");
  if ("error" in transform) throw new Error(transform.error);
  return transform(event, facts);
}
const template = (text: string, paths: Record<string, string> = {}) =>
  given({ InputTransformer: { InputTemplate: text, InputPathsMap: paths } });

void test("without a wish, the event; with Input, that text; with InputPath, the part", () => {
  assert.equal(given({}), JSON.stringify(event));
  assert.equal(given({ Input: '{ "a" : 1 }' }), '{ "a" : 1 }');
  assert.equal(given({ InputPath: "$.detail.order" }), '{"total":12.5,"by":"ann"}');
  assert.equal(given({ InputPath: "$.detail.id" }), '"o-1"');
  assert.equal(given({ InputPath: "$.detail.items[1].n" }), "2");
  assert.equal(given({ InputPath: "$.detail.items[*].n" }), "[1,2]");
  assert.equal(given({ InputPath: "$['detail-type']" }), '"Order Placed"');
});

void test("templates insert JSON bare, and text inside quotes", () => {
  const paths = {
    id: "$.detail.id",
    order: "$.detail.order",
    tags: "$.detail.tags",
    good: "$.detail.good",
    none: "$.detail.none",
    quote: "$.detail.quote",
  };
  assert.equal(
    template('{"a": <id>, "o": <order>, "t": <tags>, "g": <good>, "p": "x/<id>/y"}', paths),
    '{"a": "o-1", "o": {"total":12.5,"by":"ann"}, "t": ["A","B"], "g": true, "p": "x/o-1/y"}',
  );
  assert.equal(template('"<tags> <order> <none>!"', paths), '"[A,B] {total:12.5,by:ann} !"');
  assert.equal(template('"one <id>"\n"two <good>"', paths), '"one o-1"\n"two true"');
  assert.equal(
    template('{"a": "<order>"}', paths),
    undefined,
    "an object inside quotes is no JSON, and nothing is delivered",
  );
  assert.equal(template('{"q": "<quote>"}', paths), '{"q": "a \\"b\\"\\n"}');
});

void test("reserved variables", () => {
  assert.equal(
    template('{"r": <aws.events.rule-arn>, "n": "<aws.events.rule-name>", "t": <aws.events.event.ingestion-time>}'),
    `{"r": "${facts.ruleArn}", "n": "r", "t": "2026-05-04T09:12:31.123Z"}`,
  );
  assert.equal(template("<aws.events.event.json>"), JSON.stringify(event));
  const { detail: _detail, "detail-type": detailType, ...rest } = event;
  assert.deepEqual(JSON.parse(template("<aws.events.event>") ?? ""), { ...rest, detailType });
});

void test("what PutTargets refuses", () => {
  const refused = (spec: InputSpec): unknown => {
    const transform = compileTransform(spec, "t");
    return "error" in transform ? transform.error : undefined;
  };
  assert.equal(
    refused({ Input: "{}", InputPath: "$" }),
    "Only one of Input, InputPath, or InputTransformer must be provided for target t.",
  );
  assert.equal(refused({ Input: "{" }), "JSON syntax error in input for target t.");
  assert.match(String(refused({ InputPath: "detail" })), /Invalid InputPath for target t/);
  assert.equal(
    refused({ InputTransformer: { InputTemplate: '"<x>"' } }),
    "InputTemplate for target t contains invalid placeholder x.",
  );
  assert.match(
    String(refused({ InputTransformer: { InputTemplate: '"<x>"', InputPathsMap: { x: "$..a" } } })),
    /Invalid InputPath/,
  );
});
