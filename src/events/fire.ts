import { isoSeconds, type Event } from "../flow.ts";
import { DONE } from "../relay/relay.ts";
import type { Transaction } from "../store/store.ts";
import { resourceOf } from "./arns.ts";
import type { Events } from "./common.ts";
import { loadRule } from "./registry.ts";
import { deliverTo } from "./route.ts";
import { lockRuleRow, type RuleRow } from "./rows.ts";
import { nextTime, parseSchedule } from "./schedule.ts";

const KIND = "events.schedule";
/** `expression` tells whether the rule is still the one that was armed; rates count from `anchor`. */
type Armed = { readonly arn: string; readonly expression: string; readonly anchor: number; readonly dueAt: number };

/** Arms a rule's schedule afresh, or disarms it if it has none or is disabled. */
export async function arm(events: Events, transaction: Transaction, rule: RuleRow): Promise<void> {
  await disarm(events, transaction, rule.arn);
  if (rule.schedule === null || rule.state === "DISABLED") return;
  const anchor = events.parts.clock.now();
  const dueAt = nextTime(parseSchedule(rule.schedule), anchor, anchor);
  // A schedule that never fires again is legal.
  if (dueAt === undefined) return;
  const body: Armed = { arn: rule.arn, expression: rule.schedule, anchor, dueAt };
  await events.parts.relay.append(transaction, {
    kind: KIND,
    key: rule.arn,
    trace: events.parts.clock.uuid(),
    body,
    dueAt,
  });
}

export async function disarm(events: Events, transaction: Transaction, arn: string): Promise<void> {
  await events.parts.relay.cancel(transaction, KIND, arn);
}

/** The worker of schedules: fires, and waits for the next time that is still to come; what was missed meanwhile is not made up for. */
export function fireSchedules(events: Events): void {
  const { relay, clock } = events.parts;
  relay.pure(KIND, async (transaction, work) => {
    const armed = work.body as Armed;
    const resource = resourceOf(armed.arn);
    // PutRule waits for this firing, and then finds the next one to disarm.
    const row =
      resource?.rule === undefined ? undefined : await lockRuleRow(transaction, resource.bus.arn, resource.rule);
    if (!resource || !row || row.state === "DISABLED" || row.schedule !== armed.expression) return DONE;
    const now = clock.now();
    const event: Event = {
      version: "0",
      id: clock.uuid(),
      "detail-type": "Scheduled Event",
      source: "aws.events",
      account: resource.bus.account,
      time: isoSeconds(armed.dueAt),
      region: resource.bus.region,
      resources: [armed.arn],
      detail: {},
    };
    // Each firing is a story of its own.
    const arrived = { event, ingestedAt: now, trace: clock.uuid(), hops: 0 };
    await deliverTo(events, transaction, await loadRule(transaction, row), arrived);
    const next = nextTime(parseSchedule(armed.expression), armed.anchor, now);
    return next === undefined ? DONE : { kind: "again", dueAt: next, body: { ...armed, dueAt: next } satisfies Armed };
  });
}
