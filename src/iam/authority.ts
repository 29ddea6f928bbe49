/** Who may do what: credentials behind access keys, decisions, and roles as services use them. */
import type { Access, CallFacts, Caller, Parts, Principal } from "../flow.ts";
import { VersionedCache } from "../store/cache.ts";
import type { Reader, Transaction } from "../store/store.ts";
import { fault } from "../wire/fault.ts";
import type { AwsFault } from "../wire/fault.ts";
import { compiled } from "./document.ts";
import { denialSentence, evaluate, PolicySet } from "./evaluate.ts";
import type { Candidate, Verdict } from "./evaluate.ts";
import { FactsContext, own } from "./facts-context.ts";
import { BearerCache } from "./bearers.ts";
import type { Credentials } from "./bearers.ts";
import { entityArn, parseEntityArn, sessionArn } from "./names.ts";
import { loadHolder, NOBODY } from "./holder.ts";
import type { Holder } from "./holder.ts";
import { accountScope, entityByName } from "./rows.ts";
import type { EntityRow } from "./rows.ts";
import { trustToDecide } from "./trust.ts";
import { usageFor } from "./usage.ts";
import type { Usage } from "./usage.ts";
import { roleIdOf } from "./whom.ts";

export type { Credentials } from "./bearers.ts";
/** `by` names the statements that decided: none when nothing allowed it, or when it was an account's root user. */
export type Decision =
  | { readonly allowed: true; readonly by: readonly Candidate[] }
  | { readonly allowed: false; readonly sentence: string; readonly by: readonly Candidate[] };
type Session = Extract<Principal, { kind: "session" }>;
type RoleCaller = Extract<Caller, { kind: "role" }>;

const ALLOWED: Decision = { allowed: true, by: [] };
const CACHE_LIMIT = 10_000;

/** Makes the authority that the gate asks. */
export function createAuthority(parts: Parts): Authority {
  return new Authority(parts);
}

export class Authority {
  readonly #parts: Parts;
  readonly #usage: Usage;
  readonly #bearers: BearerCache;
  readonly #holders = new VersionedCache<Holder>(CACHE_LIMIT);
  readonly #roles = new VersionedCache<Role | undefined>(CACHE_LIMIT);
  constructor(parts: Parts) {
    this.#parts = parts;
    this.#usage = usageFor(parts);
    this.#bearers = new BearerCache(parts.clock);
  }

  /** The secret and the principal behind an access key; undefined if there is no such active key. */
  credentials(reader: Reader, accessKeyId: string, sessionToken: string | undefined): Promise<Credentials | undefined> {
    return this.#bearers.credentials(reader, accessKeyId, sessionToken);
  }

  /** May the principal do this? Never throws for a denial. */
  async decide(reader: Reader, facts: CallFacts, access: Access): Promise<Decision> {
    const { principal } = facts;
    if ("accessKeyId" in principal && principal.accessKeyId !== "") {
      this.#usage.note(principal.accessKeyId, facts.at, facts.service, facts.region);
    }
    const holder = await this.#holder(reader, principal);
    const resourcePolicy = access.resourcePolicy ? resourceSet(access.resourcePolicy) : undefined;
    const sentence = (verdict: Verdict): string => sentenceFor(principal, access, verdict);
    if (resourcePolicy === "unreadable") {
      // A policy that cannot be read may hold a Deny, so nothing passes by it.
      const verdict: Verdict = { outcome: "explicitDeny", layer: "resource-based policy", by: [] };
      return { allowed: false, sentence: sentence(verdict), by: [] };
    }
    const action = lowered(access.action);
    const assumes = action.startsWith("sts:assumerole");
    if (assumes && principal.kind === "root") {
      return { allowed: false, sentence: "Roles may not be assumed by root accounts.", by: [] };
    }
    const verdict = evaluate({
      principal,
      action,
      resource: access.resource,
      context: new FactsContext(facts, access, tagsOf(principal, holder)),
      identity: principal.kind === "root" ? "all" : holder.identity,
      boundary: holder.boundary,
      session: principal.kind === "session" && principal.policy ? sessionSet(principal.policy) : undefined,
      resourcePolicy,
      crossAccount: access.owner !== undefined && access.owner !== principal.account,
      mustBeNamed: resourcePolicy !== undefined && (assumes || action === "sts:tagsession"),
    });
    if (verdict.outcome === "allowed") return verdict.by.length === 0 ? ALLOWED : { allowed: true, by: verdict.by };
    return { allowed: false, sentence: sentence(verdict), by: verdict.outcome === "explicitDeny" ? verdict.by : [] };
  }

  /** The role as a service uses it: exists, and trusts the service acting for this resource. Throws AccessDenied if not. */
  async assume(transaction: Transaction, caller: RoleCaller): Promise<Session> {
    const role = await this.#role(transaction, caller.roleArn);
    if (!role) {
      throw fault(
        "AccessDenied",
        `The role ${caller.roleArn} cannot be found, so ${caller.service} cannot assume it.`,
        {
          status: 403,
        },
      );
    }
    const now = this.#parts.clock.now();
    if (!trusts(role, caller, now)) {
      throw fault(
        "AccessDenied",
        `User: ${caller.service} is not authorized to perform: sts:AssumeRole on resource: ${caller.roleArn}`,
        { status: 403 },
      );
    }
    const { row } = role;
    this.#usage.note(row.id, now, caller.service, this.#parts.region);
    return {
      kind: "session",
      account: row.account,
      arn: sessionArn(row.account, row.name, caller.sessionName),
      id: `${row.id}:${caller.sessionName}`,
      roleArn: caller.roleArn,
      roleName: row.name,
      sessionName: caller.sessionName,
      accessKeyId: "",
      createdAt: now,
      invokedBy: caller.service,
    };
  }

  /** iam:PassRole on the role with iam:PassedToService, and the role must exist; throws AWS's sentence. */
  async passRole(
    reader: Reader,
    facts: CallFacts,
    roleArn: string,
    service: string,
    associatedResourceArn?: string,
  ): Promise<void> {
    const name = parseEntityArn(roleArn);
    if (name?.kind !== "role")
      throw fault("ValidationException", `'${roleArn}' is not a valid role ARN`, { status: 400 });
    const denied = (sentence: string): AwsFault => {
      const old = ["s3", "iam", "sts"].includes(facts.service);
      return fault(old ? "AccessDenied" : "AccessDeniedException", sentence, { status: old ? 403 : 400 });
    };
    if (name.account !== facts.principal.account) throw denied("Cross-account pass role is not allowed.");
    const context: Record<string, string> = { "iam:passedtoservice": service };
    if (associatedResourceArn !== undefined) context["iam:associatedresourcearn"] = associatedResourceArn;
    const decision = await this.decide(reader, facts, { action: "iam:PassRole", resource: roleArn, context });
    if (!decision.allowed) throw denied(decision.sentence);
    if (await this.#role(reader, roleArn)) return;
    if (service === "events.amazonaws.com") {
      const sentence = `Provided role '${roleArn}' cannot be assumed by principal 'events.amazonaws.com'.`;
      throw fault("ValidationException", sentence, { status: 400 });
    }
    throw denied(`The role ${roleArn} cannot be found, so it cannot be passed to ${service}.`);
  }

  async #holder(reader: Reader, principal: Principal): Promise<Holder> {
    if (principal.kind !== "user" && principal.kind !== "session") return NOBODY;
    const id = principal.kind === "user" ? principal.id : roleIdOf(principal.id);
    const scope = accountScope(principal.account);
    return (
      this.#holders.peek(reader, id, scope) ?? this.#holders.get(reader, id, (from) => loadHolder(from, id), scope)
    );
  }

  async #role(reader: Reader, roleArn: string): Promise<Role | undefined> {
    const name = parseEntityArn(roleArn);
    if (name?.kind !== "role") return undefined;
    return this.#roles.get(
      reader,
      roleArn,
      async (from) => {
        const row = await entityByName(from, name.account, "role", name.name);
        if (!row || entityArn(row.account, "role", row.path, row.name) !== roleArn) return undefined;
        return { row, trust: trustSet(trustToDecide(row)), trusted: new Map() };
      },
      accountScope(name.account),
    );
  }
}

type Role = {
  readonly row: EntityRow;
  readonly trust: PolicySet;
  /** Answers that hold until the role changes, by service and source. */
  readonly trusted: Map<string, boolean>;
};
const TRUSTED_LIMIT = 100;

/** Does the role's trust name the service, acting for this resource of this account? */
function trusts(role: Role, { service, sourceArn, account, roleArn }: RoleCaller, now: number): boolean {
  const key = `${service} ${account} ${sourceArn}`;
  const known = role.trusted.get(key);
  if (known !== undefined) return known;
  const principal: Principal = { kind: "service", account, service, sourceArn, sourceAccount: account };
  const context: Readonly<Record<string, string>> = {
    "aws:sourcearn": sourceArn,
    "aws:sourceaccount": account,
    "aws:principalisawsservice": "true",
    "aws:principalservicename": service,
    "aws:currenttime": new Date(now).toISOString(),
    "aws:epochtime": String(Math.floor(now / 1000)),
    "aws:securetransport": "true",
  };
  const verdict = evaluate({
    principal,
    action: "sts:assumerole",
    resource: roleArn,
    context: { value: (name) => own(context, name) },
    identity: NOBODY.identity,
    resourcePolicy: role.trust,
    crossAccount: false,
    mustBeNamed: true,
  });
  const answer = verdict.outcome === "allowed";
  const covering = role.trust.covering("sts:assumerole");
  const timed = covering.some(({ statement }) =>
    statement.keys.some((one) => /^aws:(currenttime|epochtime)$/.test(one)),
  );
  if (timed) return answer;
  if (role.trusted.size >= TRUSTED_LIMIT) role.trusted.clear();
  role.trusted.set(key, answer);
  return answer;
}

const trustSet = (text: string): PolicySet =>
  new PolicySet([{ name: "trust policy", type: "resource", policy: compiled(text) }]);

/** Resource and session policies by their text; few texts serve many calls. */
const resourceSets = new Map<string, PolicySet | "unreadable">();
const SETS_LIMIT = 2000;

function resourceSet(text: string): PolicySet | "unreadable" {
  const known = resourceSets.get(text);
  if (known) return known;
  let made: PolicySet | "unreadable";
  try {
    made = new PolicySet([{ name: "resource policy", type: "resource", policy: compiled(text) }]);
  } catch {
    made = "unreadable";
  }
  if (resourceSets.size >= SETS_LIMIT) resourceSets.clear();
  resourceSets.set(text, made);
  return made;
}

function sessionSet(text: string): PolicySet {
  const set = resourceSet(text);
  return set === "unreadable" ? NOBODY.identity : set;
}

const lowerCase = new Map<string, string>();
function lowered(action: string): string {
  let known = lowerCase.get(action);
  if (known === undefined) {
    if (lowerCase.size >= 5000) lowerCase.clear();
    lowerCase.set(action, (known = action.toLowerCase()));
  }
  return known;
}

function tagsOf(principal: Principal, holder: Holder): Readonly<Record<string, string>> {
  if (principal.kind !== "session" || !principal.tags) return holder.tags;
  const own = Object.entries(principal.tags).map(([key, value]) => [key.toLowerCase(), value]);
  return { ...holder.tags, ...Object.fromEntries(own) };
}

function sentenceFor(principal: Principal, access: Access, verdict: Verdict): string {
  if (principal.kind === "anonymous" && access.action.startsWith("s3:")) return "Access Denied";
  const caller =
    principal.kind === "service" ? principal.service : principal.kind === "anonymous" ? "anonymous" : principal.arn;
  return denialSentence(caller, access.action, access.resource, verdict);
}
