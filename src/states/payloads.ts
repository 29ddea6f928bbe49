import type { HistoryEvent } from "../flow.ts";

/** Payloads up to this many characters are cheaper to repeat than to refer to. */
const SHORT = 100;
/** Stands in a stored event for a payload that the execution's row holds already. */
type Reference = { readonly sameAs: "input" };
const SAME: Reference = { sameAs: "input" };
const PAYLOADS = ["input", "output"] as const;

/**
 * The entering or leaving of a state, whose event follows the one before it: the type, the state's name, and the
 * payload unless it is that of the event before. A history consists mostly of these.
 */
type Brief = readonly [type: string, name: string, payload?: string | Reference];
type Packed = HistoryEvent | Brief;
const BRIEF = [
  { ending: "StateEntered", member: "stateEnteredEventDetails", payload: "input", flags: "inputDetails" },
  { ending: "StateExited", member: "stateExitedEventDetails", payload: "output", flags: "outputDetails" },
] as const;

/**
 * The text that history events are stored as. A payload is stored once where it returns unchanged: from one event to
 * the next, or, if it is the execution's input, in the execution's row. What a state's entering and leaving say anyway
 * is left out. Of the chain of 100 Pass and Choice states in the bench that leaves a quarter of the bytes.
 */
export function packEvents(events: readonly HistoryEvent[], input: string): string {
  const known = input.length <= SHORT ? undefined : input;
  let before: HistoryEvent | undefined;
  let last: string | undefined;
  const packed = events.map((event): Packed => {
    const brief = before && briefOf(event, before);
    before = event;
    const payload = brief ? brief[2] : payloadOf(event);
    const repeated = payload !== undefined && payload === last;
    last = payload;
    if (!brief) return known === undefined ? event : replaceIn(event, known, SAME);
    if (repeated) return [brief[0], brief[1]];
    return payload !== undefined && payload === known ? [brief[0], brief[1], SAME] : brief;
  });
  return JSON.stringify(packed);
}

/** The events with these ids as they were before `packEvents`. */
export function unpackEvents(text: string, input: string, low: number, high: number): HistoryEvent[] {
  const events: HistoryEvent[] = [];
  let id = 0;
  let timestamp = 0;
  let last: string | undefined;
  for (const packed of JSON.parse(text) as readonly Packed[]) {
    if (isBrief(packed)) {
      id += 1;
      const [, , payload = last] = packed;
      last = typeof payload === "object" ? input : payload;
      if (id >= low && id <= high) events.push(eventOf(packed, id, timestamp, last ?? ""));
    } else {
      const event = input.length <= SHORT ? packed : replaceIn(packed, SAME, input);
      ({ id, timestamp } = event);
      last = payloadOf(event);
      if (id >= low && id <= high) events.push(event);
    }
  }
  return events;
}

/** Undefined unless the event says nothing else than a brief one. */
function briefOf(event: HistoryEvent, before: HistoryEvent): readonly [string, string, string] | undefined {
  const { id, previousEventId, timestamp, type } = event;
  if (id !== before.id + 1 || previousEventId !== before.id || timestamp !== before.timestamp) return undefined;
  const form = BRIEF.find(({ ending }) => type.endsWith(ending));
  if (form === undefined || members(event) !== 5) return undefined;
  const details = event[form.member] as Readonly<Record<string, unknown>> | undefined;
  if (details === undefined || members(details) !== 3) return undefined;
  const { name, [form.payload]: payload, [form.flags]: flags } = details;
  if (typeof name !== "string" || typeof payload !== "string" || !isUntruncated(flags)) return undefined;
  return [type, name, payload];
}

function eventOf([type, name]: Brief, id: number, timestamp: number, text: string): HistoryEvent {
  const { member, payload, flags } = type.endsWith(BRIEF[0].ending) ? BRIEF[0] : BRIEF[1];
  const details = { name, [payload]: text, [flags]: { truncated: false } };
  return { id, previousEventId: id - 1, timestamp, type, [member]: details };
}

function isBrief(packed: Packed): packed is Brief {
  return Array.isArray(packed);
}
function isUntruncated(flags: unknown): boolean {
  return typeof flags === "object" && flags !== null && "truncated" in flags && flags.truncated === false;
}
function members(value: object): number {
  let count = 0;
  for (const _ in value) count += 1;
  return count;
}

/** The input or output that an event bears. */
function payloadOf(event: HistoryEvent): string | undefined {
  for (const member in event) {
    const details = event[member];
    if (typeof details !== "object" || details === null) continue;
    for (const payload of PAYLOADS) {
      const text = (details as Record<string, unknown>)[payload];
      if (typeof text === "string") return text;
    }
  }
  return undefined;
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
