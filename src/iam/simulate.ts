/** SimulateCustomPolicy and SimulatePrincipalPolicy: the same evaluation as at the gate, with a made-up request. */
import type * as sdk from "@aws-sdk/client-iam";
import type { Call, Principal } from "../flow.ts";
import type { Reader } from "../store/store.ts";
import { fault } from "../wire/fault.ts";
import type { Handlers } from "../wire/service.ts";
import { compilePolicy } from "./document.ts";
import { evaluate, PolicySet } from "./evaluate.ts";
import type { Candidate, Source } from "./evaluate.ts";
import { managedSource, sourcesOf } from "./holder.ts";
import { parseEntityArn, rootArn } from "./names.ts";
import type { Context } from "./pattern.ts";
import { spanOf } from "./positions.ts";
import { entityByName, groupsOf } from "./rows.ts";
import type { EntityRow } from "./rows.ts";
import { arnOf, noSuchEntity, pageOfList } from "./support.ts";

export const simulateHandlers = {
  SimulateCustomPolicy: async (input, call) => {
    const identity = input.PolicyInputList.map(customSource("PolicyInputList"));
    const principal = pretend(input.CallerArn ?? ownArn(call));
    const boundary = (input.PermissionsBoundaryPolicyInputList ?? []).map(
      customSource("PermissionsBoundaryPolicyInputList"),
    );
    return results(input, { principal, identity, boundary });
  },
  SimulatePrincipalPolicy: (input, call) =>
    call.read(async (reader) => {
      const entity = await sourceEntity(reader, call, input.PolicySourceArn);
      const identity = await sourcesOf(reader, entity.id, entity.kind);
      const groups = entity.kind === "user" ? await groupsOf(reader, entity.id) : [];
      for (const group of groups) identity.push(...(await sourcesOf(reader, group.id, "group")));
      identity.push(...(input.PolicyInputList ?? []).map(customSource("PolicyInputList")));
      const own = entity.boundary ? await managedSource(reader, entity.boundary) : undefined;
      const given = (input.PermissionsBoundaryPolicyInputList ?? []).map(
        customSource("PermissionsBoundaryPolicyInputList"),
      );
      const principal = pretend(input.CallerArn ?? arnOf(entity), entity);
      return results(input, { principal, identity, boundary: given.length > 0 ? given : own ? [own] : [] });
    }),
  GetContextKeysForCustomPolicy: async (input) => ({
    ContextKeyNames: keysOf(input.PolicyInputList.map(customSource("PolicyInputList"))),
  }),
  GetContextKeysForPrincipalPolicy: (input, call) =>
    call.read(async (reader) => {
      const entity = await sourceEntity(reader, call, input.PolicySourceArn);
      const sources = await sourcesOf(reader, entity.id, entity.kind);
      return {
        ContextKeyNames: keysOf([...sources, ...(input.PolicyInputList ?? []).map(customSource("PolicyInputList"))]),
      };
    }),
} satisfies Handlers<typeof sdk>;

type SimulationInput = {
  readonly ActionNames: readonly string[];
  readonly ResourceArns?: readonly string[] | undefined;
  readonly ResourcePolicy?: string | undefined;
  readonly ResourceOwner?: string | undefined;
  readonly ContextEntries?:
    | readonly {
        readonly ContextKeyName?: string | undefined;
        readonly ContextKeyValues?: readonly string[] | undefined;
      }[]
    | undefined;
  readonly MaxItems?: number | undefined;
  readonly Marker?: string | undefined;
};
type Setting = {
  readonly principal: Principal;
  readonly identity: readonly Source[];
  readonly boundary: readonly Source[];
};

async function results(input: SimulationInput, { principal, identity, boundary }: Setting) {
  const values = new Map<string, string | readonly string[]>();
  for (const { ContextKeyName: name, ContextKeyValues: given } of input.ContextEntries ?? []) {
    const [only] = given ?? [];
    if (name) values.set(name.toLowerCase(), given?.length === 1 && only !== undefined ? only : (given ?? []));
  }
  const sources = {
    identity: new PolicySet(identity),
    boundary: boundary.length > 0 ? new PolicySet(boundary) : undefined,
    resourcePolicy:
      input.ResourcePolicy === undefined ? undefined : new PolicySet([resourceSource(input.ResourcePolicy)]),
  };
  const owner = input.ResourceOwner?.match(/\d{12}/)?.[0];
  const evaluated: sdk.EvaluationResult[] = [];
  for (const action of input.ActionNames) {
    for (const resource of input.ResourceArns ?? ["*"]) {
      const crossAccount = owner !== undefined && owner !== principal.account;
      evaluated.push(resultOf(principal, action, resource, sources, values, crossAccount));
    }
  }
  // The order is that of the input, so the marker counts.
  const keyed = evaluated.map((result, at) => ({ result, key: String(at).padStart(9, "0") }));
  const { rows, ...page } = await pageOfList(input, keyed, ({ key }) => key);
  return { EvaluationResults: rows.map(({ result }) => result), ...page };
}

type Sets = {
  readonly identity: PolicySet;
  readonly boundary: PolicySet | undefined;
  readonly resourcePolicy: PolicySet | undefined;
};

function resultOf(
  principal: Principal,
  action: string,
  resource: string,
  sets: Sets,
  values: ReadonlyMap<string, string | readonly string[]>,
  crossAccount: boolean,
): sdk.EvaluationResult {
  const missing = new Set<string>();
  const covering = [sets.identity, sets.boundary, sets.resourcePolicy].flatMap(
    (set) => set?.covering(action.toLowerCase()) ?? [],
  );
  for (const { statement } of covering) for (const key of statement.keys) if (!values.has(key)) missing.add(key);
  const context: Context = { value: (key) => values.get(key) };
  const verdict = evaluate({
    principal,
    action: action.toLowerCase(),
    resource,
    context,
    ...sets,
    identity: principal.kind === "root" && sets.identity.sources.length === 0 ? "all" : sets.identity,
    crossAccount,
    mustBeNamed: false,
  });
  const matched = verdict.outcome === "implicitDeny" ? [] : verdict.by;
  const bounded = sets.boundary
    ? {
        PermissionsBoundaryDecisionDetail: {
          AllowedByPermissionsBoundary: !(verdict.outcome !== "allowed" && verdict.layer === "permissions boundary"),
        },
      }
    : {};
  return {
    EvalActionName: action,
    EvalResourceName: resource,
    EvalDecision: verdict.outcome,
    MatchedStatements: matched.map(showStatement),
    MissingContextValues: [...missing],
    ...bounded,
  };
}

function showStatement({ source, statement }: Candidate): sdk.Statement {
  const span = spanOf(source.policy.text, statement.index);
  return {
    SourcePolicyId: source.name,
    SourcePolicyType: TYPES[source.type],
    ...(span ? { StartPosition: span.start, EndPosition: span.end } : {}),
  };
}
const TYPES = {
  user: "user",
  group: "group",
  role: "role",
  "aws-managed": "aws-managed",
  "user-managed": "user-managed",
  resource: "resource",
  none: "none",
} as const;

const customSource =
  (list: string) =>
  (text: string, at: number): Source => ({ name: `${list}.${at + 1}`, type: "none", policy: compilePolicy(text) });

function resourceSource(text: string): Source {
  return { name: "ResourcePolicy", type: "resource", policy: compilePolicy(text) };
}

function keysOf(sources: readonly Source[]): string[] {
  return [...new Set(sources.flatMap(({ policy }) => policy.statements.flatMap(({ keys }) => keys)))].sort();
}

function ownArn({ principal }: Call): string {
  return "arn" in principal ? principal.arn : rootArn("000000000000");
}

async function sourceEntity(reader: Reader, call: Call, arn: string): Promise<EntityRow> {
  const name = parseEntityArn(arn);
  if (!name || name.account !== call.account) {
    throw fault("InvalidInput", `Invalid Entity Arn: ${arn} does not clearly define entity type and name.`, {
      status: 400,
    });
  }
  const entity = await entityByName(reader, name.account, name.kind, name.name);
  if (!entity || arnOf(entity) !== arn) throw noSuchEntity(`The ${name.kind} with name ${name.name} cannot be found.`);
  return entity;
}

/** The principal that a simulation speaks of, by its ARN. */
function pretend(arn: string, entity?: EntityRow): Principal {
  const account = /^arn:aws:(?:iam|sts)::(\d{12}):/.exec(arn)?.[1];
  if (account === undefined) throw fault("InvalidInput", `Invalid Caller Arn: ${arn}`, { status: 400 });
  if (arn === rootArn(account)) return { kind: "root", account, arn, id: account, accessKeyId: "" };
  const name = arn.slice(arn.lastIndexOf("/") + 1);
  const id = entity?.id ?? "";
  if (!arn.includes(":role/") && !arn.includes(":assumed-role/"))
    return { kind: "user", account, arn, id, name, accessKeyId: "" };
  const roleName = arn.includes(":role/") ? name : (arn.split("/")[1] ?? "");
  const roleArn = arn.includes(":role/") ? arn : `arn:aws:iam::${account}:role/${roleName}`;
  return { kind: "session", account, arn, id, roleArn, roleName, sessionName: name, accessKeyId: "", createdAt: 0 };
}
