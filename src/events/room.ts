import type * as sdk from "@aws-sdk/client-eventbridge";
import type { Parts } from "../flow.ts";
import type { Room } from "../room.ts";
import { defineService } from "../wire/service.ts";
import { eventsAccess } from "./access.ts";
import { busHandlers, permissionHandlers } from "./buses.ts";
import type { Events } from "./common.ts";
import { deliverEvents } from "./deliver.ts";
import { fireSchedules } from "./fire.ts";
import { eventHandlers } from "./putEvents.ts";
import { Registry } from "./registry.ts";
import { routeEvents } from "./route.ts";
import { ruleHandlers, ruleReaders } from "./rules.ts";
import { targetHandlers } from "./targetHandlers.ts";

export { explainRules } from "./explain.ts";

/** AWS's default quota of rules on a bus. */
const RULE_QUOTA = 300;
export type EventsOptions = { readonly ruleQuota?: number };

/** EventBridge: buses, rules, targets, and the way of an event through them. */
export function eventsRoom(parts: Parts, options: EventsOptions = {}): Room {
  const events: Events = { parts, registry: new Registry(), ruleQuota: options.ruleQuota ?? RULE_QUOTA };
  routeEvents(events);
  deliverEvents(events);
  fireSchedules(events);
  const service = defineService<typeof sdk>({
    name: "events",
    model: "eventbridge",
    eventSource: "events.amazonaws.com",
    access: eventsAccess(),
    handlers: {
      ...busHandlers(events),
      ...permissionHandlers(events),
      ...ruleHandlers(events),
      ...ruleReaders(),
      ...targetHandlers(events),
      ...eventHandlers(events),
    },
  });
  return { services: [service] };
}
