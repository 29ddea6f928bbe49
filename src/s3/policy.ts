import { fault } from "../wire/fault.ts";
import { bucketArn } from "./names.ts";

const POLICY_BYTES = 20 * 1024;
type Statement = {
  readonly Sid?: unknown;
  readonly Effect?: unknown;
  readonly Principal?: unknown;
  readonly NotPrincipal?: unknown;
  readonly Action?: unknown;
  readonly NotAction?: unknown;
  readonly Resource?: unknown;
  readonly NotResource?: unknown;
  readonly Condition?: unknown;
};

/** Checks what AWS checks when a bucket policy is put, and answers its text. A public policy is refused, as Block Public Access is on. */
export function checkPolicy(policy: unknown, bucket: string): string {
  const text = typeof policy === "string" ? policy : JSON.stringify(policy);
  if (Buffer.byteLength(text) > POLICY_BYTES)
    throw malformed("Normalized policy document exceeds the maximum allowed size of 20480 bytes.");
  let document: { readonly Version?: unknown; readonly Statement?: unknown };
  try {
    document = JSON.parse(text) as typeof document;
  } catch {
    throw malformed("This policy contains invalid Json");
  }
  if (typeof document !== "object" || document === null || Array.isArray(document))
    throw malformed("Policies must be valid JSON and the first byte must be '{'");
  const { Version } = document;
  if (Version !== undefined && Version !== "2012-10-17" && Version !== "2008-10-17")
    throw malformed("The policy must contain a valid version string");
  const statements = statementsOf(document.Statement);
  if (statements.length === 0) throw malformed("Missing required field Statement");
  for (const statement of statements) checkStatement(statement, bucket);
  if (isPublic(text))
    throw fault(
      "AccessDenied",
      `User is not authorized to perform: s3:PutBucketPolicy on resource: "${bucketArn(bucket)}" because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.`,
      { status: 403 },
    );
  return text;
}

function checkStatement(statement: Statement, bucket: string): void {
  if (typeof statement !== "object" || statement === null) throw malformed("Unknown field Statement");
  if (statement.Effect !== "Allow" && statement.Effect !== "Deny") throw malformed("Missing required field Effect");
  if (statement.Principal === undefined && statement.NotPrincipal === undefined)
    throw malformed("Missing required field Principal");
  const actions = textsOf(statement.Action ?? statement.NotAction);
  if (actions.length === 0) throw malformed("Missing required field Action");
  for (const action of actions)
    if (action !== "*" && !/^s3:[A-Za-z0-9*?]+$/i.test(action)) throw malformed("Policy has invalid action");
  const resources = textsOf(statement.Resource ?? statement.NotResource);
  if (resources.length === 0) throw malformed("Missing required field Resource");
  const arn = bucketArn(bucket);
  for (const resource of resources)
    if (resource !== "*" && resource !== arn && !resource.startsWith(`${arn}/`) && !resource.startsWith(`${arn}*`))
      throw malformed("Policy has invalid resource");
}

/** Whether a policy lets everybody in: an Allow for `*` that no condition narrows to known callers. */
export function isPublic(text: string): boolean {
  const document = JSON.parse(text) as { readonly Statement?: unknown };
  return statementsOf(document.Statement).some((statement) => {
    if (statement.Effect !== "Allow") return false;
    const { Principal } = statement;
    const principals =
      typeof Principal === "object" && Principal !== null
        ? textsOf((Principal as { AWS?: unknown }).AWS)
        : textsOf(Principal);
    const everybody = statement.NotPrincipal !== undefined || principals.includes("*");
    return everybody && !narrowed(statement.Condition);
  });
}

/** Keys which, with fixed values, AWS takes to make a statement for everybody non-public. */
const NARROWING =
  /^(aws:(SourceArn|SourceVpc|SourceVpce|SourceOwner|SourceAccount|SourceOrgID|PrincipalOrgID|PrincipalOrgPaths|PrincipalAccount|PrincipalArn|userid|SourceIp|SourceVpcArn|ViaAWSService)|s3:DataAccessPointArn|s3:DataAccessPointAccount)$/i;
function narrowed(condition: unknown): boolean {
  if (typeof condition !== "object" || condition === null) return false;
  return Object.entries(condition as Record<string, unknown>).some(
    ([operator, keys]) =>
      !/Not|IfExists|Null/.test(operator) &&
      typeof keys === "object" &&
      keys !== null &&
      Object.entries(keys).some(
        ([key, values]) =>
          NARROWING.test(key) && !textsOf(values).some((value) => /^(\*|0\.0\.0\.0\/0|::\/0)$/.test(value)),
      ),
  );
}

function statementsOf(value: unknown): readonly Statement[] {
  if (Array.isArray(value)) return value as Statement[];
  return value === undefined || value === null ? [] : [value as Statement];
}
function textsOf(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === "string") : [];
}
function malformed(message: string): Error {
  return fault("MalformedPolicy", message, { status: 400 });
}
