import assert from "node:assert/strict";
import type { Execution } from "./invariants.ts";
import { EACH_MS, RETRY_MS, WAIT_MS } from "./setting.ts";

/** A history without what is different each time, line by line: branches one after the other. */
export type History = string;
export type HistoryEvent = {
  readonly id: number;
  readonly previousEventId: number;
  readonly timestamp: Date;
  readonly type: string;
} & Readonly<Record<string, unknown>>;

const MAIN = "";
const JOINED = /^(Parallel|Map)State(Succeeded|Exited)$/;

/** The events of each line of an execution: its own, and those of branches and iterations, which have no order among them. */
function linesOf(events: readonly HistoryEvent[]): Map<string, HistoryEvent[]> {
  const lines = new Map<string, HistoryEvent[]>();
  const names = new Map<number, string>([[0, MAIN]]);
  const byId = new Map(events.map((event) => [event.id, event]));
  for (const event of events) {
    const name = JOINED.test(event.type) ? MAIN : lineOf(event, byId.get(event.previousEventId), names);
    names.set(event.id, name);
    const line = lines.get(name);
    if (line) line.push(event);
    else lines.set(name, [event]);
  }
  return lines;
}

function lineOf(event: HistoryEvent, previous: HistoryEvent | undefined, names: ReadonlyMap<number, string>): string {
  if (event.type.startsWith("MapIteration")) {
    const { name, index } = (event["mapIterationStartedEventDetails"] ??
      event["mapIterationSucceededEventDetails"]) as {
      readonly name: string;
      readonly index: number;
    };
    return `${name}[${index}]`;
  }
  if (previous?.type === "ParallelStateStarted")
    return `branch ${(event["stateEnteredEventDetails"] as { readonly name: string }).name}`;
  return names.get(event.previousEventId) ?? MAIN;
}

/**
 * AWS chains the first state's entry to 0, like the start itself; every other event of a line follows the one before.
 * A branch begins where its state was started, an iteration there or where another ended whose place it takes. Where
 * lines join, two events follow the last that ended.
 */
export function checkChain({ arn, events, status }: Execution): void {
  assert.equal(status, "SUCCEEDED", arn);
  const lines = linesOf(events);
  events.forEach(({ id }, index) => assert.equal(id, index + 1, `${arn} has a gap`));
  for (const [name, line] of lines)
    line.forEach(({ id, previousEventId, type }, index) => {
      const which = `${arn} #${id} ${type} is not chained`;
      const before = line[index - 1];
      if (id < 3) assert.equal(previousEventId, 0, which);
      else if (JOINED.test(type)) assert.equal(previousEventId, type.endsWith("Exited") ? id - 2 : id - 1, which);
      else if (before) assert.equal(previousEventId, before.id, which);
      else assert.ok(beginsAt(name, events[previousEventId - 1], lines), which);
    });
}

function beginsAt(name: string, event: HistoryEvent | undefined, lines: ReadonlyMap<string, readonly HistoryEvent[]>) {
  if (event?.type === "ParallelStateStarted") return name.startsWith("branch ");
  if (event?.type === "MapStateStarted") return name.includes("[");
  // The last event inside of another iteration, before its end.
  const [map] = name.split("[");
  return [...lines].some(([other, line]) => other !== name && other.startsWith(`${map}[`) && line.at(-2) === event);
}

/** Waits and pauses before retries last as long as they should, by the clock that the node had. */
export function checkTimes({ arn, events }: Execution): void {
  for (const line of linesOf(events).values())
    line.forEach((event, index) => {
      const next = line[index + 1];
      if (!next) return;
      const ms = next.timestamp.getTime() - event.timestamp.getTime();
      if (event.type === "WaitStateEntered") {
        const { name } = event["stateEnteredEventDetails"] as { readonly name: string };
        assert.equal(next.type, "WaitStateExited", arn);
        assert.ok(ms >= (name === "Breathe" ? EACH_MS : WAIT_MS), `${arn} waited ${ms} ms`);
      }
      if (event.type === "TaskFailed" && next.type === "TaskScheduled")
        assert.ok(ms >= RETRY_MS, `${arn} retried after ${ms} ms`);
    });
}

export function withoutChance({ arn, events }: Execution): History {
  const name = arn.slice(arn.lastIndexOf(":") + 1);
  const plain = (line: string, event: HistoryEvent): string =>
    `${line} ${JSON.stringify({ ...event, id: 0, previousEventId: 0, timestamp: 0 }, (_, value: unknown) =>
      typeof value === "string" ? shortened(value) : value,
    )}`
      .replaceAll(`\\"${name}\\"`, "<execution>")
      .replaceAll(`-${name}\\"`, '-<execution>\\"');
  return [...linesOf(events)]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([line, held]) => held.map((event) => plain(line, event)))
    .join("\n");
}

/** Names, times and numbers that chance or the clock chose. */
function shortened(text: string): string {
  return text
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "<uuid>")
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, "<time>")
    .replace(/\b[0-9A-F]{18}\b/g, "<sequencer>")
    .replace(/("size"|"bytesTransferredIn"):\d+/g, "$1:0")
    .replace(/"x-amz-id-2":"[^"]*"/g, '"x-amz-id-2":""')
    .replace(/[0-9a-f]{32}/g, "<md5>")
    .replace(/\b(AKIA|ASIA|AROA)[A-Z0-9]{16,17}/g, "$1")
    .replace(/(marker|up)\/[^"\\]*/g, "<name>")
    .replace(/simulation\.a[^"\\]*/g, "simulation.published")
    .replace(/Request ID: [0-9A-Z]{16}, Extended Request ID: [A-Za-z0-9+/=]+/g, "<request>");
}
