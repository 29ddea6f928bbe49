/** STS: who am I, and temporary credentials. */
import type * as sdk from "@aws-sdk/client-sts";
import type { Call, Parts, Principal } from "../flow.ts";
import type { Reader, Transaction } from "../store/store.ts";
import { fault } from "../wire/fault.ts";
import { defineService } from "../wire/service.ts";
import type { Handlers, ServiceDefinition } from "../wire/service.ts";
import { stsAccess } from "./access.ts";
import { INSTALLATION_SCOPE, SEALING_KEY } from "./bearers.ts";
import { compiled } from "./document.ts";
import { accountOfKey, newAccessKeyId, newSecret, parseEntityArn, sessionArn } from "./names.ts";
import { managedSource } from "./holder.ts";
import { insertInstallationValue, installationValue, keyById } from "./policy-rows.ts";
import { entityByName } from "./rows.ts";
import type { EntityRow } from "./rows.ts";
import { arnOf, refuseMembers, withTags } from "./support.ts";
import { newSealingKey, seal } from "./token.ts";
import type { Bearer } from "./token.ts";
import { usageFor } from "./usage.ts";
import { checkedPolicy } from "./validate.ts";

const CHAINED_LIMIT = 3600;
const SESSION_POLICY_LIMIT = 2048;

export function stsService(parts: Parts): ServiceDefinition {
  return defineService<typeof sdk>({
    name: "sts",
    model: "sts",
    eventSource: "sts.amazonaws.com",
    handlers: stsHandlers(parts),
    access: stsAccess,
    concurrent: ["AssumeRole", "GetSessionToken"],
    resources: (operation, input: { readonly RoleArn?: string }) => {
      const account = input.RoleArn?.split(":")[4];
      if (operation !== "AssumeRole" || input.RoleArn === undefined || !account) return [];
      return [{ type: "AWS::IAM::Role", arn: input.RoleArn, account }];
    },
  });
}

function stsHandlers(parts: Parts) {
  const { clock } = parts;
  const usage = usageFor(parts);
  return {
    GetCallerIdentity: async (_input, call) => {
      const { principal } = call;
      if (principal.kind === "service" || principal.kind === "anonymous") {
        throw fault("AccessDenied", "GetCallerIdentity is for those who have credentials.", { status: 403 });
      }
      if (principal.accessKeyId !== "") usage.note(principal.accessKeyId, call.at, "sts", call.region);
      return { UserId: principal.id, Account: principal.account, Arn: principal.arn };
    },
    AssumeRole: (input, call) => call.commit((tx) => assumeRole(parts, tx, input, call)),
    GetSessionToken: (input, call) =>
      call.commit(async (tx) => {
        refuseMembers("GetSessionToken", input, ["SerialNumber", "TokenCode"]);
        const { principal } = call;
        if ((principal.kind !== "user" && principal.kind !== "root") || principal.accessKeyId.startsWith("ASIA")) {
          throw fault("AccessDenied", "Cannot call GetSessionToken with session credentials", { status: 403 });
        }
        const limit = principal.kind === "root" ? 3600 : 129_600;
        const seconds = Math.min(input.DurationSeconds ?? 43_200, limit);
        const bearer: Bearer = { ...principal, accessKeyId: newAccessKeyId(clock, "ASIA", principal.account) };
        return { Credentials: await credentialsFor(parts, tx, bearer, seconds) };
      }),
    GetAccessKeyInfo: (input, call) =>
      call.read(async (reader) => {
        const account = (await keyById(reader, input.AccessKeyId))?.account ?? accountOfKey(input.AccessKeyId);
        if (account === undefined) throw invalid(`Invalid access key ID: ${input.AccessKeyId}`);
        return { Account: account };
      }),
  } satisfies Handlers<typeof sdk>;
}

type AssumeRoleInput = Parameters<Handler<"AssumeRole">>[0];
type Handler<Name extends keyof Handlers<typeof sdk>> = NonNullable<Handlers<typeof sdk>[Name]>;

async function assumeRole(parts: Parts, tx: Transaction, input: AssumeRoleInput, call: Call) {
  const { clock } = parts;
  refuseMembers("AssumeRole", input, ["SourceIdentity", "SerialNumber", "TokenCode", "ProvidedContexts"]);
  const role = await roleToAssume(tx, input.RoleArn, call);
  const seconds = input.DurationSeconds ?? 3600;
  if (call.principal.kind === "session" && seconds > CHAINED_LIMIT) {
    throw invalid("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.");
  }
  if (seconds > (role.max_session ?? 3600)) {
    throw invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
  }
  const now = clock.now();
  const policy = await sessionPolicy(tx, role.account, input.Policy, input.PolicyArns);
  const tags = JSON.parse(withTags("{}", input.Tags)) as Record<string, string>;
  if (input.TransitiveTagKeys && input.TransitiveTagKeys.length > 0) {
    refuseMembers("AssumeRole", { TransitiveTagKeys: input.TransitiveTagKeys }, ["TransitiveTagKeys"]);
  }
  const name = input.RoleSessionName;
  const principal: Bearer = {
    kind: "session",
    account: role.account,
    arn: sessionArn(role.account, role.name, name),
    id: `${role.id}:${name}`,
    roleArn: input.RoleArn,
    roleName: role.name,
    sessionName: name,
    accessKeyId: newAccessKeyId(clock, "ASIA", role.account),
    createdAt: now,
    ...(policy === undefined ? {} : { policy }),
    ...(Object.keys(tags).length === 0 ? {} : { tags }),
  };
  usageFor(parts).note(role.id, now, "sts", call.region);
  const packed = Math.ceil(((policy?.length ?? 0) / SESSION_POLICY_LIMIT) * 100);
  return {
    Credentials: await credentialsFor(parts, tx, principal, seconds),
    AssumedRoleUser: { AssumedRoleId: principal.id, Arn: principal.arn },
    ...(policy === undefined ? {} : { PackedPolicySize: Math.min(packed, 100) }),
  };
}

async function roleToAssume(reader: Reader, roleArn: string, call: Call): Promise<EntityRow> {
  const name = parseEntityArn(roleArn);
  const row = name?.kind === "role" ? await entityByName(reader, name.account, "role", name.name) : undefined;
  if (row && arnOf(row) === roleArn) return row;
  // AWS does not tell strangers which roles there are: a role that is missing is refused like one that does not trust.
  throw fault(
    "AccessDenied",
    `User: ${callerOf(call.principal)} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`,
    { status: 403 },
  );
}

function callerOf(principal: Principal): string {
  if (principal.kind === "service") return principal.service;
  return principal.kind === "anonymous" ? "anonymous" : principal.arn;
}

/** The inline session policy and the managed ones together: what any of them allows the session may do. */
async function sessionPolicy(
  reader: Reader,
  account: string,
  inline: string | undefined,
  arns: readonly { readonly arn?: string | undefined }[] | undefined,
): Promise<string | undefined> {
  const documents: string[] = [];
  if (inline !== undefined) {
    if (inline.length > SESSION_POLICY_LIMIT) {
      throw fault("PackedPolicyTooLarge", "The session policy exceeds the limit of 2048 characters.", { status: 400 });
    }
    checkedPolicy(inline, "identity");
    documents.push(inline);
  }
  for (const { arn } of arns ?? []) {
    const source = arn === undefined ? undefined : await managedSource(reader, arn);
    const isOurs =
      arn !== undefined && (source?.type === "aws-managed" || arn.startsWith(`arn:aws:iam::${account}:policy/`));
    if (!source || !isOurs)
      throw fault("MalformedPolicyDocument", `PolicyArns: ${arn ?? ""} does not exist.`, { status: 400 });
    documents.push(source.policy.text);
  }
  const [only] = documents;
  if (documents.length <= 1) return only;
  const statements = documents.flatMap((text) => (JSON.parse(text) as { Statement: unknown }).Statement);
  // A Sid may repeat between documents, which compiling does not mind.
  const joined = JSON.stringify({ Version: "2012-10-17", Statement: statements });
  compiled(joined);
  return joined;
}

async function credentialsFor(parts: Parts, tx: Transaction, principal: Bearer, seconds: number) {
  const now = parts.clock.now();
  const expiresAt = now + seconds * 1000;
  const secret = newSecret(parts.clock);
  const token = seal({ principal, secret, createdAt: now, expiresAt }, await sealingKey(parts, tx), parts.clock);
  return {
    AccessKeyId: principal.accessKeyId,
    SecretAccessKey: secret,
    SessionToken: token,
    Expiration: new Date(expiresAt),
  };
}

async function sealingKey(parts: Parts, tx: Transaction): Promise<string> {
  const known = await installationValue(tx, SEALING_KEY);
  if (known !== undefined) return known;
  const made = newSealingKey(parts.clock);
  await insertInstallationValue(tx, SEALING_KEY, made);
  tx.bump(INSTALLATION_SCOPE);
  // Another node may have been first.
  return (await installationValue(tx, SEALING_KEY)) ?? made;
}

function invalid(sentence: string) {
  return fault("ValidationError", sentence, { status: 400 });
}
