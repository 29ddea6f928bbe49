import type { Caller, Event } from "../flow.ts";
import { DONE, type Claimed, type Outcome } from "../relay/relay.ts";
import type { Transaction } from "../store/store.ts";
import { AwsFault } from "../wire/fault.ts";
import type { Events } from "./common.ts";
import { FORWARDED, type Forwarded } from "./putEvents.ts";
import type { DeliveryWork } from "./route.ts";
import { putDeadEnd } from "./rows.ts";

/** Buses that pass events round in a circle are stopped after so many hops. */
const HOP_LIMIT = 10;
const BACKOFF_MS = 1_000;
const LONGEST_BACKOFF_MS = 15 * 60_000;

/** The worker of `delivery`: makes the target's AWS call in the same transaction, as the rule's role. */
export function deliverEvents(events: Events): void {
  events.parts.relay.pure("delivery", async (transaction, work) => {
    const delivery = work.body as DeliveryWork;
    // The moment it sets out: in the story a delivery comes before what it starts.
    const at = events.parts.clock.now();
    try {
      if (delivery.kind === "bus") await passOn(events, transaction, work, delivery);
      else await startExecution(events, transaction, work, delivery);
    } catch (error) {
      // Not a caller's fault: the store or the program failed, and the relay tries again.
      if (!(error instanceof AwsFault)) throw error;
      if (error.code !== "ExecutionAlreadyExists") return failed(events, transaction, work, delivery, error);
    }
    events.parts.tell(transaction, work.trace, { hop: "delivery", at, subject: delivery.targetArn, outcome: "ok" });
    return DONE;
  });
}

function callerOf(delivery: DeliveryWork): Caller {
  const { roleArn, account, sessionName, ruleArn } = delivery;
  if (roleArn !== undefined)
    return { kind: "role", roleArn, service: "events.amazonaws.com", sessionName, sourceArn: ruleArn, account };
  // Without a role, the other account's bus policy decides about the rule's account.
  const arn = `arn:aws:iam::${account}:root`;
  return { kind: "principal", principal: { kind: "root", account, arn, id: account, accessKeyId: "" } };
}

async function startExecution(
  events: Events,
  transaction: Transaction,
  work: Claimed,
  delivery: DeliveryWork,
): Promise<void> {
  await events.parts.call({
    service: "states",
    operation: "StartExecution",
    input: { stateMachineArn: delivery.targetArn, name: `${delivery.eventId}_${delivery.id}`, input: delivery.input },
    as: callerOf(delivery),
    trace: work.trace,
    region: delivery.targetArn.split(":")[3] ?? events.parts.region,
    transaction,
  });
}

async function passOn(events: Events, transaction: Transaction, work: Claimed, delivery: DeliveryWork): Promise<void> {
  const event = eventOf(delivery);
  const hops = delivery.hops + 1;
  if (hops > HOP_LIMIT)
    throw new AwsFault(
      "LimitExceededException",
      `the event has passed ${HOP_LIMIT} event buses: its rules form a circle`,
      { status: 400 },
    );
  transaction.scratch.set(FORWARDED, { event, hops } satisfies Forwarded);
  try {
    const entry = {
      Source: event.source,
      DetailType: event["detail-type"],
      Detail: JSON.stringify(event.detail),
      Resources: event.resources,
      EventBusName: delivery.targetArn,
    };
    await events.parts.call({
      service: "events",
      operation: "PutEvents",
      input: { Entries: [entry] },
      as: callerOf(delivery),
      trace: work.trace,
      region: delivery.targetArn.split(":")[3] ?? events.parts.region,
      transaction,
    });
  } finally {
    transaction.scratch.delete(FORWARDED);
  }
}

function eventOf(delivery: DeliveryWork): Event {
  return delivery.event ?? (JSON.parse(delivery.input) as Event);
}

async function failed(
  events: Events,
  transaction: Transaction,
  work: Claimed,
  delivery: DeliveryWork,
  error: AwsFault,
): Promise<Outcome> {
  const { clock, tell } = events.parts;
  const now = clock.now();
  const subject = delivery.targetArn;
  let exhausted: string | null = null;
  if (isRetriable(error)) {
    // The first attempt is no retry.
    if (work.attempt > delivery.maximumRetryAttempts) exhausted = "MaximumRetryAttempts";
    else if (now - work.since >= delivery.maximumAgeMs) exhausted = "MaximumEventAgeInSeconds";
    else {
      const longest = Math.min(LONGEST_BACKOFF_MS, BACKOFF_MS * 2 ** Math.min(work.attempt - 1, 20));
      const dueAt = Math.min(now + longest * (0.5 + clock.random() / 2), work.since + delivery.maximumAgeMs);
      if (work.attempt === 1)
        tell(transaction, work.trace, {
          hop: "delivery",
          at: now,
          subject,
          outcome: "waiting",
          reason: `${error.code}: ${error.message}`,
        });
      return { kind: "again", dueAt: Math.max(now + 1, Math.ceil(dueAt)) };
    }
  }
  const reason = reasonOf(delivery, error);
  await putDeadEnd(transaction, {
    id: clock.uuid(),
    rule_arn: delivery.ruleArn,
    target_id: delivery.targetId,
    target_arn: delivery.targetArn,
    trace: work.trace,
    event: delivery.event ? JSON.stringify(delivery.event) : delivery.input,
    code: codeOf(error),
    message: error.message,
    exhausted,
    attempts: work.attempt,
    at: now,
  });
  tell(transaction, work.trace, { hop: "delivery", at: now, subject, outcome: "dead end", reason });
  return DONE;
}

const RETRIABLE = /Throttl|TooManyRequests|LimitExceeded|ServiceUnavailable|Internal|Timeout|SlowDown|Conflict/;

/** A missing permission or target stays missing; load and failures pass. */
function isRetriable(error: AwsFault): boolean {
  if (error.code === "LimitExceededException") return false;
  return (error.status !== undefined && error.status >= 500 && error.status !== 501) || RETRIABLE.test(error.code);
}

/** The code a dead-letter queue's message would carry. */
function codeOf(error: AwsFault): string {
  if (/AccessDenied/.test(error.code)) return "NO_PERMISSIONS";
  if (/DoesNotExist|NotFound|NoSuch/.test(error.code)) return "NO_RESOURCE";
  return error.code;
}

/** Why a delivery ended, in the words of the flow record. */
function reasonOf(delivery: DeliveryWork, error: AwsFault): string {
  const role = delivery.roleArn ?? `account ${delivery.account}`;
  const told = `${error.code}: ${error.message}`;
  if (codeOf(error) !== "NO_PERMISSIONS") return told;
  if (error.message.includes("sts:AssumeRole")) return `role ${role} does not trust events.amazonaws.com (${told})`;
  const action = delivery.kind === "states" ? "states:StartExecution" : "events:PutEvents";
  return `role ${role} may not ${action} on ${delivery.targetArn} (${told})`;
}
