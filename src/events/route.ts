import { hash } from "node:crypto";
import type { Delivery, Event } from "../flow.ts";
import { DONE, type Claimed, type Outcome } from "../relay/relay.ts";
import type { Transaction } from "../store/store.ts";
import type { Events } from "./common.ts";
import type { Passed } from "./putEvents.ts";
import type { LoadedRule } from "./registry.ts";
import type { CompiledTarget } from "./targets.ts";

/** Work kind `delivery`, as this room keeps it. */
export type DeliveryWork = Delivery & {
  readonly targetArn: string;
  readonly kind: "states" | "bus";
  readonly roleArn?: string;
  readonly sessionName: string;
  /** The rule's account: in whose name the delivery is made. */
  readonly account: string;
  /** The original event; absent when the input is the event. */
  readonly event?: Event;
  readonly hops: number;
  readonly maximumRetryAttempts: number;
  readonly maximumAgeMs: number;
};

/** The worker of `event`: finds the rules that match and leaves one delivery per target. */
export function routeEvents(events: Events): void {
  events.parts.relay.pure("event", async (transaction, work) => {
    const routed = work.body as Passed;
    const index = await events.registry.rulesOf(transaction, routed.bus);
    let rules = index.match(routed.event);
    // Plain ENABLED drops read-only management events.
    if (routed.readOnlyManagement) rules = rules.filter((rule) => rule.allManagement);
    tellEvent(events, transaction, work, routed, rules.length > 0);
    for (const rule of rules) {
      await deliverTo(events, transaction, rule, {
        event: routed.event,
        ingestedAt: routed.ingestedAt,
        trace: work.trace,
        hops: routed.hops ?? 0,
      });
    }
    return DONE satisfies Outcome;
  });
}

/**
 * An event that no rule wants costs no line: why that is so is worked out when somebody asks (`explainRules`).
 * The events of bucket notifications were told by the bucket.
 */
function tellEvent(events: Events, transaction: Transaction, work: Claimed, { event }: Passed, matched: boolean): void {
  const native = event.source === "aws.s3" && event["detail-type"] !== "AWS API Call via CloudTrail";
  if (native || (!matched && event.source.startsWith("aws."))) return;
  const subject = `${event["detail-type"]} from ${event.source}`;
  const at = events.parts.clock.now();
  if (matched) events.parts.tell(transaction, work.trace, { hop: "event", at, subject, outcome: "ok" });
  else
    events.parts.tell(transaction, work.trace, {
      hop: "event",
      at,
      subject,
      outcome: "dead end",
      reason: "no rule matches",
    });
}

type Arrived = { readonly event: Event; readonly ingestedAt: number; readonly trace: string; readonly hops: number };

/** Leaves one delivery for each of a rule's targets. */
export async function deliverTo(
  events: Events,
  transaction: Transaction,
  rule: LoadedRule,
  arrived: Arrived,
): Promise<void> {
  const { tell, clock } = events.parts;
  const at = clock.now();
  if (rule.targets.length === 0) {
    tell(transaction, arrived.trace, {
      hop: "rule",
      at,
      subject: rule.arn,
      outcome: "dead end",
      reason: "the rule has no targets",
    });
    return;
  }
  tell(transaction, arrived.trace, { hop: "rule", at, subject: rule.arn, outcome: "ok" });
  for (const target of rule.targets) {
    const input = target.transform(arrived.event, {
      ruleArn: rule.arn,
      ruleName: rule.name,
      ingestedAt: arrived.ingestedAt,
    });
    if (input === undefined) {
      // AWS says nothing here; the flow record does.
      const reason = "the input transformer's result is not valid JSON";
      tell(transaction, arrived.trace, { hop: "delivery", at, subject: target.arn, outcome: "dead end", reason });
      continue;
    }
    const body = deliveryOf(rule, target, arrived, input);
    await events.parts.relay.append(transaction, { kind: "delivery", key: rule.arn, trace: arrived.trace, body });
  }
}

function deliveryOf(rule: LoadedRule, target: CompiledTarget, arrived: Arrived, input: string): DeliveryWork {
  const { event, hops } = arrived;
  return {
    id: deliveryId(event.id, rule.arn, target.id),
    ruleArn: rule.arn,
    targetId: target.id,
    eventId: event.id,
    input,
    targetArn: target.arn,
    kind: target.kind,
    ...(target.roleArn === undefined ? {} : { roleArn: target.roleArn }),
    sessionName: rule.sessionName,
    account: rule.arn.split(":")[4] ?? "",
    ...(target.isWhole && target.kind === "states" ? {} : { event }),
    hops,
    maximumRetryAttempts: target.maximumRetryAttempts,
    maximumAgeMs: target.maximumAgeMs,
  };
}

/** The same UUID for the same event, rule and target: a repeated delivery makes the same execution name. */
export function deliveryId(eventId: string, ruleArn: string, targetId: string): string {
  const hex = hash("sha256", `${eventId}\n${ruleArn}\n${targetId}`);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
