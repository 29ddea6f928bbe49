import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type { Caller } from "../../src/flow.ts";
import { NoTransaction, openHouse, type House } from "./support.ts";

let house: House;
before(async () => {
  house = await openHouse();
});
after(() => house.close());
beforeEach(() => {
  house.finished.length = 0;
  house.refused.clear();
});

const ROLE = "arn:aws:iam::111122223333:role/r";
const MACHINE = "arn:aws:states:us-east-1:111122223333:stateMachine:m";
const as: Caller = {
  kind: "role",
  roleArn: ROLE,
  service: "events.amazonaws.com",
  sessionName: "s",
  sourceArn: "arn:rule",
  account: "111122223333",
};
const start = {
  service: "states",
  operation: "StartExecution",
  input: { stateMachineArn: MACHINE },
  as,
  trace: "trace-1",
  region: "eu-west-1",
};

void test("a service that acts by a role leaves two records: the AssumeRole and the call", async () => {
  const output = await house.gate.call<{ executionArn: string }>(start);
  assert.equal(output.executionArn, MACHINE);
  const [assumed, started] = house.finished;
  assert.equal(house.finished.length, 2);
  assert.equal(assumed?.operation, "AssumeRole");
  assert.equal(assumed?.eventSource, "sts.amazonaws.com");
  assert.deepEqual(assumed?.input, { RoleArn: ROLE, RoleSessionName: "s" });
  assert.match(
    JSON.stringify(assumed?.output),
    /"AccessKeyId":"ASIA[A-Z2-7]{16}".*"Arn":"arn:aws:sts::111122223333:assumed-role\/r\/s"/,
  );
  assert.equal(assumed?.principal.kind, "service");
  assert.equal(started?.operation, "StartExecution");
  assert.equal(started?.principal.kind, "session");
  assert.equal(started?.source.ip, "events.amazonaws.com");
  assert.equal(started?.region, "eu-west-1");
  assert.ok(house.finished.every((call) => call.trace === "trace-1"));
});

void test("a role that is not trusted starts nothing, and the refusal is on record", async () => {
  house.refused.add(ROLE);
  await assert.rejects(house.gate.call(start), { code: "AccessDenied" });
  assert.deepEqual(
    house.finished.map(({ operation, error }) => [operation, error?.code]),
    [["AssumeRole", "AccessDenied"]],
  );
});

void test("a session without the permission is refused in AWS's words, on record too", async () => {
  house.refused.add("states:StartExecution");
  await assert.rejects(house.gate.call(start), {
    code: "AccessDeniedException",
    message:
      "User: arn:aws:sts::111122223333:assumed-role/r/s is not authorized to perform: states:StartExecution on resource: *",
  });
  assert.deepEqual(
    house.finished.map(({ operation, error }) => [operation, error?.code]),
    [
      ["AssumeRole", undefined],
      ["StartExecution", "AccessDeniedException"],
    ],
  );
});

void test("inside a transaction everything joins it, and a fault takes back only the call's own work", async () => {
  const transaction = new NoTransaction();
  await house.gate.call({ ...start, transaction });
  await assert.rejects(house.gate.call({ ...start, input: { stateMachineArn: MACHINE, name: "taken" }, transaction }), {
    code: "ExecutionAlreadyExists",
  });
  assert.equal(house.finished.length, 0, "nothing is on record before the commit");
  for (const effect of transaction.effects) effect();
  assert.deepEqual(
    house.finished.map(({ operation, error }) => [operation, error?.code]),
    [
      ["AssumeRole", undefined],
      ["StartExecution", undefined],
      ["AssumeRole", undefined],
      ["StartExecution", "ExecutionAlreadyExists"],
    ],
  );
});

void test("inputs are validated, unknown and unimplemented operations refused", async () => {
  await assert.rejects(house.gate.call({ ...start, input: {} }), {
    code: "ValidationException",
    message: /stateMachineArn/,
  });
  assert.equal(house.finished.at(-1)?.error?.code, "ValidationException");
  await assert.rejects(house.gate.call({ ...start, operation: "Nonsense" }), { code: "UnknownOperationException" });
  await assert.rejects(house.gate.call({ ...start, operation: "DeleteActivity" }), { status: 501 });
  await assert.rejects(house.gate.call({ ...start, service: "ec2" }), { status: 501 });
});

void test("handlers may check more than access did: PassRole and further actions", async () => {
  const principal = {
    kind: "root",
    account: "111122223333",
    arn: "arn:aws:iam::111122223333:root",
    id: "111122223333",
    accessKeyId: "A",
  } as const;
  const create = {
    ...start,
    operation: "CreateStateMachine",
    input: { name: "m", definition: "{}", roleArn: ROLE },
    as: { kind: "principal", principal } as const,
  };
  await house.gate.call(create);
  house.refused.add(ROLE);
  await assert.rejects(house.gate.call(create), { message: `may not pass ${ROLE}` });
  house.refused.clear();
  house.refused.add("states:TagResource");
  await assert.rejects(house.gate.call(create), { code: "AccessDeniedException", message: /states:TagResource/ });
  assert.equal(house.finished.length, 3);
});
