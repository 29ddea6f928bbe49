import { openWire } from "../../wire/open.ts";
import { integrationOf, type Integration, type Pattern } from "./integrations.ts";
import { absentSentence, type Offered } from "./offered.ts";
import { isOptimised, sdkService, type SdkService } from "./services.ts";

/** What a Task's resource asks for. `resourceType` is how the history writes the service: `aws-sdk:s3`, `lambda`. */
export type Target = { readonly resourceType: string; readonly pattern: Pattern; readonly service: string } & (
  | { readonly kind: "sdk"; readonly sdk: SdkService; readonly operation: string }
  | { readonly kind: "optimised"; readonly integration: Integration }
  | { readonly kind: "startExecution" }
  | { readonly kind: "http" }
  /** A function's ARN. */
  | { readonly kind: "function"; readonly arn: string }
  | { readonly kind: "activity"; readonly arn: string }
);
export type Parsed = Target | { readonly kind: "refused"; readonly sentence: string };

const SUFFIXES: Readonly<Record<string, Pattern>> = {
  "": "",
  ".sync": "sync",
  ".sync:2": "sync:2",
  ".waitForTaskToken": "waitForTaskToken",
};
const START_PATTERNS: readonly Pattern[] = ["", "sync", "sync:2", "waitForTaskToken"];

/** Takes a Task's resource apart; what nothing can run is refused with a sentence that says why. Whether the service is there is another question. */
export function targetOf(resource: string): Parsed {
  const [prefix, , service = "", , , kind = "", ...rest] = resource.split(":");
  if (prefix !== "arn") return unknownResource(resource);
  if (service === "lambda")
    return kind === "function" && rest[0] !== undefined && rest[0] !== ""
      ? { kind: "function", arn: resource, resourceType: "lambda", pattern: "", service: "lambda" }
      : unknownResource(resource);
  if (service !== "states") return unknownResource(resource);
  if (kind === "activity")
    return rest.length === 1 && rest[0] !== ""
      ? { kind: "activity", arn: resource, resourceType: "activity", pattern: "", service: "states" }
      : unknownResource(resource);
  if (kind === "aws-sdk") return sdkTarget(rest, resource);
  const action = /^(\w+)(.*)$/.exec(rest.join(":"));
  const pattern = SUFFIXES[action?.[2] ?? ""];
  const name = action?.[1];
  if (name === undefined || pattern === undefined || !isOptimised(kind)) return unknownResource(resource);
  return optimisedTarget(kind, name, pattern, resource);
}

function optimisedTarget(type: string, action: string, pattern: Pattern, resource: string): Parsed {
  const integration = integrationOf(`${type}:${action}`);
  if (integration)
    return integration.patterns.includes(pattern)
      ? { kind: "optimised", integration, resourceType: type, pattern, service: integration.service }
      : unknownResource(resource);
  if (type === "states")
    return action === "startExecution" && START_PATTERNS.includes(pattern)
      ? { kind: "startExecution", resourceType: type, pattern, service: "states" }
      : unknownResource(resource);
  if (type === "http")
    return action === "invoke" && pattern === ""
      ? { kind: "http", resourceType: type, pattern, service: "events" }
      : unknownResource(resource);
  // AWS has further ones, of services that no room is planned for.
  return integrationOf(`${type}:invoke`) || ["events", "sqs", "sns", "dynamodb"].includes(type)
    ? unknownResource(resource)
    : refused(absentSentence(type, resource));
}

function sdkTarget([alias = "", ...rest]: readonly string[], resource: string): Parsed {
  const [, name = "", suffix = ""] = /^(\w+)(.*)$/.exec(rest.join(":")) ?? [];
  const pattern = SUFFIXES[suffix];
  if (name === "" || alias === "" || (pattern !== "" && pattern !== "waitForTaskToken"))
    return unknownResource(resource);
  const sdk = sdkService(alias);
  if (!sdk) return refused(absentSentence(alias, resource));
  const operation = name.charAt(0).toUpperCase() + name.slice(1);
  if (operation === name || !openWire(sdk.model).operations.has(operation)) return unknownResource(resource);
  return { kind: "sdk", sdk, operation, resourceType: `aws-sdk:${alias}`, pattern, service: sdk.service };
}

/** Why a resource is refused when a machine is created; undefined if it can run. */
export function refusalOf(resource: string, offered: Offered): string | undefined {
  const target = targetOf(resource);
  if (target.kind === "refused")
    return offered.allowMissing && target.sentence.startsWith("Stepwell") ? undefined : target.sentence;
  return absenceOf(target, resource, offered.allowMissing ? { ...offered, serves: () => true } : offered);
}

/** Why a task's service cannot do it; undefined if it is there. */
export function absenceOf(target: Target, resource: string, offered: Offered): string | undefined {
  if (offered.serves(target.service)) return undefined;
  return absentSentence(target.kind === "sdk" ? target.resourceType.slice(8) : target.service, resource);
}

/** AWS's sentence for a resource that it does not know. */
function unknownResource(resource: string): Parsed {
  return refused(
    `The resource provided ${resource} is not recognized. The value is not a valid resource ARN, or the resource is not available in this region.`,
  );
}

function refused(sentence: string): Parsed {
  return { kind: "refused", sentence };
}
