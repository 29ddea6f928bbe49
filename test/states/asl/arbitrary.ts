/** Random valid machines: all states, both query languages, Parallel and Map in one another. */
import fc from "fast-check";

/** A state before it has a name and knows where it goes. `skip` says how many of the states that follow are left out. */
type Blueprint = {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly ends?: boolean;
  readonly rules?: readonly Branch[];
  readonly catchers?: readonly Branch[];
  readonly branches?: readonly (readonly Blueprint[])[];
  readonly processor?: readonly Blueprint[];
};
type Branch = { readonly fields: object; readonly skip: number };

/** How deep Parallel and Map may nest. */
const DEPTH = 2;
const ERRORS = ["A", "B", "States.Timeout", "States.TaskFailed", "States.QueryEvaluationError"];

const path = fc.constantFrom(
  "$",
  "$.a",
  "$.missing",
  "$.list",
  "$.list[0]",
  "$.list[*]",
  "$..a",
  "$.list[?(@ > 1)]",
  "$$.State.Name",
  "$$.Execution.Input",
  "$x2",
  "States.UUID()",
  "States.MathRandom(1, 9)",
  "States.Format('{}', $.a)",
  "States.ArrayLength($.list)",
);
const expression = fc.constantFrom<unknown>(
  "{% $states.input %}",
  "{% $states.input.a %}",
  "{% $states.input.missing %}",
  "{% $states.input.list[0] %}",
  "{% $sum($states.input.list) %}",
  "{% $states.context.State.Name %}",
  "{% $uuid() %}",
  "{% $random() < 0.5 %}",
  "{% 1/0 %}",
  "{% $error('no') %}",
  "{% [1..3] %}",
  "{% {'list': [1, 2], 'a': 1} %}",
  "a text",
  1.5,
);
const condition = fc.constantFrom(
  "{% $states.input.a = 1 %}",
  "{% $count($states.input.list) > 2 %}",
  "{% $exists($states.input.missing) %}",
  "{% true %}",
  "{% 'no boolean' %}",
);
const skip = fc.nat(2);
const retry = fc.record(
  {
    ErrorEquals: fc.subarray(ERRORS, { minLength: 1 }),
    MaxAttempts: fc.nat(2),
    IntervalSeconds: fc.integer({ min: 1, max: 9 }),
    BackoffRate: fc.constantFrom(1, 1.5, 3),
    JitterStrategy: fc.constantFrom("NONE", "FULL"),
  },
  { requiredKeys: ["ErrorEquals"] },
);

/** Retry and Catch. */
function guarded(blueprint: fc.Arbitrary<Blueprint>, jsonata: boolean): fc.Arbitrary<Blueprint> {
  const result = jsonata
    ? fc.record({ Output: fc.constantFrom("{% $states.errorOutput %}", "{% $states.input %}") }, { requiredKeys: [] })
    : fc.record({ ResultPath: fc.constantFrom("$.caught", null, "$") }, { requiredKeys: [] });
  const catcher = fc.record({ fields: result, skip });
  const names = fc.oneof(fc.subarray(ERRORS, { minLength: 1 }), fc.constant(["States.ALL"]));
  return fc
    .tuple(blueprint, fc.array(retry, { maxLength: 2 }), fc.option(fc.tuple(names, catcher), { nil: undefined }))
    .map(([made, Retry, caught]) => ({
      ...made,
      fields: { ...made.fields, ...(Retry.length > 0 && { Retry }) },
      ...(caught && {
        catchers: [{ fields: { ErrorEquals: caught[0], ...caught[1].fields }, skip: caught[1].skip }],
      }),
    }));
}

function some(fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Record<string, unknown>> {
  return fc.record(fields, { requiredKeys: [] });
}

function leaf(Type: string, ...parts: fc.Arbitrary<object>[]): fc.Arbitrary<Blueprint> {
  return fc.tuple(...parts).map((all) => ({ fields: Object.assign({ Type }, ...all) as Record<string, unknown> }));
}

const limits = some({ HeartbeatSeconds: fc.constant(4) }).map((heartbeat) => ({ TimeoutSeconds: 9, ...heartbeat }));
const service = fc.record({
  Resource: fc.constantFrom(
    "arn:aws:states:::aws-sdk:s3:listBuckets",
    "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
    "arn:aws:states:us-east-1:123456789012:activity:a",
    "arn:aws:lambda:us-east-1:123456789012:function:f",
  ),
});

function pathLeaves(depth: number): fc.Arbitrary<Blueprint>[] {
  // An inner sequence may not assign what an outer one assigns.
  const assign = some({ Assign: fc.record({ [`x${depth}.$`]: path }) });
  const flow = some({ InputPath: fc.constantFrom("$", null, "$.a"), OutputPath: fc.constantFrom("$", "$.list", null) });
  const operator = fc.constantFrom<object>(
    { Variable: "$.a", NumericEquals: 1 },
    { Variable: "$.list", IsPresent: true },
    { Variable: "$.missing", IsPresent: true },
    { Not: { Variable: "$.a", IsNull: true } },
    {
      And: [
        { Variable: "$.a", IsPresent: true },
        { Variable: "$.a", IsNumeric: true },
      ],
    },
    { Variable: "$.missing", StringEquals: "x" },
  );
  const template = fc.record({ "v.$": path, list: fc.constant([1, { a: 2 }]) });
  const placed = some({ ResultPath: fc.constantFrom("$", "$.r", "$.list", null) });
  return [
    leaf("Pass", some({ Parameters: template, Result: fc.constant({ a: 1, list: [3] }) }), placed, assign, flow),
    leaf("Wait", fc.constantFrom({ Seconds: 2 }, { SecondsPath: "$.a" }, { Timestamp: "2020-01-01T00:00:00Z" }), flow),
    fc
      .array(fc.record({ fields: operator, skip }), { minLength: 1, maxLength: 3 })
      .map((rules) => ({ fields: { Type: "Choice" }, rules })),
    guarded(
      leaf("Task", service, limits, some({ Parameters: template }), some({ ResultSelector: template }), placed),
      false,
    ),
  ];
}

function jsonataLeaves(depth: number): fc.Arbitrary<Blueprint>[] {
  const output = some({
    Output: fc.oneof(expression, fc.record({ a: expression, list: fc.constantFrom<unknown>("{% [1, 2, 3] %}", [1]) })),
    Assign: fc.record({ [`x${depth}`]: expression }),
  });
  const seconds = fc.constantFrom<unknown>(2, "{% 1 + 1 %}", "{% 'x' %}", "{% $states.input.a %}");
  return [
    leaf("Pass", output),
    leaf("Wait", fc.record({ Seconds: seconds }), output),
    fc
      .array(fc.record({ fields: fc.record({ Condition: condition }), skip }), { minLength: 1, maxLength: 3 })
      .map((rules) => ({ fields: { Type: "Choice" }, rules })),
    guarded(leaf("Task", service, limits, some({ Arguments: fc.record({ v: expression }) }), output), true),
  ];
}

function terminal(jsonata: boolean): fc.Arbitrary<Blueprint> {
  const failing = jsonata
    ? some({ Error: fc.constantFrom("A", "{% 'B' %}", "{% 1 %}"), Cause: fc.constant("{% 'so' & '!' %}") })
    : fc.constantFrom<object>(
        {},
        { Error: "A", Cause: "so" },
        { ErrorPath: "$.missing" },
        { CausePath: "$$.State.Name" },
      );
  return fc.oneof(leaf("Fail", failing), leaf("Succeed")).map((made) => ({ ...made, ends: true }));
}

function fanouts(depth: number, jsonata: boolean, whole: boolean): fc.Arbitrary<Blueprint>[] {
  const inner = sequence(depth - 1, whole);
  const out = jsonata
    ? some({ Output: fc.constantFrom("{% $states.result %}", "{% {'list': $states.result} %}") })
    : some({ ResultPath: fc.constantFrom("$.m", "$", null) });
  const items = jsonata
    ? fc.record({ Items: fc.constantFrom<unknown>("{% $states.input.list %}", "{% [1, 2] %}", [], "{% 5 %}") })
    : fc.record({ ItemsPath: fc.constantFrom("$.list", "$.missing", "$") });
  const concurrency = some({ MaxConcurrency: fc.nat(3) });
  return [
    guarded(
      fc
        .tuple(fc.array(inner, { minLength: 1, maxLength: 3 }), leaf("Parallel", out))
        .map(([branches, made]) => ({ ...made, branches })),
      jsonata,
    ),
    guarded(
      fc.tuple(inner, leaf("Map", items, concurrency, out)).map(([processor, made]) => ({ ...made, processor })),
      jsonata,
    ),
  ];
}

/** `whole`: the machine itself is in JSONata, so all its states are. */
function state(depth: number, whole: boolean): fc.Arbitrary<Blueprint> {
  const inJsonata = fc.oneof(...jsonataLeaves(depth), ...(depth > 0 ? fanouts(depth, true, whole) : []));
  if (whole) return inJsonata;
  const marked = inJsonata.map((made) => ({ ...made, fields: { ...made.fields, QueryLanguage: "JSONata" } }));
  const inPaths = fc.oneof(...pathLeaves(depth), ...(depth > 0 ? fanouts(depth, false, whole) : []));
  return fc.oneof({ weight: 3, arbitrary: inPaths }, { weight: 1, arbitrary: marked });
}

function sequence(depth: number, whole: boolean): fc.Arbitrary<readonly Blueprint[]> {
  const last = fc.option(terminal(whole), { nil: undefined, freq: 5 });
  return fc
    .tuple(fc.array(state(depth, whole), { minLength: 1, maxLength: 4 }), last)
    .map(([states, end]) => (end === undefined ? states : [...states, end]));
}

/** Names the states of a sequence and joins them: each goes to the next one, or to a last one that ends it. */
function joined(states: readonly Blueprint[], counter: { n: number }): { StartAt: string; States: object } {
  const names = [...states.map(() => `s${(counter.n += 1)}`), `s${(counter.n += 1)}`];
  let awaited = false;
  const States: Record<string, object> = {};
  for (const [i, { fields, ends, rules, catchers, branches, processor }] of states.entries()) {
    const target = (skipped: number): string => {
      const at = Math.min(i + 1 + skipped, states.length);
      awaited ||= at === states.length;
      return names[at] ?? "";
    };
    const going = (each: readonly Branch[]) => each.map((one) => ({ ...one.fields, Next: target(one.skip) }));
    States[names[i] ?? ""] = {
      ...fields,
      ...(rules ? { Choices: going(rules), Default: target(0) } : ends !== true && { Next: target(0) }),
      ...(catchers && { Catch: going(catchers) }),
      ...(branches && { Branches: branches.map((branch) => joined(branch, counter)) }),
      ...(processor && { ItemProcessor: joined(processor, counter) }),
    };
  }
  if (awaited) States[names.at(-1) ?? ""] = { Type: "Succeed" };
  return { StartAt: names[0] ?? "", States };
}

/** The text of a definition that AWS takes. */
export const definitions: fc.Arbitrary<string> = fc.boolean().chain((whole) =>
  sequence(DEPTH, whole).map((states) => {
    const machine = joined(states, { n: 0 });
    return JSON.stringify(whole ? { QueryLanguage: "JSONata", ...machine } : machine);
  }),
);

/** Inputs, some of which the machines can work with. */
export const inputs: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('{"a":1.0,"list":[1,2,3]}', '{"a":null,"list":[]}', '{"a":{"list":[7]}}') },
  { weight: 1, arbitrary: fc.json({ maxDepth: 3 }) },
);

/** What a task may answer. */
export const answers: fc.Arbitrary<readonly number[]> = fc.array(fc.nat(1000), { minLength: 1, maxLength: 20 });
