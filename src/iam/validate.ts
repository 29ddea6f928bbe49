/** What AWS asks of a policy document beyond its grammar, by what the document is for. */
import { compilePolicy, malformed, readPolicy } from "./document.ts";
import type { CompiledPolicy, WrittenStatement } from "./document.ts";

/** Checks and compiles a document to be stored. Throws MalformedPolicyDocument. */
export function checkedPolicy(text: string, purpose: "identity" | "trust"): CompiledPolicy {
  const { statements } = readPolicy(text);
  if (statements.length === 0 && purpose === "identity") throw malformed("Syntax errors in policy.");
  const sids = new Set<string>();
  for (const statement of statements) {
    checkSid(statement, sids);
    checkActions(statement);
    if (purpose === "identity") checkIdentity(statement);
    else checkTrust(statement);
  }
  return compilePolicy(text);
}

function checkSid({ sid }: WrittenStatement, seen: Set<string>): void {
  if (!sid) return;
  if (!/^[0-9A-Za-z]*$/.test(sid)) {
    throw malformed(
      "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
    );
  }
  if (seen.has(sid)) throw malformed("Statement IDs (SID) in a single policy must be unique.");
  seen.add(sid);
}

function checkActions({ actions, notActions }: WrittenStatement): void {
  const listed = actions ?? notActions ?? [];
  if (listed.length === 0) throw malformed("Policy statement must contain actions.");
  for (const action of listed) {
    if (action === "*") continue;
    const colon = action.indexOf(":");
    if (colon < 1) throw malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
    const vendor = action.slice(0, colon);
    if (!/^[A-Za-z0-9-]+$/.test(vendor)) throw malformed(`Vendor ${vendor} is not valid`);
    if (action.indexOf(":", colon + 1) > 0) throw malformed("Actions/Condition can contain only one colon.");
  }
}

function checkIdentity(statement: WrittenStatement): void {
  if (statement.principal || statement.notPrincipal) throw malformed("Policy document should not specify a principal.");
  const listed = statement.resources ?? statement.notResources ?? [];
  if (listed.length === 0) throw malformed("Policy statement must contain resources.");
  for (const resource of listed) {
    if (resource === "*" || resource.startsWith("${")) continue;
    if (!resource.startsWith("arn:")) throw malformed(`Resource ${resource} must be in ARN format or "*".`);
    const partition = resource.split(":")[1] ?? "";
    if (!/^(aws|aws-cn|aws-us-gov|\*|\$\{.*)$/.test(partition)) {
      throw malformed(`Partition "${partition}" is not valid for resource "${resource}".`);
    }
  }
}

const TRUST_ACTIONS =
  /^sts:(assumerole|assumerolewithsaml|assumerolewithwebidentity|tagsession|setsourceidentity|setcontext|\*|.*\*.*)$/i;

function checkTrust(statement: WrittenStatement): void {
  if (statement.resources || statement.notResources) throw malformed("Has prohibited field Resource");
  if (!statement.principal && !statement.notPrincipal) throw malformed("Missing required field Principal");
  if (statement.notPrincipal && statement.effect === "Allow")
    throw malformed("Allow with NotPrincipal is not allowed.");
  for (const action of statement.actions ?? []) {
    if (!TRUST_ACTIONS.test(action)) throw malformed("AssumeRole policy may only specify STS AssumeRole actions.");
  }
  for (const [kind, names] of Object.entries(statement.principal === "*" ? {} : (statement.principal ?? {}))) {
    for (const name of names) {
      if (!principalIsPlausible(kind, name)) throw malformed(`Invalid principal in policy: "${kind}":"${name}"`);
    }
  }
}

function principalIsPlausible(kind: string, name: string): boolean {
  if (kind === "Service") return /^[a-z0-9.-]+\.(amazonaws\.com|aws\.internal)$/.test(name);
  if (kind !== "AWS") return name !== "";
  if (name === "*" || /^\d{12}$/.test(name) || /^(AIDA|AROA)[A-Z0-9]{12,}$/.test(name)) return true;
  if (name.includes("*") || name.includes("?")) return false;
  return /^arn:aws:(iam|sts)::\d{12}:(root|user\/.+|role\/.+|assumed-role\/.+\/.+|federated-user\/.+)$/.test(name);
}
