import type * as sdk from "@aws-sdk/client-eventbridge";
import type { CallFacts, Parts } from "../flow.ts";
import type { Room } from "../room.ts";
import { fault } from "../wire/fault.ts";
import { defineService } from "../wire/service.ts";
import { resourceOf } from "./arns.ts";
import { eventsAccess } from "./access.ts";
import { busHandlers, permissionHandlers } from "./buses.ts";
import type { Events } from "./common.ts";
import { connectionHandlers } from "./connections.ts";
import { deliverEvents } from "./deliver.ts";
import { fireSchedules } from "./fire.ts";
import { eventHandlers } from "./putEvents.ts";
import { Registry } from "./registry.ts";
import { beginTrimming, trimPast } from "./retention.ts";
import { routeEvents } from "./route.ts";
import { deadEnds } from "./rows.ts";
import { ruleHandlers, ruleReaders } from "./rules.ts";
import { targetHandlers } from "./targetHandlers.ts";

/** AWS's default quota of rules on a bus. */
const RULE_QUOTA = 300;
export type EventsOptions = { readonly ruleQuota?: number };

/** EventBridge: buses, rules, targets, and the way of an event through them. */
export function eventsRoom(parts: Parts, options: EventsOptions = {}): Room {
  const events: Events = { parts, registry: new Registry(), ruleQuota: options.ruleQuota ?? RULE_QUOTA };
  routeEvents(events);
  deliverEvents(events);
  fireSchedules(events);
  trimPast(parts);
  const service = defineService<typeof sdk>({
    name: "events",
    model: "eventbridge",
    eventSource: "events.amazonaws.com",
    access: eventsAccess(),
    concurrent: ["PutEvents"],
    handlers: {
      ...busHandlers(events),
      ...permissionHandlers(events),
      ...ruleHandlers(events),
      ...ruleReaders(),
      ...targetHandlers(events),
      ...eventHandlers(events),
      ...connectionHandlers(events),
    },
  });
  return {
    services: [service],
    endpoints: { "dead-ends": (query, facts) => deadEndsOf(events, query, facts) },
    start: () => beginTrimming(parts),
  };
}

/** So many dead ends are answered at once. */
const DEAD_END_LIMIT = 100;

/** `GET /_stepwell/dead-ends?rule=ARN`: the deliveries of a rule that were given up, oldest first, as a dead-letter queue would have them. */
async function deadEndsOf(events: Events, query: URLSearchParams, facts: CallFacts): Promise<unknown> {
  const rule = query.get("rule") ?? "";
  const resource = resourceOf(rule);
  if (resource?.rule === undefined || resource.bus.account !== facts.account)
    throw fault("InvalidArgument", "The parameter rule must be the ARN of a rule of your account.", { status: 400 });
  const rows = await events.parts.store.read((reader) => deadEnds(reader, rule, DEAD_END_LIMIT));
  const deadEndList = rows.map((row) => ({
    RULE_ARN: row.rule_arn,
    TARGET_ARN: row.target_arn,
    ERROR_CODE: row.code,
    ERROR_MESSAGE: row.message,
    EXHAUSTED_RETRY_CONDITION: row.exhausted,
    RETRY_ATTEMPTS: row.attempts - 1,
    at: new Date(row.at).toISOString(),
    trace: row.trace,
    event: JSON.parse(row.event) as unknown,
  }));
  return { deadEnds: deadEndList };
}
