import { openWire } from "../../wire/open.ts";
import { isOptimised, sdkService, type SdkService } from "./services.ts";

/** What a Task's resource asks for. */
export type Target =
  | {
      readonly kind: "sdk";
      readonly service: SdkService;
      readonly operation: string;
      /** `aws-sdk:s3` */
      readonly resourceType: string;
    }
  | { readonly kind: "putEvents"; readonly resourceType: "events" }
  | { readonly kind: "startExecution"; readonly resourceType: "states" };
type Parsed = Target | { readonly kind: "refused"; readonly sentence: string };

/** Takes a Task's resource apart; what cannot run here is refused with a sentence that says why. */
export function targetOf(resource: string): Parsed {
  const parts = resource.split(":");
  if (parts[0] !== "arn" || parts.length < 6) return unknownResource(resource);
  const [, , service = "", , , kind = "", ...rest] = parts;
  if (service === "lambda") return absent("lambda", resource);
  if (service !== "states") return unknownResource(resource);
  if (kind === "activity") {
    return refused(`Stepwell has no activities yet, so '${resource}' cannot run`);
  }
  if (kind === "aws-sdk") return sdkTarget(rest, resource);
  const [action = "", ...more] = rest;
  const [name = "", ...patterns] = action.split(".");
  if (patterns.length > 0) {
    return refused(
      `Stepwell has no '.${[patterns.join("."), ...more].join(":")}' service integration yet, so '${resource}' cannot run`,
    );
  }
  if (more.length > 0 || name === "") return unknownResource(resource);
  if (kind === "events" && name === "putEvents") return { kind: "putEvents", resourceType: "events" };
  if (kind === "states" && name === "startExecution") return { kind: "startExecution", resourceType: "states" };
  if (kind === "events" || kind === "states" || !isOptimised(kind)) return unknownResource(resource);
  return absent(kind, resource);
}

/** Why a resource is refused when a machine is created; undefined if it can run. */
export function refusalOf(resource: string): string | undefined {
  const target = targetOf(resource);
  return target.kind === "refused" ? target.sentence : undefined;
}

function sdkTarget([alias = "", action = "", ...more]: readonly string[], resource: string): Parsed {
  if (more.length > 0 || action === "") return unknownResource(resource);
  const [name = "", ...patterns] = action.split(".");
  if (patterns.length > 0)
    return refused(`Stepwell has no '.${patterns.join(".")}' service integration yet, so '${resource}' cannot run`);
  const service = sdkService(alias);
  if (!service) return absent(alias, resource);
  const operation = name.charAt(0).toUpperCase() + name.slice(1);
  if (operation === name || !openWire(service.model).operations.has(operation)) return unknownResource(resource);
  return { kind: "sdk", service, operation, resourceType: `aws-sdk:${alias}` };
}

function absent(service: string, resource: string): Parsed {
  return refused(`Stepwell has no service '${service}' yet, so '${resource}' cannot run`);
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
