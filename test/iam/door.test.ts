import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as iam from "@aws-sdk/client-iam";
import {
  AssumeRoleCommand,
  GetAccessKeyInfoCommand,
  GetCallerIdentityCommand,
  GetSessionTokenCommand,
} from "@aws-sdk/client-sts";
import { startStepwell } from "../support/stepwell.ts";
import type { Clients, Key, Stepwell } from "../support/stepwell.ts";
import { stores } from "../support/stores.ts";
import { accountAnswer } from "../../src/iam/account-endpoint.ts";

const doc = (...statements: object[]): string => JSON.stringify({ Version: "2012-10-17", Statement: statements });
const allow = (Action: string | string[], Resource: string | string[] = "*", more: object = {}): object => ({
  Effect: "Allow",
  Action,
  Resource,
  ...more,
});
const trusting = (Principal: unknown, Condition?: object): string =>
  doc({
    Effect: "Allow",
    Principal,
    Action: ["sts:AssumeRole", "sts:TagSession"],
    ...(Condition ? { Condition } : {}),
  });

for (const store of stores) {
  let well: Stepwell;
  let root: Clients;
  before(async () => {
    well = await startStepwell(store);
    root = well.as;
  });
  after(() => well.close());

  const makeUser = async (name: string, policy?: string): Promise<Clients> => {
    await root.iam.send(new iam.CreateUserCommand({ UserName: name }));
    if (policy)
      await root.iam.send(new iam.PutUserPolicyCommand({ UserName: name, PolicyName: "p", PolicyDocument: policy }));
    const { AccessKey } = await root.iam.send(new iam.CreateAccessKeyCommand({ UserName: name }));
    assert.ok(AccessKey?.AccessKeyId && AccessKey.SecretAccessKey);
    return well.client({ accessKeyId: AccessKey.AccessKeyId, secretAccessKey: AccessKey.SecretAccessKey });
  };
  const assume = async (as: Clients, input: Omit<iam.Role, never> | object): Promise<Clients> => {
    const { Credentials } = await as.sts.send(new AssumeRoleCommand(input as never));
    assert.ok(Credentials?.AccessKeyId && Credentials.SecretAccessKey && Credentials.SessionToken);
    const key: Key = {
      accessKeyId: Credentials.AccessKeyId,
      secretAccessKey: Credentials.SecretAccessKey,
      sessionToken: Credentials.SessionToken,
    };
    return well.client(key);
  };
  const roleArn = (name: string): string => `arn:aws:iam::${well.account}:role/${name}`;

  void test("the administrator is the account's root", async () => {
    const me = await root.sts.send(new GetCallerIdentityCommand({}));
    assert.deepEqual(
      [me.Account, me.Arn, me.UserId],
      [well.account, `arn:aws:iam::${well.account}:root`, well.account],
    );
    const { User } = await root.iam.send(new iam.GetUserCommand({}));
    assert.equal(User?.Arn, `arn:aws:iam::${well.account}:root`);
    const info = await root.sts.send(new GetAccessKeyInfoCommand({ AccessKeyId: well.key.accessKeyId }));
    assert.equal(info.Account, well.account);
  });

  void test("a user may do what its policies say, and is told why not", async () => {
    const ada = await makeUser("ada", doc(allow("iam:GetUser", "arn:aws:iam::*:user/${aws:username}")));
    const { User } = await ada.iam.send(new iam.GetUserCommand({}));
    assert.equal(User?.UserName, "ada");
    assert.match(User.UserId ?? "", /^AIDA[A-Z2-7]{17}$/);
    await assert.rejects(ada.iam.send(new iam.ListUsersCommand({})), {
      name: "AccessDenied",
      message: `User: arn:aws:iam::${well.account}:user/ada is not authorized to perform: iam:ListUsers on resource: arn:aws:iam::${well.account}:user/ because no identity-based policy allows the iam:ListUsers action`,
    });
    await root.iam.send(new iam.CreateGroupCommand({ GroupName: "readers" }));
    await root.iam.send(new iam.AddUserToGroupCommand({ GroupName: "readers", UserName: "ada" }));
    await root.iam.send(
      new iam.AttachGroupPolicyCommand({
        GroupName: "readers",
        PolicyArn: "arn:aws:iam::aws:policy/IAMReadOnlyAccess",
      }),
    );
    assert.ok((await ada.iam.send(new iam.ListUsersCommand({}))).Users?.some((user) => user.UserName === "ada"));
    await root.iam.send(
      new iam.PutUserPermissionsBoundaryCommand({
        UserName: "ada",
        PermissionsBoundary: "arn:aws:iam::aws:policy/AmazonS3FullAccess",
      }),
    );
    await assert.rejects(
      ada.iam.send(new iam.ListUsersCommand({})),
      /because no permissions boundary allows the iam:ListUsers action/,
    );
    await root.iam.send(new iam.DeleteUserPermissionsBoundaryCommand({ UserName: "ada" }));
    await root.iam.send(
      new iam.PutUserPolicyCommand({
        UserName: "ada",
        PolicyName: "no",
        PolicyDocument: doc({ Effect: "Deny", Action: "iam:List*", Resource: "*" }),
      }),
    );
    await assert.rejects(
      ada.iam.send(new iam.ListUsersCommand({})),
      /with an explicit deny in an identity-based policy/,
    );
    await assert.rejects(root.iam.send(new iam.DeleteUserCommand({ UserName: "ada" })), {
      name: "DeleteConflictException",
    });
  });

  void test("an access key that was made inactive or deleted opens nothing", async () => {
    const bob = await makeUser("bob");
    const { AccessKeyMetadata } = await root.iam.send(new iam.ListAccessKeysCommand({ UserName: "bob" }));
    const AccessKeyId = AccessKeyMetadata?.[0]?.AccessKeyId ?? "";
    await bob.sts.send(new GetCallerIdentityCommand({}));
    const used = await root.iam.send(new iam.GetAccessKeyLastUsedCommand({ AccessKeyId }));
    assert.deepEqual([used.UserName, used.AccessKeyLastUsed?.ServiceName], ["bob", "sts"]);
    await root.iam.send(new iam.UpdateAccessKeyCommand({ UserName: "bob", AccessKeyId, Status: "Inactive" }));
    await assert.rejects(bob.sts.send(new GetCallerIdentityCommand({})), { name: "InvalidClientTokenId" });
    await root.iam.send(new iam.UpdateAccessKeyCommand({ UserName: "bob", AccessKeyId, Status: "Active" }));
    await bob.sts.send(new GetCallerIdentityCommand({}));
    await root.iam.send(new iam.CreateAccessKeyCommand({ UserName: "bob" }));
    await assert.rejects(root.iam.send(new iam.CreateAccessKeyCommand({ UserName: "bob" })), {
      name: "LimitExceededException",
      message: "Cannot exceed quota for AccessKeysPerUser: 2",
    });
    await root.iam.send(new iam.DeleteAccessKeyCommand({ UserName: "bob", AccessKeyId }));
    await assert.rejects(bob.sts.send(new GetCallerIdentityCommand({})), { name: "InvalidClientTokenId" });
  });

  void test("a role is assumed by those its trust names, with their external id", async () => {
    const carl = await makeUser("carl");
    const RoleName = "reader";
    const created = await root.iam.send(
      new iam.CreateRoleCommand({
        RoleName,
        AssumeRolePolicyDocument: trusting(
          { AWS: `arn:aws:iam::${well.account}:user/carl` },
          { StringEquals: { "sts:ExternalId": "x1" } },
        ),
      }),
    );
    assert.equal(created.Role?.Arn, roleArn(RoleName));
    await root.iam.send(
      new iam.PutRolePolicyCommand({ RoleName, PolicyName: "p", PolicyDocument: doc(allow("iam:List*")) }),
    );
    const input = { RoleArn: roleArn(RoleName), RoleSessionName: "s1" };
    await assert.rejects(assume(carl, input), {
      name: "AccessDenied",
      message: `User: arn:aws:iam::${well.account}:user/carl is not authorized to perform: sts:AssumeRole on resource: ${roleArn(RoleName)}`,
    });
    const session = await assume(carl, { ...input, ExternalId: "x1" });
    const me = await session.sts.send(new GetCallerIdentityCommand({}));
    assert.equal(me.Arn, `arn:aws:sts::${well.account}:assumed-role/reader/s1`);
    assert.match(me.UserId ?? "", /^AROA[A-Z2-7]{17}:s1$/);
    await session.iam.send(new iam.ListRolesCommand({}));
    await assert.rejects(
      session.iam.send(new iam.GetRoleCommand({ RoleName })),
      /no identity-based policy allows the iam:GetRole action/,
    );
    const limited = await assume(carl, { ...input, ExternalId: "x1", Policy: doc(allow("iam:ListUsers")) });
    await limited.iam.send(new iam.ListUsersCommand({}));
    await assert.rejects(
      limited.iam.send(new iam.ListRolesCommand({})),
      /because no session policy allows the iam:ListRoles action/,
    );
    await assert.rejects(
      assume(carl, { ...input, ExternalId: "x1", DurationSeconds: 7200 }),
      /exceeds the MaxSessionDuration/,
    );
    await assert.rejects(assume(root, { ...input, ExternalId: "x1" }), /Roles may not be assumed by root accounts/);
  });

  void test("a trust means the very user it was given, not the next one of that name", async () => {
    await makeUser("dora");
    const arn = `arn:aws:iam::${well.account}:user/dora`;
    await root.iam.send(
      new iam.CreateRoleCommand({ RoleName: "for-dora", AssumeRolePolicyDocument: trusting({ AWS: arn }) }),
    );
    const shown = async (): Promise<string> =>
      decodeURIComponent(
        (await root.iam.send(new iam.GetRoleCommand({ RoleName: "for-dora" }))).Role?.AssumeRolePolicyDocument ?? "",
      );
    assert.equal(await shown(), trusting({ AWS: arn }));
    const keys = await root.iam.send(new iam.ListAccessKeysCommand({ UserName: "dora" }));
    await root.iam.send(
      new iam.DeleteAccessKeyCommand({ UserName: "dora", AccessKeyId: keys.AccessKeyMetadata?.[0]?.AccessKeyId }),
    );
    await root.iam.send(new iam.DeleteUserCommand({ UserName: "dora" }));
    const second = await makeUser("dora");
    assert.match(await shown(), /"AWS":"AIDA[A-Z2-7]{17}"/);
    await assert.rejects(assume(second, { RoleArn: roleArn("for-dora"), RoleSessionName: "s1" }), {
      name: "AccessDenied",
    });
    await assert.rejects(
      root.iam.send(
        new iam.CreateRoleCommand({ RoleName: "for-nobody", AssumeRolePolicyDocument: trusting({ AWS: `${arn}x` }) }),
      ),
      { name: "MalformedPolicyDocumentException", message: `Invalid principal in policy: "AWS":"${arn}x"` },
    );
  });

  void test("managed policies have versions, are counted, and cannot go while in use", async () => {
    const eve = await makeUser("eve");
    const { Policy } = await root.iam.send(
      new iam.CreatePolicyCommand({ PolicyName: "roles", PolicyDocument: doc(allow("iam:ListRoles")) }),
    );
    const PolicyArn = Policy?.Arn ?? "";
    await root.iam.send(new iam.AttachUserPolicyCommand({ UserName: "eve", PolicyArn }));
    await eve.iam.send(new iam.ListRolesCommand({}));
    const PolicyDocument = doc(allow("iam:ListUsers"));
    await root.iam.send(new iam.CreatePolicyVersionCommand({ PolicyArn, PolicyDocument, SetAsDefault: true }));
    await assert.rejects(eve.iam.send(new iam.ListRolesCommand({})), /no identity-based policy/);
    await root.iam.send(new iam.SetDefaultPolicyVersionCommand({ PolicyArn, VersionId: "v1" }));
    await eve.iam.send(new iam.ListRolesCommand({}));
    const got = await root.iam.send(new iam.GetPolicyVersionCommand({ PolicyArn, VersionId: "v2" }));
    assert.equal(decodeURIComponent(got.PolicyVersion?.Document ?? ""), PolicyDocument);
    for (let version = 3; version <= 5; version++) {
      await root.iam.send(new iam.CreatePolicyVersionCommand({ PolicyArn, PolicyDocument }));
    }
    await assert.rejects(root.iam.send(new iam.CreatePolicyVersionCommand({ PolicyArn, PolicyDocument })), {
      name: "LimitExceededException",
    });
    const { Versions } = await root.iam.send(new iam.ListPolicyVersionsCommand({ PolicyArn }));
    assert.deepEqual(
      Versions?.map((one) => one.VersionId),
      ["v5", "v4", "v3", "v2", "v1"],
    );
    await assert.rejects(root.iam.send(new iam.DeletePolicyCommand({ PolicyArn })), {
      name: "DeleteConflictException",
      message: "Cannot delete a policy attached to entities.",
    });
    const users = await root.iam.send(new iam.ListEntitiesForPolicyCommand({ PolicyArn }));
    assert.deepEqual(
      users.PolicyUsers?.map((user) => user.UserName),
      ["eve"],
    );
    const details = await root.iam.send(
      new iam.GetAccountAuthorizationDetailsCommand({ Filter: ["User", "LocalManagedPolicy"] }),
    );
    assert.ok(details.UserDetailList?.some((user) => user.AttachedManagedPolicies?.[0]?.PolicyArn === PolicyArn));
    assert.equal(details.Policies?.find((policy) => policy.Arn === PolicyArn)?.PolicyVersionList?.length, 5);
    const summary = await root.iam.send(new iam.GetAccountSummaryCommand({}));
    assert.equal(summary.SummaryMap?.["Policies"], 1);
  });

  void test("lists come in pages", async () => {
    for (let at = 0; at < 5; at++) {
      const Tags = [{ Key: "n", Value: String(at) }];
      await root.iam.send(
        new iam.CreateRoleCommand({
          RoleName: `page-${at}`,
          Path: "/pages/",
          AssumeRolePolicyDocument: trusting({ Service: "events.amazonaws.com" }),
          Tags,
        }),
      );
    }
    const names: (string | undefined)[] = [];
    let pages = 0;
    for await (const page of iam.paginateListRoles({ client: root.iam, pageSize: 2 }, { PathPrefix: "/pages/" })) {
      pages++;
      names.push(...(page.Roles ?? []).map((role) => role.RoleName));
    }
    assert.deepEqual([pages, names], [3, ["page-0", "page-1", "page-2", "page-3", "page-4"]]);
    const { Tags } = await root.iam.send(new iam.ListRoleTagsCommand({ RoleName: "page-3" }));
    assert.deepEqual(Tags, [{ Key: "n", Value: "3" }]);
    await assert.rejects(root.iam.send(new iam.GetRoleCommand({ RoleName: "page-9" })), {
      name: "NoSuchEntityException",
      message: "The role with name page-9 cannot be found.",
    });
    await assert.rejects(
      root.iam.send(
        new iam.CreateRoleCommand({
          RoleName: "PAGE-1",
          AssumeRolePolicyDocument: trusting({ Service: "events.amazonaws.com" }),
        }),
      ),
      { name: "EntityAlreadyExistsException", message: "Role with name PAGE-1 already exists." },
    );
  });

  void test("simulations really evaluate", async () => {
    const { EvaluationResults } = await root.iam.send(
      new iam.SimulateCustomPolicyCommand({
        PolicyInputList: [
          doc(allow("s3:GetObject", "arn:aws:s3:::b/*", { Condition: { Bool: { "aws:SecureTransport": "true" } } }), {
            Effect: "Deny",
            Action: "s3:PutObject",
            Resource: "*",
          }),
        ],
        ActionNames: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
        ResourceArns: ["arn:aws:s3:::b/k"],
        ContextEntries: [
          { ContextKeyName: "aws:SecureTransport", ContextKeyType: "boolean", ContextKeyValues: ["true"] },
        ],
      }),
    );
    assert.deepEqual(
      EvaluationResults?.map((result) => result.EvalDecision),
      ["allowed", "explicitDeny", "implicitDeny"],
    );
    assert.equal(EvaluationResults?.[1]?.MatchedStatements?.[0]?.SourcePolicyId, "PolicyInputList.1");
    await makeUser("fay", doc(allow("iam:*")));
    const input = {
      PolicySourceArn: `arn:aws:iam::${well.account}:user/fay`,
      ActionNames: ["iam:ListUsers", "s3:ListBucket"],
    };
    const real = await root.iam.send(new iam.SimulatePrincipalPolicyCommand(input));
    assert.deepEqual(
      real.EvaluationResults?.map((result) => result.EvalDecision),
      ["allowed", "implicitDeny"],
    );
  });

  void test("a wrong or borrowed session token opens nothing, a session token of a user is the user", async () => {
    const gus = await makeUser("gus", doc(allow("iam:GetUser")));
    const { Credentials } = await gus.sts.send(new GetSessionTokenCommand({}));
    assert.ok(Credentials?.AccessKeyId && Credentials.SecretAccessKey && Credentials.SessionToken);
    const key: Key = {
      accessKeyId: Credentials.AccessKeyId,
      secretAccessKey: Credentials.SecretAccessKey,
      sessionToken: Credentials.SessionToken,
    };
    const me = await well.client(key).sts.send(new GetCallerIdentityCommand({}));
    assert.equal(me.Arn, `arn:aws:iam::${well.account}:user/gus`);
    const { sessionToken, ...bare } = key;
    assert.ok(sessionToken);
    for (const wrong of [
      bare,
      { ...key, sessionToken: `${sessionToken.slice(0, -9)}AAAAAAAA=` },
      { ...well.key, sessionToken },
    ]) {
      await assert.rejects(well.client(wrong).sts.send(new GetCallerIdentityCommand({})), {
        name: "InvalidClientTokenId",
      });
    }
  });

  void test("another account is apart, and both sides must agree to meet", async () => {
    const made = (await accountAnswer(well.node.parts, "210987654321")) as Key;
    const other = well.client({ accessKeyId: made.accessKeyId, secretAccessKey: made.secretAccessKey });
    assert.equal((await other.sts.send(new GetCallerIdentityCommand({}))).Account, "210987654321");
    assert.deepEqual((await other.iam.send(new iam.ListUsersCommand({}))).Users, []);
    await root.iam.send(
      new iam.CreateRoleCommand({ RoleName: "open", AssumeRolePolicyDocument: trusting({ AWS: "210987654321" }) }),
    );
    await other.iam.send(new iam.CreateUserCommand({ UserName: "zoe" }));
    const { AccessKey } = await other.iam.send(new iam.CreateAccessKeyCommand({ UserName: "zoe" }));
    const zoe = well.client({
      accessKeyId: AccessKey?.AccessKeyId ?? "",
      secretAccessKey: AccessKey?.SecretAccessKey ?? "",
    });
    const input = { RoleArn: roleArn("open"), RoleSessionName: "s1" };
    await assert.rejects(assume(zoe, input), { name: "AccessDenied" });
    await other.iam.send(
      new iam.PutUserPolicyCommand({ UserName: "zoe", PolicyName: "p", PolicyDocument: doc(allow("sts:AssumeRole")) }),
    );
    const session = await assume(zoe, input);
    assert.equal((await session.sts.send(new GetCallerIdentityCommand({}))).Account, well.account);
  });
}
