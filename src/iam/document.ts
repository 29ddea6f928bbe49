/**
 * Policy documents: text in, compiled statements out. Compiling checks the grammar; what AWS asks beyond it of
 * identity, trust and resource policies is in validate.ts.
 */
import type { Principal } from "../flow.ts";
import { fault } from "../wire/fault.ts";
import type { AwsFault } from "../wire/fault.ts";
import { compileCondition, ConditionError, variablesIn } from "./condition.ts";
import type { Condition } from "./condition.ts";
import { compilePattern } from "./pattern.ts";
import type { Context } from "./pattern.ts";
import { BY_CALLER, compileWhom, NOT_NAMED } from "./whom.ts";
import type { Naming } from "./whom.ts";

export type Statement = {
  readonly effect: "Allow" | "Deny";
  readonly sid: string | undefined;
  /** Where it stands in its document, from 0. */
  readonly index: number;
  /** How the statement names the caller; statements without Principal are about whoever has the policy. */
  readonly whom: (principal: Principal) => Naming;
  /** The action in lower case. */
  readonly covers: (action: string) => boolean;
  readonly reaches: (resource: string, context: Context) => boolean;
  readonly conditions: readonly Condition[];
  /** Every condition key that the statement reads, lower-case. */
  readonly keys: readonly string[];
};
export type CompiledPolicy = { readonly text: string; readonly statements: readonly Statement[] };

/** A statement as written, every element a list. */
export type WrittenStatement = {
  readonly sid: string | undefined;
  readonly effect: "Allow" | "Deny";
  readonly principal: WrittenPrincipal | undefined;
  readonly notPrincipal: WrittenPrincipal | undefined;
  readonly actions: readonly string[] | undefined;
  readonly notActions: readonly string[] | undefined;
  readonly resources: readonly string[] | undefined;
  readonly notResources: readonly string[] | undefined;
  readonly conditions: readonly {
    readonly operator: string;
    readonly key: string;
    readonly values: readonly string[];
  }[];
};
export type WrittenPrincipal = "*" | Readonly<Record<string, readonly string[]>>;
export type WrittenPolicy = { readonly version: string; readonly statements: readonly WrittenStatement[] };

const ELEMENTS = new Set(
  "Sid Effect Principal NotPrincipal Action NotAction Resource NotResource Condition".split(" "),
);
const SYNTAX = "Syntax errors in policy.";

/** Reads a document's grammar. Throws MalformedPolicyDocument in AWS's words. */
export function readPolicy(text: string): WrittenPolicy {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw malformed("This policy contains invalid Json");
  }
  if (!isObject(document)) throw malformed(SYNTAX);
  for (const name of Object.keys(document)) if (!["Version", "Id", "Statement"].includes(name)) throw malformed(SYNTAX);
  const version = document["Version"] ?? "2008-10-17";
  if (version !== "2012-10-17" && version !== "2008-10-17") throw malformed(SYNTAX);
  if (document["Id"] !== undefined && typeof document["Id"] !== "string") throw malformed(SYNTAX);
  const written = document["Statement"];
  if (written === undefined) throw malformed(SYNTAX);
  const list: readonly unknown[] = Array.isArray(written) ? written : [written];
  return { version, statements: list.map(readStatement) };
}

/** Reads and compiles a document. Throws MalformedPolicyDocument. */
export function compilePolicy(text: string): CompiledPolicy {
  const { version, statements } = readPolicy(text);
  const variables = version === "2012-10-17";
  return { text, statements: statements.map((statement, index) => compileStatement(statement, index, variables)) };
}

/** The same, but documents once compiled are kept: texts repeat far more often than they change. */
export function compiled(text: string): CompiledPolicy {
  const known = keptPolicies.get(text);
  if (known) return known;
  const policy = compilePolicy(text);
  if (keptPolicies.size >= KEPT_LIMIT) {
    const oldest = keptPolicies.keys().next();
    if (!oldest.done) keptPolicies.delete(oldest.value);
  }
  keptPolicies.set(text, policy);
  return policy;
}
const KEPT_LIMIT = 2000;
const keptPolicies = new Map<string, CompiledPolicy>();

export function malformed(sentence: string): AwsFault {
  return fault("MalformedPolicyDocument", sentence, { status: 400 });
}

function readStatement(value: unknown): WrittenStatement {
  if (!isObject(value)) throw malformed(SYNTAX);
  for (const name of Object.keys(value)) if (!ELEMENTS.has(name)) throw malformed(SYNTAX);
  const { Sid: sid, Effect: effect } = value;
  if (sid !== undefined && typeof sid !== "string") throw malformed(SYNTAX);
  if (effect === undefined) throw malformed("Missing required field Effect");
  if (effect !== "Allow" && effect !== "Deny") throw malformed(`Invalid effect: ${textOf(effect)}`);
  const written: WrittenStatement = {
    sid,
    effect,
    principal: readPrincipal(value["Principal"]),
    notPrincipal: readPrincipal(value["NotPrincipal"]),
    actions: readTexts(value["Action"]),
    notActions: readTexts(value["NotAction"]),
    resources: readTexts(value["Resource"]),
    notResources: readTexts(value["NotResource"]),
    conditions: readConditions(value["Condition"]),
  };
  if (written.actions && written.notActions) throw malformed(SYNTAX);
  if (written.resources && written.notResources) throw malformed(SYNTAX);
  if (written.principal && written.notPrincipal) throw malformed(SYNTAX);
  if (!written.actions && !written.notActions) throw malformed("Policy statement must contain actions.");
  return written;
}

function readPrincipal(value: unknown): WrittenPrincipal | undefined {
  if (value === undefined || value === "*") return value;
  if (!isObject(value)) throw malformed(SYNTAX);
  return Object.fromEntries(
    Object.entries(value).map(([kind, names]) => {
      if (!["AWS", "Service", "Federated", "CanonicalUser"].includes(kind)) {
        throw malformed(`Invalid principal in policy: "${kind}":"${textOf(names)}"`);
      }
      return [kind, readTexts(names) ?? []];
    }),
  );
}

function readTexts(value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((one) => {
    if (typeof one !== "string") throw malformed(SYNTAX);
    return one;
  });
}

function readConditions(value: unknown): WrittenStatement["conditions"] {
  if (value === undefined) return [];
  if (!isObject(value)) throw malformed(SYNTAX);
  return Object.entries(value).flatMap(([operator, keys]) => {
    if (!isObject(keys)) throw malformed(SYNTAX);
    return Object.entries(keys).map(([key, given]) => {
      const list: readonly unknown[] = Array.isArray(given) ? given : [given];
      // Numbers and booleans may stand unquoted: `"Bool": { "aws:SecureTransport": false }`.
      const values = list.map((one) => {
        if (typeof one !== "string" && typeof one !== "number" && typeof one !== "boolean") throw malformed(SYNTAX);
        return String(one);
      });
      return { operator, key, values };
    });
  });
}

function compileStatement(written: WrittenStatement, index: number, variables: boolean): Statement {
  const conditions = written.conditions.map(({ operator, key, values }) => {
    try {
      return compileCondition(operator, key, values, variables);
    } catch (error) {
      if (error instanceof ConditionError) throw malformed(error.message);
      throw error;
    }
  });
  const texts = [
    ...(written.resources ?? written.notResources ?? []),
    ...written.conditions.flatMap(({ values }) => values),
  ];
  return {
    effect: written.effect,
    sid: written.sid,
    index,
    whom: compilePrincipal(written),
    covers: compileActions(written),
    reaches: compileResources(written, variables),
    conditions,
    keys: [...new Set([...conditions.map(({ key }) => key), ...(variables ? texts.flatMap(variablesIn) : [])])],
  };
}

function compilePrincipal(written: WrittenStatement): Statement["whom"] {
  if (written.principal) return compileWhom(written.principal);
  if (written.notPrincipal) {
    const listed = compileWhom(written.notPrincipal);
    return (principal) => (listed(principal) === NOT_NAMED ? BY_CALLER : NOT_NAMED);
  }
  return () => BY_CALLER;
}

function compileActions(written: WrittenStatement): Statement["covers"] {
  const patterns = (written.actions ?? written.notActions ?? []).map((action) =>
    compilePattern(action.toLowerCase(), false),
  );
  const wanted = written.actions !== undefined;
  return (action) => patterns.some((pattern) => pattern(action, NO_CONTEXT)) === wanted;
}

function compileResources(written: WrittenStatement, variables: boolean): Statement["reaches"] {
  const patterns = (written.resources ?? written.notResources ?? []).map((text) =>
    compilePattern(wholeArn(text), variables),
  );
  if (written.resources) return (resource, context) => patterns.some((pattern) => pattern(resource, context) === true);
  // A trust policy has no Resource: it is about the role that carries it.
  if (!written.notResources) return () => true;
  return (resource, context) => patterns.every((pattern) => pattern(resource, context) === false);
}

/** "If you specify an incomplete ARN in the Resource field, AWS automatically completes the ARN by adding wildcard characters to all missing fields." */
function wholeArn(text: string): string {
  if (!text.startsWith("arn:") || text.includes("${")) return text;
  const missing = 6 - text.split(":").length;
  return missing > 0 ? text + ":*".repeat(missing) : text;
}

const NO_CONTEXT: Context = { value: () => undefined };

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
