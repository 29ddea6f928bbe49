import type { CallFacts } from "./flow.ts";
import type { ServiceDefinition } from "./wire/service.ts";

/** What a room hands to the node: its services, and what must run beside them. Each room exports one function `xyzRoom(parts): Room`. */
export type Room = {
  readonly services: readonly ServiceDefinition[];
  /** Stepwell's own authenticated endpoints under `/_stepwell/`, by name. */
  readonly endpoints?: Readonly<Record<string, Endpoint>>;
  /** Runs once the relay and the store are up, before requests are served. */
  readonly start?: () => Promise<void>;
  /** The node is about to close: requests that wait for something to happen are answered now. */
  readonly drain?: () => void;
  readonly stop?: () => Promise<void>;
};
/** Answers JSON. Throws `AwsFault` for the caller's faults. */
export type Endpoint = (query: URLSearchParams, facts: CallFacts) => Promise<unknown>;
