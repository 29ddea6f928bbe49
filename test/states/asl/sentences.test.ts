/** How the fields of JSONPath states fail: one row for each sentence. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Rehearsal } from "./support.ts";

const end = { End: true };
const task = { Type: "Task", Resource: "arn:aws:states:::aws-sdk:s3:listBuckets", Parameters: {}, ...end };
const inner = { StartAt: "I", States: { I: { Type: "Pass", ...end } } };

const FAILURES: readonly (readonly [state: object, input: unknown, sentence: string])[] = [
  [
    { ...task, TimeoutSecondsPath: "$.t" },
    { a: 1 },
    `The JSONPath '$.t' specified for the field 'TimeoutSecondsPath' could not be found in the input '{"a":1}'`,
  ],
  [
    { ...task, HeartbeatSecondsPath: "$.h" },
    {},
    "The JSONPath '$.h' specified for the field 'HeartbeatSecondsPath' could not be found in the input '{}'",
  ],
  [
    { Type: "Fail", CausePath: "$.c" },
    {},
    "The JSONPath '$.c' specified for the field 'CausePath' could not be found in the input '{}'",
  ],
  [
    { Type: "Pass", Assign: { "v.$": "$.x" }, ...end },
    {},
    "The JSONPath '$.x' specified for the field 'v.$' could not be found in the input '{}'",
  ],
  [
    { ...task, Parameters: { deep: { "Bucket.$": "$.b" } } },
    {},
    "The JSONPath '$.b' specified for the field 'Bucket.$' could not be found in the input '{}'",
  ],
  [{ ...task, InputPath: "$.i" }, {}, "Invalid path '$.i' : No results for path: $['i']"],
  [
    { Type: "Wait", SecondsPath: "$.s", ...end },
    {},
    "The SecondsPath parameter does not reference an input value: $.s",
  ],
  [
    { Type: "Wait", SecondsPath: "$.s", ...end },
    { s: -1.5 },
    "The SecondsPath parameter cannot be parsed as a long value: $.s == -1.5",
  ],
  [
    { Type: "Wait", TimestampPath: "$.t", ...end },
    { t: "2016-12-05T21:29:29" },
    "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: $.t == 2016-12-05T21:29:29",
  ],
  [
    { Type: "Wait", Timestamp: "2016-13-05T21:29:29Z", ...end },
    {},
    "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: 2016-13-05T21:29:29Z",
  ],
  [
    { Type: "Map", ItemsPath: "$.o", ItemProcessor: inner, ...end },
    { o: "bar" },
    `Map state input must be an array but was: "bar"`,
  ],
  [
    {
      Type: "Choice",
      Choices: [{ Variable: "$.a", StringEqualsPath: "$.b", Next: "S" }],
      Default: "E",
    },
    { a: "x" },
    "Invalid path '$.b': The choice state's condition path references an invalid value.",
  ],
];

void test("States.Runtime, the state, its event, and the sentence", () => {
  for (const [state, input, sentence] of FAILURES) {
    const states = "Choices" in state ? { S: state, E: { Type: "Succeed" } } : { S: state };
    const { ended, events } = new Rehearsal(states, input);
    assert.deepEqual(ended, {
      status: "FAILED",
      error: "States.Runtime",
      cause: `An error occurred while executing the state 'S' (entered at the event id #2). ${sentence}`,
    });
    assert.deepEqual(
      events.slice(2).map(({ type }) => type),
      ["ExecutionFailed"],
    );
  }
});
