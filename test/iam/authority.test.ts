import assert from "node:assert/strict";
import { after, test } from "node:test";
import { systemClock } from "../../src/clock/system.ts";
import type { CallFacts, Parts, Principal } from "../../src/flow.ts";
import { ensureAccount, listAccounts } from "../../src/iam/accounts.ts";
import { createAuthority } from "../../src/iam/authority.ts";
import { accountScope, insertEntity, putInline } from "../../src/iam/rows.ts";
import type { EntityRow } from "../../src/iam/rows.ts";
import { openStore } from "../support/open-store.ts";
import { theStore } from "../support/the-store.ts";

const ACCOUNT = "123456789012";
const opened = await openStore(theStore);
const { store } = opened;
const parts = { store, clock: systemClock, account: ACCOUNT, region: "us-east-1" } as unknown as Parts;
const authority = createAuthority(parts);
after(() => opened.close());

const entity = (kind: "user" | "role", name: string, id: string, trust: object | null): EntityRow => ({
  account: ACCOUNT,
  kind,
  name_key: name.toLowerCase(),
  name,
  id,
  path: "/",
  created_at: 0,
  tags: '{"Team":"water"}',
  boundary: null,
  description: null,
  trust: trust && JSON.stringify({ Version: "2012-10-17", Statement: [trust] }),
  trust_principals: null,
  max_session: 3600,
});
const add = (row: EntityRow, policy?: object): Promise<void> =>
  store.write(async (tx) => {
    await insertEntity(tx, row);
    if (policy) await putInline(tx, row.id, "p", JSON.stringify({ Version: "2012-10-17", Statement: policy }));
    tx.bump(accountScope(ACCOUNT));
  });
const facts = (principal: Principal): CallFacts => ({
  requestId: "r",
  trace: "t",
  service: "states",
  eventSource: "states.amazonaws.com",
  operation: "CreateStateMachine",
  readOnly: false,
  account: ACCOUNT,
  region: "us-east-1",
  principal,
  source: {
    ip: "203.0.113.7",
    userAgent: "test",
    host: "localhost",
    secure: false,
    signature: "AuthHeader",
    bytesIn: 0,
  },
  at: Date.UTC(2026, 4, 4),
});
const ruleArn = `arn:aws:events:us-east-1:${ACCOUNT}:rule/S3StepFunctions`;
const trustOf = (Condition?: object): object => ({
  Effect: "Allow",
  Principal: { Service: "events.amazonaws.com" },
  Action: "sts:AssumeRole",
  ...(Condition ? { Condition } : {}),
});
const as = (role: string, service = "events.amazonaws.com", sourceArn = ruleArn) =>
  store.write((tx) =>
    authority.assume(tx, {
      kind: "role",
      roleArn: `arn:aws:iam::${ACCOUNT}:role/${role}`,
      service,
      sessionName: "s",
      sourceArn,
      account: ACCOUNT,
    }),
  );
const user: Principal = {
  kind: "user",
  account: ACCOUNT,
  arn: `arn:aws:iam::${ACCOUNT}:user/ada`,
  id: "AIDA00000000000000001",
  name: "ada",
  accessKeyId: "AKIA",
};

void test("a service becomes a session of a role that trusts it, and of no other", async () => {
  await add(entity("role", "rule", "AROA00000000000000001", trustOf()));
  const condition = { ArnLike: { "aws:SourceArn": ruleArn }, StringEquals: { "aws:SourceAccount": ACCOUNT } };
  await add(entity("role", "bound", "AROA00000000000000002", trustOf(condition)));
  const session = await as("rule");
  assert.equal(session.arn, `arn:aws:sts::${ACCOUNT}:assumed-role/rule/s`);
  assert.deepEqual([session.id, session.invokedBy], ["AROA00000000000000001:s", "events.amazonaws.com"]);
  await as("bound");
  await assert.rejects(as("bound", "events.amazonaws.com", `${ruleArn}2`), { code: "AccessDenied" });
  await assert.rejects(as("rule", "states.amazonaws.com"), {
    message: `User: states.amazonaws.com is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::${ACCOUNT}:role/rule`,
  });
  await assert.rejects(as("missing"), /role\/missing cannot be found/);
});

void test("PassRole asks for the service it is passed to, and for a role that exists", async () => {
  const Condition = { StringEquals: { "iam:PassedToService": "states.amazonaws.com" } };
  await add(entity("user", "ada", user.id, null), [
    { Effect: "Allow", Action: "iam:PassRole", Resource: `arn:aws:iam::${ACCOUNT}:role/*`, Condition },
  ]);
  const pass = (role: string, service: string) =>
    store.read((reader) => authority.passRole(reader, facts(user), role, service));
  const role = `arn:aws:iam::${ACCOUNT}:role/rule`;
  await pass(role, "states.amazonaws.com");
  await assert.rejects(pass(role, "events.amazonaws.com"), {
    code: "AccessDeniedException",
    message: `User: ${user.arn} is not authorized to perform: iam:PassRole on resource: ${role} because no identity-based policy allows the iam:PassRole action`,
  });
  await assert.rejects(pass(`${role}x`, "states.amazonaws.com"), /rulex cannot be found/);
  await assert.rejects(pass("", "states.amazonaws.com"), { code: "ValidationException" });
  await assert.rejects(pass("arn:aws:iam::210987654321:role/r", "states.amazonaws.com"), /Cross-account pass role/);
});

void test("a bucket policy decides for a service, with the resource it acts for", async () => {
  const resourcePolicy = JSON.stringify({
    Version: "2012-10-17",
    Statement: {
      Effect: "Allow",
      Principal: { Service: "cloudtrail.amazonaws.com" },
      Action: "s3:PutObject",
      Resource: "arn:aws:s3:::logs/*",
      Condition: { StringEquals: { "aws:SourceArn": "arn:trail", "s3:x-amz-acl": "bucket-owner-full-control" } },
    },
  });
  const context = { "s3:x-amz-acl": "bucket-owner-full-control" };
  const access = { action: "s3:PutObject", resource: "arn:aws:s3:::logs/a", resourcePolicy, context };
  const decide = (sourceArn: string, more: object = {}) => {
    const trail: Principal = { kind: "service", account: ACCOUNT, service: "cloudtrail.amazonaws.com", sourceArn };
    return store.read((reader) => authority.decide(reader, facts(trail), { ...access, ...more }));
  };
  assert.equal((await decide("arn:trail")).allowed, true);
  assert.equal((await decide("arn:other")).allowed, false);
  assert.equal((await decide("arn:trail", { context: {} })).allowed, false);
  assert.equal((await decide("arn:trail", { resourcePolicy: "{" })).allowed, false);
});

void test("conditions read the call, and policies that changed count at once", async () => {
  const ben: Principal = { ...user, id: "AIDA00000000000000002", name: "ben", arn: `arn:aws:iam::${ACCOUNT}:user/ben` };
  const Condition = {
    StringEquals: { "aws:PrincipalTag/team": "water", "aws:RequestedRegion": "us-east-1", "aws:username": "ben" },
    IpAddress: { "aws:SourceIp": "203.0.113.0/24" },
    Bool: { "aws:SecureTransport": "false" },
    DateLessThan: { "aws:CurrentTime": "2026-06-01T00:00:00Z" },
    ArnEquals: { "aws:PrincipalArn": ben.arn },
    Null: { "aws:TokenIssueTime": "true", constructor: "true", "aws:PrincipalTag/constructor": "true" },
  };
  const row = entity("user", "ben", ben.id, null);
  await add(row, [{ Effect: "Allow", Action: "states:*", Resource: "*", Condition }]);
  const decide = () =>
    store.read((reader) =>
      authority.decide(reader, facts(ben), { action: "states:StartExecution", resource: "arn:x" }),
    );
  const first = await decide();
  assert.equal(first.allowed, true);
  assert.deepEqual([first.by[0]?.source.name, first.by[0]?.statement.index], ["p", 0]);
  await add(row, [{ Effect: "Deny", Action: "states:*", Resource: "*" }]);
  assert.equal((await decide()).allowed, false);
});

void test("accounts keep their root key until a fixed one takes its place", async () => {
  const first = await ensureAccount(parts, "111122223333");
  assert.equal(first.made, true);
  assert.deepEqual(await ensureAccount(parts, "111122223333"), { ...first, made: false });
  const key = (id: string) => store.read((reader) => authority.credentials(reader, id, undefined));
  assert.equal((await key(first.accessKeyId))?.secret, first.secretAccessKey);
  const fixed = { accessKeyId: "fixed", secretAccessKey: "secret" };
  assert.equal((await ensureAccount(parts, "111122223333", fixed)).made, true);
  assert.equal((await ensureAccount(parts, "111122223333", fixed)).made, false);
  assert.equal(await key(first.accessKeyId), undefined);
  assert.equal((await key("fixed"))?.principal.kind, "root");
  await assert.rejects(ensureAccount(parts, "444455556666", fixed), /belongs to someone else/);
  await assert.rejects(ensureAccount(parts, "12"), /12 digits/);
  assert.deepEqual(await listAccounts(parts), [{ accountId: "111122223333", rootAccessKeyIds: ["fixed"] }]);
});
