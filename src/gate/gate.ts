import type { InsideDoor, InsideQuestion } from "../flow.ts";
import type { Wire } from "../wire/http.ts";
import { openWire } from "../wire/open.ts";
import type { ServiceDefinition } from "../wire/service.ts";
import { Admission } from "./admit.ts";
import { indexServices, type Core } from "./core.ts";
import { Front } from "./front.ts";
import { insideDoor, insideQuestion } from "./inside.ts";
import { SigningKeys } from "./keys.ts";
import { LIMITS, type Limits } from "./limits.ts";
import { Metrics, type MetricsOptions } from "./metrics.ts";

export type GateOptions = Omit<Core, "services" | "limits" | "hosts" | "door" | "troubled" | "metrics"> & {
  readonly services: readonly ServiceDefinition[];
  readonly limits?: Partial<Limits>;
  readonly hosts?: readonly string[];
  readonly metrics?: MetricsOptions;
  /** Opens a service's wire by the name of its model. */
  readonly openWire?: (model: string) => Wire;
};
export interface Gate {
  /** The inside door. */
  readonly call: InsideDoor;
  /** What the inside door would ask. */
  readonly authorize: InsideQuestion;
  listen(
    address: string,
    port: number,
    tls?: { readonly key: string | Buffer; readonly cert: string | Buffer },
  ): Promise<{ port: number }>;
  /** Stops accepting, lets requests under way finish within a few seconds, and ends the other connections. */
  close(): Promise<void>;
}

/** Seconds between two log lines about a store that cannot be written. */
const TROUBLE_PAUSE_MS = 10_000;

/** The gate: HTTP, signatures, identity, permission; the one way in for every call. */
export function openGate(options: GateOptions): Gate {
  const { clock, log } = options;
  const limits = { ...LIMITS, ...options.limits };
  const metrics = new Metrics(options.metrics);
  let lastTrouble = Number.NEGATIVE_INFINITY;
  const core: Core = {
    services: indexServices(options.services, options.openWire ?? openWire),
    endpoints: { ...options.endpoints, metrics: () => metrics.text() },
    authority: options.authority,
    recorder: options.recorder,
    store: options.store,
    relay: options.relay,
    clock,
    account: options.account,
    region: options.region,
    auth: options.auth,
    log,
    limits,
    hosts: options.hosts ?? [],
    health: options.health,
    metrics,
    door: (request) => door(request),
    troubled(error) {
      if (clock.now() - lastTrouble < TROUBLE_PAUSE_MS) return;
      lastTrouble = clock.now();
      log("error", "the store cannot be written: requests are answered 503 until it can", { error: error.message });
    },
  };
  const door = insideDoor(core);
  const admission = new Admission(core, new SigningKeys());
  const front = new Front({ answer: (arrival) => admission.answer(arrival), limits, clock, log });
  return {
    call: door,
    authorize: insideQuestion(core),
    listen(address, port, tls) {
      metrics.listening(address);
      return front.listen(address, port, tls);
    },
    close: () => front.close(),
  };
}
