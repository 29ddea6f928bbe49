/**
 * May this principal do this action on this resource? Pure: compiled policies and a question in, a verdict out.
 *
 * The order, within one account: an explicit Deny anywhere ends it; a resource policy's Allow that names the user or
 * the session is final, one that names the role is still limited by boundary and session policy, one that names the
 * account only delegates; identity policies must allow, and the boundary, and the session policy. Across accounts
 * both sides must allow.
 */
import type { Principal } from "../flow.ts";
import type { CompiledPolicy, Statement } from "./document.ts";
import type { Context } from "./pattern.ts";
import { BY_CALLER, BY_ROLE, NOT_NAMED } from "./whom.ts";
import type { Naming } from "./whom.ts";

/** A policy and where it comes from, so that a verdict can name its statement. */
export type Source = {
  /** `policy name`, or a managed policy's ARN. */
  readonly name: string;
  readonly type: "user" | "group" | "role" | "aws-managed" | "user-managed" | "resource" | "none";
  readonly policy: CompiledPolicy;
};
export type Candidate = { readonly source: Source; readonly statement: Statement };

export type Layer = "identity-based policy" | "resource-based policy" | "permissions boundary" | "session policy";
export type Verdict =
  | { readonly outcome: "allowed"; readonly by: readonly Candidate[] }
  | { readonly outcome: "explicitDeny"; readonly layer: Layer; readonly by: readonly Candidate[] }
  | { readonly outcome: "implicitDeny"; readonly layer: Layer };

export type Question = {
  readonly principal: Principal;
  /** In lower case. */
  readonly action: string;
  readonly resource: string;
  readonly context: Context;
  /** The principal's own policies; `all` for an account's root user, whom none limits. */
  readonly identity: PolicySet | "all";
  readonly boundary?: PolicySet | undefined;
  readonly session?: PolicySet | undefined;
  readonly resourcePolicy?: PolicySet | undefined;
  readonly crossAccount: boolean;
  /** True of trust policies: identity policies alone do not suffice. */
  readonly mustBeNamed: boolean;
};

/** Policies of one layer, with the statements that cover an action found once per action. */
export class PolicySet {
  readonly sources: readonly Source[];
  readonly #byAction = new Map<string, readonly Candidate[]>();
  constructor(sources: readonly Source[]) {
    this.sources = sources;
  }
  /** Statements that cover the action, denying ones first. */
  covering(action: string): readonly Candidate[] {
    const known = this.#byAction.get(action);
    if (known) return known;
    const all = this.sources.flatMap((source) => source.policy.statements.map((statement) => ({ source, statement })));
    const found = all.filter(({ statement }) => statement.covers(action));
    found.sort((one, other) => Number(one.statement.effect === "Allow") - Number(other.statement.effect === "Allow"));
    // Action names come from the model, so there are hundreds; simulations may make up any number of them.
    if (this.#byAction.size >= ACTIONS_LIMIT) this.#byAction.clear();
    this.#byAction.set(action, found);
    return found;
  }
}
const ACTIONS_LIMIT = 500;

/** Decides. */
export function evaluate(question: Question): Verdict {
  const { identity, boundary, session, resourcePolicy, crossAccount } = question;
  const resource = resourcePolicy ? askResource(resourcePolicy, question) : NOTHING;
  if (resource.denied) return denial("resource-based policy", resource.denied);
  const own = identity === "all" ? NOTHING : ask(identity, question);
  if (own.denied) return denial("identity-based policy", own.denied);
  const limit = boundary ? ask(boundary, question) : undefined;
  if (limit?.denied) return denial("permissions boundary", limit.denied);
  const given = session ? ask(session, question) : undefined;
  if (given?.denied) return denial("session policy", given.denied);

  const named = resource.naming;
  const byResource = resource.allowed ? [resource.allowed] : [];
  const noResource: Verdict = { outcome: "implicitDeny", layer: "resource-based policy" };
  if (question.principal.kind === "service" || question.principal.kind === "anonymous") {
    return named === NOT_NAMED ? noResource : { outcome: "allowed", by: byResource };
  }
  if (!crossAccount && named === BY_CALLER) return { outcome: "allowed", by: byResource };
  if (question.mustBeNamed && named === NOT_NAMED) return noResource;
  const byIdentity = identity === "all" || own.allowed !== undefined;
  if (!byIdentity && (crossAccount || named !== BY_ROLE)) {
    return { outcome: "implicitDeny", layer: "identity-based policy" };
  }
  if (limit && !limit.allowed) return { outcome: "implicitDeny", layer: "permissions boundary" };
  if (given && !given.allowed) return { outcome: "implicitDeny", layer: "session policy" };
  if (crossAccount && named === NOT_NAMED) return noResource;
  return { outcome: "allowed", by: own.allowed ? [own.allowed, ...byResource] : byResource };
}

type Answer = {
  readonly denied: Candidate | undefined;
  readonly allowed: Candidate | undefined;
  readonly naming: Naming;
};
const NOTHING: Answer = { denied: undefined, allowed: undefined, naming: NOT_NAMED };

function denial(layer: Layer, candidate: Candidate): Verdict {
  return { outcome: "explicitDeny", layer, by: [candidate] };
}

function ask(policies: PolicySet, question: Question): Answer {
  for (const candidate of policies.covering(question.action)) {
    if (!applies(candidate.statement, question)) continue;
    // Denying statements come first, so whichever applies first decides.
    return candidate.statement.effect === "Deny"
      ? { denied: candidate, allowed: undefined, naming: NOT_NAMED }
      : { denied: undefined, allowed: candidate, naming: NOT_NAMED };
  }
  return NOTHING;
}

function askResource(policies: PolicySet, question: Question): Answer {
  let allowed: Candidate | undefined;
  let naming: Naming = NOT_NAMED;
  for (const candidate of policies.covering(question.action)) {
    const { statement } = candidate;
    const named = statement.whom(question.principal);
    if (named <= naming || !applies(statement, question)) continue;
    if (statement.effect === "Deny") return { denied: candidate, allowed: undefined, naming: NOT_NAMED };
    allowed = candidate;
    naming = named;
    if (named === BY_CALLER) break;
  }
  return { denied: undefined, allowed, naming };
}

function applies(statement: Statement, { resource, context }: Question): boolean {
  if (!statement.reaches(resource, context)) return false;
  for (const condition of statement.conditions) if (!condition.holds(context)) return false;
  return true;
}

/** AWS's sentence for a verdict that is no allowance. */
export function denialSentence(caller: string, action: string, resource: string, verdict: Verdict): string {
  const start = `User: ${caller} is not authorized to perform: ${action} on resource: ${resource}`;
  if (verdict.outcome === "explicitDeny") {
    const article = verdict.layer === "identity-based policy" ? "an" : "a";
    return `${start} with an explicit deny in ${article} ${verdict.layer}`;
  }
  // AWS keeps the reasons of a refused AssumeRole to itself: they would tell strangers about a role's trust.
  if (verdict.outcome === "allowed" || action.toLowerCase().startsWith("sts:assumerole")) return start;
  return `${start} because no ${verdict.layer} allows the ${action} action`;
}
