/** The query language JSONata: what expressions give, how they fail, what bounds them, what is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { step } from "../../../src/states/asl/step.ts";
import { machineOf, NOW, Rehearsal, startSignal } from "./support.ts";

const JSONATA = { QueryLanguage: "JSONata" };
const INPUT = {
  a: 1,
  s: "x",
  none: null,
  list: [3, 1, 2],
  empty: [],
  items: [{ id: 1 }, { id: 2 }],
  o: { p: { q: 7 } },
};

/** One Pass state with this Output. */
function rehearse(output: unknown, input: unknown = INPUT): Rehearsal {
  return new Rehearsal({ P: { Type: "Pass", Output: output, End: true } }, input, JSONATA);
}

function value(expression: string, input: unknown = INPUT): unknown {
  const { ended } = rehearse(`{% ${expression} %}`, input);
  assert.equal(ended?.status, "SUCCEEDED", `${expression}: ${ended?.cause}`);
  return JSON.parse(ended?.output ?? "") as unknown;
}

/** What follows the name of the field in the cause. */
function problem(expression: string): string {
  const { ended } = rehearse(`{% ${expression} %}`);
  assert.equal(ended?.error, "States.QueryEvaluationError", expression);
  const named = `The JSONata expression '${expression}' specified for the field 'Output' `;
  const prefix = `An error occurred while executing the state 'P' (entered at the event id #2). ${named}`;
  const cause = ended?.cause ?? "";
  assert.ok(cause.startsWith(prefix), cause);
  return cause.slice(prefix.length);
}

const VALUES: readonly (readonly [expression: string, value: unknown])[] = [
  ["$states.input.a + 1", 2],
  ["$states.input", INPUT],
  ["$states.input.o.p.q", 7],
  ["$states.input.none", null],
  ["$states.input.items.id", [1, 2]],
  ["$states.input.items[id=1].id", 1],
  ["$states.input.items[id=1].id[]", [1]],
  ["$states.input.items[0]", { id: 1 }],
  ["$sort($states.input.list)", [1, 2, 3]],
  ["$states.input.list^(>$)", [3, 2, 1]],
  ["$map($states.input.list, function($v) { $v * 2 })", [6, 2, 4]],
  [
    "$states.input.items ~> |$|{'x': id + 1}|",
    [
      { id: 1, x: 2 },
      { id: 2, x: 3 },
    ],
  ],
  ["($x := 2; $x * $states.input.a)", 2],
  ["$variable := 1", 1],
  ["$states.context.Execution.Name", "run"],
  ["$now()", new Date(NOW).toISOString()],
  ["$millis()", NOW],
  ["$partition([1..5], 2)", [[1, 2], [3, 4], [5]]],
  ["$partition([1..3], 1.9)", [[1], [2], [3]]],
  ["$range(0, 4, 2)", [0, 2, 4]],
  ["$range(5, 1, -2)", [5, 3, 1]],
  ["$range(1, 1, 1)", 1],
  ["$range(1.7, 3.9, 1.2)", [1, 2, 3]],
  ["$hash('input data', 'SHA-1')", "aaff4a450a104cd177d28d18d74485e8cae074b7"],
  ["$random(42)", 0.7275636800328681],
  ["$random()", 0.5],
  ["$uuid()", "id-1"],
  [`$parse('{"a":[1,null]}')`, { a: [1, null] }],
  ["1/0", "Infinity"],
  ["[1/0]", ["Infinity"]],
  ["0/0", "NaN"],
  ["{'k': -1/0}", { k: "-Infinity" }],
  ["$count(null)", 1],
  ["$string(1e21)", "1e+21"],
  ["$contains('hello$world', /^hello\\$/)", true],
  ["$match('aab', /a+/)", { match: "aa", index: 0, groups: [] }],
  ["$count([1..873782])", 873_782],
  ["$count($range(1, 360145, 1))", 360_145],
  ["$length(($p := function($s, $n) { $n = 0 ? $s : $p($s & $s, $n - 1) }; $p('x', 22)))", 4_194_304],
  ["$length($pad('x', 4000000))", 4_000_000],
  ["$base64decode($base64encode('ä€'))", "ä€"],
  ["$exists($states.input.constructor)", false],
  ["$exists($states.input.__proto__)", false],
  ["$exists($states.input.s.constructor)", false],
  ["{'hasOwnProperty': 1, 'toString': 2}", { hasOwnProperty: 1, toString: 2 }],
];

for (const [expression, expected] of VALUES)
  test(`${expression} has its value`, () => {
    assert.deepEqual(value(expression), expected);
  });

const THREW = "threw an error during evaluation";
const MEMORY = `${THREW}: Expression evaluation memory limit exceeded: Check for excessive memory usage`;
const DEEP = `${THREW}: Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive. Depth=101 max=100`;
const ENDLESS = `${THREW}: Expression evaluation timeout: Check for infinite loop`;
const NOTHING = "returned nothing (undefined).";
const UNSUPPORTED = "returned an unsupported result type.";
const FORMAT = `${THREW}. D3086: The sub-picture must not contain a passive character that is preceded by an active character and that is followed by another active character`;
const PROBLEMS: readonly (readonly [expression: string, problem: string])[] = [
  ["$states.input.missing", NOTHING],
  ["$doesNotExist", NOTHING],
  ["$partition([1], 0)", NOTHING],
  ["$range(1, 5)", NOTHING],
  ["$hash('a')", NOTHING],
  ["$hash('a', 'md5')", `${THREW}: Unsupported hash algorithm: md5`],
  ["$eval('1+1')", `${THREW}. T1006: Attempted to invoke a non-function`],
  ["$randomSeeded(1)", `${THREW}. T1006: Attempted to invoke a non-function`],
  ["'a' + 1", `${THREW}. T2001: The left side of the "+" operator must evaluate to a number`],
  ["$sum(['a'])", `${THREW}. T0412: Argument 1 of function "sum" must be an array of "numbers"`],
  ["$error('stop')", `${THREW}. D3137: stop`],
  ["$formatNumber(1, 'x')", FORMAT],
  ["$base64decode('!!!')", "threw an internal error during evaluation."],
  ["$count([1..100000].$keys($merge([1..5000].{$string($): $})))", ENDLESS],
  ["function($x) { $x }", UNSUPPORTED],
  ["{'f': $sum}", UNSUPPORTED],
  ["{'f': /x/}", UNSUPPORTED],
  ["[1..873783]", MEMORY],
  ["$range(1, 360146, 1)", MEMORY],
  ["$length(($p := function($s, $n) { $n = 0 ? $s : $p($s & $s, $n - 1) }; $p('x', 23)))", MEMORY],
  ["$pad('x', 100000000)", MEMORY],
  ["($f := function($x) { 1 + $f($x) }; $f(1))", DEEP],
  [Array.from({ length: 200 }, () => "1").join("+"), DEEP],
  ["($f := function($x) { $f($x) }; $f(1))", ENDLESS],
  ["$distinct([1..100000])", ENDLESS],
  ["$match($pad('a', 40, 'a') & 'b', /(a+)+$/)", ENDLESS],
  ["$states.input.constructor('return process')()", `${THREW}. T1006: Attempted to invoke a non-function`],
];

for (const [expression, expected] of PROBLEMS)
  test(`${expression.slice(0, 60)} fails in AWS's words`, () => {
    assert.equal(problem(expression), expected);
  });

test("a number that no double holds passes through unchanged", () => {
  const machine = machineOf({ P: { Type: "Pass", Output: { n: "{% $states.input.n %}" }, End: true } }, JSONATA);
  const facts = { now: NOW, random: Math.random, uuid: () => "" };
  const { ended } = step(machine, null, startSignal('{"n":10000000000000001}'), facts);
  assert.equal(ended?.output, '{"n":10000000000000001}');
});

test("an expression does not change the data that it is given", () => {
  const states = {
    A: {
      Type: "Pass",
      Assign: { x: "{% $states.input ~> |$states.input|{'a': 2}| %}", y: "{% $states.input.empty{'k': 1} %}" },
      Next: "B",
    },
    B: { Type: "Pass", Output: ["{% $states.input.list[] %}", "{% $states.input.a %}", "{% $x.a %}"], End: true },
  };
  const { ended } = new Rehearsal(states, INPUT, JSONATA);
  assert.equal(ended?.output, "[[3,1,2],1,1]");
});

test("only strings that begin and end with the marks are expressions, at any depth", () => {
  const output = { a: " {% 1 %} ", "b.$": "$.x", c: ["$states.input", { d: "{% 1 + 1 %}" }], e: "1 %}" };
  const { ended } = rehearse(output);
  assert.deepEqual(JSON.parse(ended?.output ?? ""), { ...output, c: ["$states.input", { d: 2 }] });
});

test("a failed evaluation has its own event, which points past the state's Entered event", () => {
  const { events, ended } = new Rehearsal(
    { S: { Type: "Pass", Assign: { result: ["{% $doesNotExist %}"] }, End: true } },
    {},
    JSONATA,
  );
  const cause =
    "An error occurred while executing the state 'S' (entered at the event id #2). The JSONata expression '$doesNotExist' specified for the field 'Assign/result[0]' returned nothing (undefined).";
  const error = "States.QueryEvaluationError";
  assert.deepEqual(events.at(-2), {
    id: 3,
    previousEventId: 0,
    timestamp: NOW,
    type: "EvaluationFailed",
    evaluationFailedEventDetails: { cause, error, location: "Assign/result[0]", state: "S" },
  });
  assert.equal(events.at(-1)?.previousEventId, 3);
  assert.deepEqual(ended, { status: "FAILED", error, cause });
});

test("a value that its field cannot use is named with its type", () => {
  const map = {
    Type: "Map",
    Items: "{% 'string' %}",
    ItemProcessor: { StartAt: "I", States: { I: { Type: "Pass", End: true } } },
    End: true,
  };
  const { ended, events } = new Rehearsal({ M: map }, {}, JSONATA);
  assert.match(
    ended?.cause ?? "",
    /'Items' returned an unexpected result type\. Expected 'array', but was 'string' for value: "string"$/,
  );
  assert.deepEqual(events.map(({ type }) => type).slice(2), ["EvaluationFailed", "MapStateFailed", "ExecutionFailed"]);
  const wait = { Type: "Wait", Timestamp: "{% '2016-12-05 21:29:29Z' %}", End: true };
  const waited = new Rehearsal({ W: wait }, {}, JSONATA);
  assert.match(
    waited.ended?.cause ?? "",
    /\(entered at the event id #2\)\. The Timestamp field cannot be parsed as an ISO-8601/,
  );
  assert.deepEqual(waited.story().slice(2), ["3<2 EvaluationFailed", "4<3 ExecutionFailed"]);
});

test("a Choice takes the Output and Assign of the rule it follows, and its own only by Default", () => {
  const choice = {
    Type: "Choice",
    Choices: [
      { Condition: "{% $states.input.n = 1 %}", Next: "Z", Output: "{% 'one' %}", Assign: { v: 1 } },
      { Condition: "{% $states.input.n = 2 %}", Next: "Z" },
    ],
    Default: "Z",
    Output: "otherwise",
    Assign: { v: 0 },
  };
  const end = { Type: "Succeed", Output: ["{% $states.input %}", "{% $exists($v) ? $v : 'unset' %}"] };
  const run = (n: number): unknown =>
    JSON.parse(new Rehearsal({ C: choice, Z: end }, { n }, JSONATA).ended?.output ?? "null");
  assert.deepEqual(run(1), ["one", 1]);
  assert.deepEqual(run(2), [{ n: 2 }, "unset"]);
  assert.deepEqual(run(3), ["otherwise", 0]);
  const failing = new Rehearsal(
    { C: { ...choice, Choices: [{ Condition: "{% 'yes' %}", Next: "Z" }] }, Z: end },
    {},
    JSONATA,
  );
  assert.match(
    failing.ended?.cause ?? "",
    /'Choices\[0\]\/Condition' returned an unexpected result type\. Expected 'boolean'/,
  );
});

const TASK = { Type: "Task", Resource: "arn:aws:states:::aws-sdk:s3:getObject", Next: "Z" };
const END = { Type: "Succeed", Output: { in: "{% $states.input %}", v: "{% $exists($v) ? $v : null %}" } };

test("a Task has Arguments, limits, a role, a result and variables by expressions", () => {
  const task = {
    ...TASK,
    Arguments: { Bucket: "{% $states.input.b %}", Key: "k" },
    TimeoutSeconds: "{% 10 * 2 %}",
    HeartbeatSeconds: "{% $states.input.beat %}",
    Credentials: { RoleArn: "{% 'arn:aws:iam::1:role/' & $states.input.b %}" },
    Output: { size: "{% $states.result.Size %}", was: "{% $states.input.b %}" },
    Assign: { v: "{% $states.result.Size + 1 %}" },
  };
  const run = new Rehearsal({ T: task, Z: END }, { b: "bucket", beat: 5 }, JSONATA);
  const { parameters, timeoutSeconds, heartbeatSeconds, roleArn, token } = run.task();
  assert.deepEqual(
    { parameters, timeoutSeconds, heartbeatSeconds, roleArn },
    {
      parameters: '{"Bucket":"bucket","Key":"k"}',
      timeoutSeconds: 20,
      heartbeatSeconds: 5,
      roleArn: "arn:aws:iam::1:role/bucket",
    },
  );
  run.send({ kind: "taskSucceeded", token, output: '{"Size":3}' });
  assert.deepEqual(JSON.parse(run.ended?.output ?? ""), { in: { size: 3, was: "bucket" }, v: 4 });
});

test("a catcher takes its task's error and a failed expression of its state, but not its own", () => {
  const caught = (task: object, catcher: object): Rehearsal =>
    new Rehearsal(
      { T: { ...TASK, ...task, Catch: [{ ErrorEquals: ["States.ALL"], Next: "Z", ...catcher }] }, Z: END },
      {},
      JSONATA,
    );
  const failed = caught(
    {},
    { Output: "{% $states.errorOutput.Error %}", Assign: { v: "{% $states.errorOutput.Cause %}" } },
  );
  failed.send({ kind: "taskFailed", token: failed.task().token, error: "E", cause: "why" });
  assert.deepEqual(JSON.parse(failed.ended?.output ?? ""), { in: "E", v: "why" });
  const plain = caught({ Arguments: "{% $nothing %}" }, {});
  assert.equal(
    (JSON.parse(plain.ended?.output ?? "{}") as { in: { Error: string } }).in.Error,
    "States.QueryEvaluationError",
  );
  const own = caught({ Arguments: "{% $nothing %}" }, { Output: "{% $nothing %}" });
  assert.match(own.ended?.cause ?? "", /'Catch\[0\]\/Output' returned nothing/);
  assert.equal(own.events.filter(({ type }) => type === "EvaluationFailed").length, 2);
});

test("a Map takes arrays and objects, and its selector sees the item", () => {
  const map = (items: unknown, more: object = {}): unknown => {
    const processor = { StartAt: "I", States: { I: { Type: "Pass", End: true } } };
    const state = { Type: "Map", Items: items, ItemProcessor: processor, End: true, ...more };
    const { ended } = new Rehearsal({ M: state }, INPUT, JSONATA);
    return JSON.parse(ended?.output ?? "null");
  };
  assert.deepEqual(map("{% $states.input.list %}"), [3, 1, 2]);
  assert.deepEqual(map([1, "{% 1 + 1 %}"], { MaxConcurrency: "{% $variable := 1 %}" }), [1, 2]);
  assert.deepEqual(map({ k: "{% 5 %}" }), [{ Key: "k", Value: 5 }]);
  const selector = {
    ItemSelector: {
      v: "{% $states.context.Map.Item.Value %}",
      i: "{% $states.context.Map.Item.Index %}",
      a: "{% $states.input.a %}",
    },
  };
  assert.deepEqual(map(["x"], selector), [{ v: "x", i: 0, a: 1 }]);
  assert.deepEqual(map(["x"], { Output: "{% $states.result[0] & '!' %}" }), "x!");
});

test("a state speaks its own language, or the machine's, never that of the Map around it", () => {
  const inner = { StartAt: "I", States: { I: { Type: "Pass", Parameters: { "v.$": "$" }, End: true } } };
  const map = { Type: "Map", ...JSONATA, Items: "{% [1] %}", ItemProcessor: inner, End: true };
  assert.equal(new Rehearsal({ M: map }).ended?.output, '[{"v":1}]');
});

test("Wait and Fail take expressions", () => {
  const wait = new Rehearsal({ W: { Type: "Wait", Seconds: "{% $states.input.s %}", End: true } }, { s: 5 }, JSONATA);
  assert.equal(wait.timer("wait").at, NOW + 5000);
  wait.fire("wait");
  assert.equal(wait.ended?.output, '{"s":5}');
  const fail = { Type: "Fail", Error: "{% 'E' & $states.input.n %}", Cause: "{% $string($states.input) %}" };
  assert.deepEqual(new Rehearsal({ F: fail }, { n: 1 }, JSONATA).ended, {
    status: "FAILED",
    error: "E1",
    cause: '{"n":1}',
  });
});
