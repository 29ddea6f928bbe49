/** What a user or a role holds: its own policies, its groups' policies, its boundary, its tags. */
import type { Reader } from "../store/store.ts";
import { compiled } from "./document.ts";
import { PolicySet } from "./evaluate.ts";
import type { Source } from "./evaluate.ts";
import { lowerKeys } from "./facts-context.ts";
import { awsManagedPolicy, isAwsManaged } from "./managed.ts";
import { policyByArn, policyVersion } from "./policy-rows.ts";
import { attachedPolicies, entityById, groupsOf, inlinePolicies } from "./rows.ts";

export type Holder = {
  readonly identity: PolicySet;
  readonly boundary: PolicySet | undefined;
  /** By lower-case key. */
  readonly tags: Readonly<Record<string, string>>;
};

/** Holds nothing: services, strangers, and those who were deleted while their credentials live on. */
export const NOBODY: Holder = { identity: new PolicySet([]), boundary: undefined, tags: {} };

/** Loads a user or a role by its unique id. */
export async function loadHolder(reader: Reader, id: string): Promise<Holder> {
  const entity = await entityById(reader, id);
  if (!entity) return NOBODY;
  const sources = await sourcesOf(reader, id, entity.kind);
  if (entity.kind === "user") {
    for (const group of await groupsOf(reader, id)) sources.push(...(await sourcesOf(reader, group.id, "group")));
  }
  const boundary = entity.boundary ? await managedSource(reader, entity.boundary) : undefined;
  return {
    identity: new PolicySet(sources),
    // A boundary whose policy is gone allows nothing.
    boundary: entity.boundary ? new PolicySet(boundary ? [boundary] : []) : undefined,
    tags: lowerKeys(JSON.parse(entity.tags) as Record<string, string>),
  };
}

/** The policies of one user, group or role. */
export async function sourcesOf(reader: Reader, id: string, type: "user" | "group" | "role"): Promise<Source[]> {
  const inline = await inlinePolicies(reader, id);
  const sources: Source[] = inline.map(({ name, document }) => ({ name, type, policy: compiled(document) }));
  for (const arn of await attachedPolicies(reader, id)) {
    const source = await managedSource(reader, arn);
    if (source) sources.push(source);
  }
  return sources;
}

/** A managed policy's default version; undefined if there is no such policy. */
export async function managedSource(reader: Reader, arn: string): Promise<Source | undefined> {
  const aws = awsManagedPolicy(arn);
  if (aws) return { name: arn, type: "aws-managed", policy: compiled(aws.document) };
  if (isAwsManaged(arn)) return undefined;
  const policy = await policyByArn(reader, arn);
  const version = policy && (await policyVersion(reader, arn, policy.default_version));
  return version && { name: arn, type: "user-managed", policy: compiled(version.document) };
}
