import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Principal } from "../../src/flow.ts";
import { compilePolicy } from "../../src/iam/document.ts";
import { denialSentence, evaluate, PolicySet } from "../../src/iam/evaluate.ts";
import type { Question, Verdict } from "../../src/iam/evaluate.ts";

const ACCOUNT = "123456789012";
const USER: Principal = {
  kind: "user",
  account: ACCOUNT,
  arn: `arn:aws:iam::${ACCOUNT}:user/ada`,
  id: "AIDAEXAMPLEUSERID0001",
  name: "ada",
  accessKeyId: "AKIAEXAMPLE",
};
const SESSION: Principal = {
  kind: "session",
  account: ACCOUNT,
  arn: `arn:aws:sts::${ACCOUNT}:assumed-role/R/s`,
  id: "AROAEXAMPLEROLEID0001:s",
  roleArn: `arn:aws:iam::${ACCOUNT}:role/path/R`,
  roleName: "R",
  sessionName: "s",
  accessKeyId: "",
  createdAt: 0,
};
const ROOT: Principal = {
  kind: "root",
  account: ACCOUNT,
  arn: `arn:aws:iam::${ACCOUNT}:root`,
  id: ACCOUNT,
  accessKeyId: "A",
};
const SERVICE: Principal = { kind: "service", account: ACCOUNT, service: "cloudtrail.amazonaws.com" };
const ANYONE: Principal = { kind: "anonymous", account: "" };

type Statement = Readonly<Record<string, unknown>>;
function set(...statements: readonly Statement[]): PolicySet {
  const filled = statements.map((one) => ({ Effect: "Allow", Action: "s3:GetObject", Resource: "*", ...one }));
  const text = JSON.stringify({ Version: "2012-10-17", Statement: filled });
  return new PolicySet([{ name: "p", type: "user", policy: compilePolicy(text) }]);
}
const NONE = new PolicySet([]);
const ALLOW = set({});
const DENY = set({ Effect: "Deny" });
const OTHER = set({ Action: "s3:PutObject" });
const naming = (Principal: unknown): PolicySet => set({ Principal });

function ask(principal: Principal, question: Partial<Question>): string {
  const verdict = evaluate({
    principal,
    action: "s3:getobject",
    resource: "arn:aws:s3:::b/k",
    context: { value: () => undefined },
    identity: NONE,
    crossAccount: false,
    mustBeNamed: false,
    ...question,
  });
  return verdict.outcome === "allowed" ? "allowed" : `${verdict.outcome}: ${verdict.layer}`;
}

const user = { AWS: USER.arn };
const role = { AWS: SESSION.roleArn };
const session = { AWS: SESSION.arn };
const account = { AWS: ACCOUNT };
type Row = readonly [what: string, principal: Principal, question: Partial<Question>, expected: string];
const ROWS: readonly Row[] = [
  ["nothing allows", USER, {}, "implicitDeny: identity-based policy"],
  ["identity allows", USER, { identity: ALLOW }, "allowed"],
  ["an explicit deny wins", USER, { identity: set({}, { Effect: "Deny" }) }, "explicitDeny: identity-based policy"],
  ["a boundary limits", USER, { identity: ALLOW, boundary: OTHER }, "implicitDeny: permissions boundary"],
  ["a boundary denies", USER, { identity: ALLOW, boundary: DENY }, "explicitDeny: permissions boundary"],
  ["a session policy limits", SESSION, { identity: ALLOW, session: OTHER }, "implicitDeny: session policy"],
  ["a session policy denies", SESSION, { identity: ALLOW, session: DENY }, "explicitDeny: session policy"],
  ["naming the user is final", USER, { resourcePolicy: naming(user), boundary: OTHER }, "allowed"],
  ["naming the user's id is final", USER, { resourcePolicy: naming({ AWS: USER.id }) }, "allowed"],
  [
    "naming the session is final",
    SESSION,
    { resourcePolicy: naming(session), session: OTHER, boundary: OTHER },
    "allowed",
  ],
  ["naming the role needs no identity policy", SESSION, { resourcePolicy: naming(role) }, "allowed"],
  [
    "naming the role is limited by a session policy",
    SESSION,
    { resourcePolicy: naming(role), session: OTHER },
    "implicitDeny: session policy",
  ],
  [
    "naming the role is limited by a boundary",
    SESSION,
    { resourcePolicy: naming(role), boundary: OTHER },
    "implicitDeny: permissions boundary",
  ],
  [
    "naming the account only delegates",
    USER,
    { resourcePolicy: naming(account) },
    "implicitDeny: identity-based policy",
  ],
  ["naming the account delegates", USER, { resourcePolicy: naming({ AWS: ROOT.arn }), identity: ALLOW }, "allowed"],
  [
    "a resource policy denies",
    USER,
    { resourcePolicy: set({ Effect: "Deny", Principal: "*" }), identity: ALLOW },
    "explicitDeny: resource-based policy",
  ],
  [
    "a deny for others is no deny",
    USER,
    { resourcePolicy: set({ Effect: "Deny", Principal: role }), identity: ALLOW },
    "allowed",
  ],
  [
    "a deny for all but those listed",
    USER,
    { resourcePolicy: set({ Effect: "Deny", NotPrincipal: role }), identity: ALLOW },
    "explicitDeny: resource-based policy",
  ],
  [
    "a deny for all but the user",
    USER,
    { resourcePolicy: set({ Effect: "Deny", NotPrincipal: user }), identity: ALLOW },
    "allowed",
  ],
  ["root passes", ROOT, { identity: "all" }, "allowed"],
  [
    "root is denied by the resource",
    ROOT,
    { identity: "all", resourcePolicy: set({ Effect: "Deny", Principal: "*" }) },
    "explicitDeny: resource-based policy",
  ],
  [
    "across accounts the resource must allow",
    USER,
    { identity: ALLOW, crossAccount: true },
    "implicitDeny: resource-based policy",
  ],
  [
    "across accounts identity must allow",
    USER,
    { resourcePolicy: naming(user), crossAccount: true },
    "implicitDeny: identity-based policy",
  ],
  ["across accounts both", USER, { resourcePolicy: naming(account), identity: ALLOW, crossAccount: true }, "allowed"],
  [
    "across accounts root needs the resource",
    ROOT,
    { identity: "all", crossAccount: true },
    "implicitDeny: resource-based policy",
  ],
  [
    "a trust must name",
    USER,
    { identity: ALLOW, resourcePolicy: OTHER, mustBeNamed: true },
    "implicitDeny: resource-based policy",
  ],
  ["a service by its name", SERVICE, { resourcePolicy: naming({ Service: SERVICE.service }) }, "allowed"],
  [
    "a service by a regional name",
    SERVICE,
    { resourcePolicy: naming({ Service: "cloudtrail.eu-west-1.amazonaws.com" }) },
    "allowed",
  ],
  [
    "another service",
    SERVICE,
    { resourcePolicy: naming({ Service: "events.amazonaws.com" }) },
    "implicitDeny: resource-based policy",
  ],
  ["a service is in no account", SERVICE, { resourcePolicy: naming(account) }, "implicitDeny: resource-based policy"],
  ["anyone, by a star", ANYONE, { resourcePolicy: naming("*") }, "allowed"],
  ["anyone, without policy", ANYONE, {}, "implicitDeny: resource-based policy"],
  ["NotAction", USER, { identity: set({ Action: undefined, NotAction: "iam:*" }) }, "allowed"],
  [
    "NotAction names it",
    USER,
    { identity: set({ Action: undefined, NotAction: "S3:Get*" }) },
    "implicitDeny: identity-based policy",
  ],
  [
    "NotResource",
    USER,
    { identity: set({ Resource: undefined, NotResource: "arn:aws:s3:::b/*" }) },
    "implicitDeny: identity-based policy",
  ],
  [
    "resources have case",
    USER,
    { identity: set({ Resource: "arn:aws:s3:::B/*" }) },
    "implicitDeny: identity-based policy",
  ],
  ["actions have none", USER, { identity: set({ Action: "S3:GETobject" }) }, "allowed"],
  ["short ARNs are completed", USER, { identity: set({ Resource: "arn:aws:s3" }) }, "allowed"],
  [
    "a condition on a missing key",
    USER,
    { identity: set({ Condition: { StringEquals: { "a:b": "c" } } }) },
    "implicitDeny: identity-based policy",
  ],
];
for (const [what, principal, question, expected] of ROWS) {
  void test(what, () => assert.equal(ask(principal, question), expected));
}

void test("a deny that applies beats every allow, whatever the order", () => {
  const statement = fc.record({
    Effect: fc.constantFrom("Allow", "Deny"),
    Action: fc.constantFrom("s3:*", "s3:GetObject", "s3:Put*", "*"),
    Resource: fc.constantFrom("*", "arn:aws:s3:::b/*", "arn:aws:s3:::c/*"),
  });
  const applies = ({ Action, Resource }: { Action: string; Resource: string }): boolean =>
    Action !== "s3:Put*" && Resource !== "arn:aws:s3:::c/*";
  fc.assert(
    fc.property(fc.array(statement, { maxLength: 6 }), (statements) => {
      const hits = statements.filter(applies);
      const expected = hits.some(({ Effect }) => Effect === "Deny")
        ? "explicitDeny: identity-based policy"
        : hits.length > 0
          ? "allowed"
          : "implicitDeny: identity-based policy";
      assert.equal(ask(USER, { identity: set(...statements) }), expected);
    }),
    { seed: 11, numRuns: 1000 },
  );
});

void test("sentences are AWS's", () => {
  const sentence = (verdict: Verdict, action = "states:StartExecution"): string =>
    denialSentence("U", action, "R", verdict);
  assert.equal(
    sentence({ outcome: "implicitDeny", layer: "identity-based policy" }),
    "User: U is not authorized to perform: states:StartExecution on resource: R because no identity-based policy allows the states:StartExecution action",
  );
  assert.equal(
    sentence({ outcome: "explicitDeny", layer: "permissions boundary", by: [] }),
    "User: U is not authorized to perform: states:StartExecution on resource: R with an explicit deny in a permissions boundary",
  );
  assert.equal(
    sentence({ outcome: "implicitDeny", layer: "resource-based policy" }, "sts:AssumeRole"),
    "User: U is not authorized to perform: sts:AssumeRole on resource: R",
  );
});

void test("malformed documents are refused in AWS's words", () => {
  const cases: [string, RegExp][] = [
    ["{", /invalid Json/],
    ["[]", /Syntax errors in policy/],
    ['{"Version":"2013-01-01","Statement":[]}', /Syntax errors in policy/],
    ['{"Statement":[{"Action":"*","Resource":"*"}]}', /Missing required field Effect/],
    ['{"Statement":[{"Effect":"Permit","Action":"*","Resource":"*"}]}', /Invalid effect: Permit/],
    ['{"Statement":[{"Effect":"Allow","Resource":"*"}]}', /must contain actions/],
    ['{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Sidd":"x"}]}', /Syntax errors in policy/],
    [
      '{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Like":{"a:b":"c"}}}]}',
      /Invalid Condition type : Like/,
    ],
  ];
  for (const [text, sentence] of cases) {
    assert.throws(() => compilePolicy(text), { code: "MalformedPolicyDocument", message: sentence }, text);
  }
});
