import type * as sdk from "@aws-sdk/client-eventbridge";
import { isoSeconds, type Call, type Event, type Routed } from "../flow.ts";
import type { Transaction } from "../store/store.ts";
import { fault } from "../wire/fault.ts";
import type { Handlers } from "../wire/service.ts";
import { busNamed } from "./arns.ts";
import { busExists, notImplemented, validation, wantPattern, type Events } from "./common.ts";
import { compilePattern } from "./pattern/match.ts";
import { parseKeepingNumbers } from "./pattern/number.ts";

/** 1 MB since 29 January 2026. */
const SIZE_LIMIT_BYTES = 1_048_576;
/** What AWS counts for a Time that is given. */
const TIME_BYTES = 14;

/**
 * The event that a rule passes on to another bus, left in the transaction's scratch for the PutEvents that carries
 * it: its envelope stays as it is, which no client may ask for.
 */
export const FORWARDED = Symbol("forwarded event");
export type Forwarded = { readonly event: Event; readonly hops: number };
/** A routed event, and how many buses have passed it on. */
export type Passed = Routed & { readonly hops?: number };

type Entry = {
  readonly Time?: Date | undefined;
  readonly Source?: string | undefined;
  readonly Resources?: readonly string[] | undefined;
  readonly DetailType?: string | undefined;
  readonly Detail?: string | undefined;
  readonly EventBusName?: string | undefined;
  readonly TraceHeader?: string | undefined;
};
type Checked = { readonly bus: string; readonly event: Event } | { readonly code: string; readonly message: string };

/** PutEvents and TestEventPattern. */
export function eventHandlers(events: Events): Pick<Handlers<typeof sdk>, "PutEvents" | "TestEventPattern"> {
  return {
    PutEvents: async (input, call) => {
      if (input.EndpointId !== undefined) throw notImplemented("global endpoints (EndpointId)");
      const checked = input.Entries.map((entry) => check(entry, call, events.parts.clock.uuid()));
      const size = input.Entries.reduce((sum, entry) => sum + sizeOf(entry), 0);
      if (size > SIZE_LIMIT_BYTES) throw validation("Total size of the entries in the request is over the limit.");
      return call.commit(async (transaction) => {
        const forwarded = transaction.scratch.get(FORWARDED) as Forwarded | undefined;
        transaction.scratch.delete(FORWARDED);
        const results: sdk.PutEventsResultEntry[] = [];
        for (const entry of checked) {
          if (forwarded && "bus" in entry)
            await route(events, call, transaction, entry.bus, forwarded.event, forwarded.hops);
          else if ("code" in entry) {
            results.push({ ErrorCode: entry.code, ErrorMessage: entry.message });
            continue;
          } else if (entry.event.source.startsWith("aws.")) {
            results.push({
              ErrorCode: "NotAuthorizedForSourceException",
              ErrorMessage: "Not authorized for the source.",
            });
            continue;
          } else await route(events, call, transaction, entry.bus, entry.event, 0);
          results.push({ EventId: entry.event.id });
        }
        return {
          FailedEntryCount: results.filter(({ ErrorCode }) => ErrorCode !== undefined).length,
          Entries: results,
        };
      });
    },
    TestEventPattern: async (input) => {
      const pattern = wantPattern(input.EventPattern);
      let event: unknown;
      try {
        event = parseKeepingNumbers(input.Event);
      } catch {
        event = undefined;
      }
      if (typeof event !== "object" || event === null || Array.isArray(event))
        throw validation("Parameter Event is not valid. Reason: Event is not a JSON object.");
      for (const field of ["id", "account", "source", "time", "region", "detail-type"]) {
        if (!Object.hasOwn(event, field))
          throw validation(`Parameter Event is not valid. Reason: ${field} is a required argument.`);
      }
      return { Result: compilePattern(pattern)(event as Record<string, unknown>) };
    },
  };
}

async function route(
  events: Events,
  call: Call,
  transaction: Transaction,
  busArn: string,
  event: Event,
  hops: number,
): Promise<void> {
  // "An unknown bus still answers with an EventId."
  if (!(await busExists(transaction, busNamed(busArn, call.account, call.region)))) {
    const reason = `event bus ${busArn} does not exist`;
    const subject = `${event["detail-type"]} from ${event.source}`;
    events.parts.tell(transaction, call.trace, {
      hop: "event",
      at: events.parts.clock.now(),
      subject,
      outcome: "dead end",
      reason,
    });
    return;
  }
  const body: Passed = { event, bus: busArn, ingestedAt: events.parts.clock.now(), ...(hops > 0 ? { hops } : {}) };
  await events.parts.relay.append(transaction, { kind: "event", key: busArn, trace: call.trace, body });
}

/** The checks of one entry in AWS's order, but for the reserved sources, which come after the size of all entries. */
function check(entry: Entry, call: Call, id: string): Checked {
  for (const name of ["Source", "DetailType", "Detail"] as const) {
    if (!entry[name])
      return {
        code: "InvalidArgument",
        message: `Parameter ${name} is not valid. Reason: ${name} is a required argument.`,
      };
  }
  if (entry.TraceHeader !== undefined)
    return { code: "NotImplemented", message: "Stepwell does not implement X-Ray tracing (TraceHeader)." };
  const detail = detailOf(entry.Detail ?? "");
  if (!detail) return { code: "MalformedDetail", message: "Detail is malformed." };
  const event: Event = {
    version: "0",
    id,
    "detail-type": entry.DetailType ?? "",
    source: entry.Source ?? "",
    account: call.account,
    time: isoSeconds(entry.Time?.getTime() ?? call.at),
    region: call.region,
    resources: entry.Resources ?? [],
    detail,
  };
  return { bus: busNamed(entry.EventBusName, call.account, call.region).arn, event };
}

function detailOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const detail = parseKeepingNumbers(text);
    return typeof detail === "object" && detail !== null && !Array.isArray(detail)
      ? (detail as Record<string, unknown>)
      : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw fault("InternalException", "The detail could not be read.", { status: 500 });
  }
}

function sizeOf(entry: Entry): number {
  let size = entry.Time === undefined ? 0 : TIME_BYTES;
  for (const text of [entry.Source, entry.DetailType, entry.Detail, ...(entry.Resources ?? [])])
    size += Buffer.byteLength(text ?? "");
  return size;
}
