/**
 * Policies that AWS manages (`arn:aws:iam::aws:policy/…`), as data. Tools attach them by ARN, so the common ones resolve.
 * They grant what AWS's grant for the services of this product; other services' actions are left out where lists are long.
 */
import { createHash } from "node:crypto";
import { ENTRIES } from "./managed-grants.ts";

export type ManagedPolicy = {
  readonly arn: string;
  readonly name: string;
  readonly path: string;
  readonly id: string;
  readonly description: string;
  readonly document: string;
};

/** By ARN. */
export function awsManagedPolicy(arn: string): ManagedPolicy | undefined {
  return byArn.get(arn);
}

/** In the order of their names. */
export function awsManagedPolicies(): readonly ManagedPolicy[] {
  return inOrder;
}

export function isAwsManaged(arn: string): boolean {
  return arn.startsWith("arn:aws:iam::aws:policy/");
}

/** AWS's managed policies exist since before any installation. */
export const MANAGED_SINCE = Date.UTC(2015, 1, 6, 18, 39, 46);

const inOrder: readonly ManagedPolicy[] = ENTRIES.map(([path, name, description, grants]) => {
  const arn = `arn:aws:iam::aws:policy${path}${name}`;
  const statements = grants.map((one) => ({ Effect: "Allow", ...one }));
  return {
    arn,
    name,
    path,
    id: idOf(arn),
    description,
    document: JSON.stringify({ Version: "2012-10-17", Statement: statements }),
  };
}).sort((one, other) => (one.name < other.name ? -1 : 1));
const byArn: ReadonlyMap<string, ManagedPolicy> = new Map(inOrder.map((policy) => [policy.arn, policy]));

/** Ids of AWS's policies are the same in every account; here they derive from the ARN. */
function idOf(arn: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bytes = createHash("sha256").update(arn).digest();
  return `ANPA${[...bytes.subarray(0, 17)].map((byte) => alphabet[byte & 31]).join("")}`;
}
