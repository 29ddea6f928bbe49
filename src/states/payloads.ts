import type { HistoryEvent } from "../flow.ts";

/** Payloads up to this many characters are cheaper to repeat than to refer to. */
const SHORT = 100;
/** Stands in a stored event for a payload that the execution's row holds already. */
type Reference = { readonly sameAs: "input" };
const SAME: Reference = { sameAs: "input" };
const PAYLOADS = ["input", "output"] as const;

/**
 * The text that history events are stored as. An execution's input returns in its first events, mostly unchanged:
 * such a payload is stored once, in the row, which makes an execution that an event started a third as large.
 */
export function packEvents(events: readonly HistoryEvent[], input: string): string {
  return JSON.stringify(input.length <= SHORT ? events : events.map((event) => replaceIn(event, input, SAME)));
}

/** The events with these ids as they were before `packEvents`. */
export function unpackEvents(text: string, input: string, low: number, high: number): HistoryEvent[] {
  const events = (JSON.parse(text) as HistoryEvent[]).filter(({ id }) => id >= low && id <= high);
  return input.length <= SHORT ? events : events.map((event) => replaceIn(event, SAME, input));
}

function replaceIn(event: HistoryEvent, what: string | Reference, by: string | Reference): HistoryEvent {
  for (const member in event) {
    const details = event[member];
    if (typeof details !== "object" || details === null) continue;
    for (const payload of PAYLOADS) {
      if (!same((details as Record<string, unknown>)[payload], what)) continue;
      // An event has one details member, and that has at most one payload.
      return { ...event, [member]: { ...details, [payload]: by } };
    }
  }
  return event;
}

function same(value: unknown, what: string | Reference): boolean {
  return typeof what === "string" ? value === what : typeof value === "object" && value !== null && "sameAs" in value;
}
