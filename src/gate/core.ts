import type { Clock } from "../clock/clock.ts";
import type { InsideDoor, Parts } from "../flow.ts";
import type { Relay } from "../relay/relay.ts";
import type { Endpoint } from "../room.ts";
import type { Store } from "../store/store.ts";
import { AwsFault } from "../wire/fault.ts";
import type { Wire } from "../wire/http.ts";
import type { ServiceDefinition } from "../wire/service.ts";
import type { Authority, Recorder } from "./authority.ts";
import type { Limits } from "./limits.ts";
import type { Metrics } from "./metrics.ts";
import { internalError, unavailable, type Family } from "./refuse.ts";
import { StoreUnavailable } from "../store/store.ts";

/** A service and its wire, which is loaded at the first call. */
export type Service = { readonly definition: ServiceDefinition; readonly wire: Wire };

/** What both doors, the wire's and the inside one, work with. */
export type Core = {
  /** By the name in credential scopes. */
  readonly services: ReadonlyMap<string, Service>;
  readonly endpoints: Readonly<Record<string, Endpoint>>;
  readonly authority: Authority;
  readonly recorder: Recorder;
  readonly store: Store;
  readonly relay: Relay;
  readonly clock: Clock;
  /** The default account and region: of unsigned requests, and of everyone when verification is off. */
  readonly account: string;
  readonly region: string;
  readonly auth: "on" | "off";
  readonly log: Parts["log"];
  readonly limits: Limits;
  /** Names by which clients know this node; `bucket.NAME` then addresses a bucket. */
  readonly hosts: readonly string[];
  readonly health: () => { readonly ready: boolean };
  readonly metrics: Metrics;
  /** The inside door. */
  readonly door: InsideDoor;
  /** One line to the log that the store cannot be written, not one a request. */
  readonly troubled: (error: Error) => void;
};

/** Services by the names that scopes may give them: the room's own and the one in `NAME.amazonaws.com`. */
export function indexServices(
  definitions: readonly ServiceDefinition[],
  open: (model: string) => Wire,
): ReadonlyMap<string, Service> {
  const services = new Map<string, Service>();
  for (const definition of definitions) {
    let wire: Wire | undefined;
    const service: Service = {
      definition,
      get wire() {
        return (wire ??= open(definition.model));
      },
    };
    for (const name of [definition.name, definition.eventSource.replace(/\.amazonaws\.com$/, "")]) {
      const known = services.get(name);
      if (known && known !== service) throw new Error(`Two services are named ${name}`);
      services.set(name, service);
    }
  }
  return services;
}

/** What the caller is told of an error: AWS's own fault, or as little as possible. */
export function faultOf(
  core: Core,
  error: unknown,
  family: Family,
  facts: { readonly requestId: string; readonly trace: string; readonly operation: string },
): AwsFault {
  if (error instanceof AwsFault) return error;
  if (error instanceof StoreUnavailable) {
    core.troubled(error);
    return unavailable(family, false);
  }
  core.log("error", "a request failed unexpectedly", {
    ...facts,
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  });
  return internalError(family);
}
