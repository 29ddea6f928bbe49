import type { HistoryEvent as SdkHistoryEvent } from "@aws-sdk/client-sfn";
import type { HistoryEvent } from "../../flow.ts";
import { fault } from "../../wire/fault.ts";
import { unpackEvents } from "../payloads.ts";
import { pageSize, positionOf, tokenOf } from "../paging.ts";
import { firstEvents, historyBetween } from "../rows/executions.ts";
import type { StatesHandlers } from "./handlers.ts";
import { missingExecution, ownExecution } from "./own.ts";

export function historyHandlers() {
  return {
    async GetExecutionHistory(input, call) {
      const key = ownExecution(input.executionArn, call);
      const limit = pageSize(input.maxResults);
      const reverse = input.reverseOrder === true;
      const list = `history ${input.executionArn} ${reverse ? "reverse" : ""}`;
      const position = positionOf(list, input.nextToken, call.at)?.[0];
      return call.read(async (reader) => {
        const start = (await firstEvents(reader, key)) ?? missingExecution(input.executionArn);
        // Children that are Express executions keep none.
        if (start.events === "[]")
          throw fault("StateMachineTypeNotSupported", "This operation is not supported by this type of state machine");
        // Event ids count from 1 without a gap, so that a page is a range of ids.
        const from = Number(position ?? (reverse ? start.last_event : 1));
        const low = reverse ? Math.max(1, from - limit + 1) : from;
        const high = reverse ? from : Math.min(start.last_event, from + limit - 1);
        const later = await historyBetween(reader, key, low, high + 1);
        // A long history is read page by page: what lies outside of the page is not even parsed where that can be told.
        const rows = (later[0]?.first ?? high + 1) <= low ? later : [start, ...later];
        const page = rows
          .flatMap(({ events }) => unpackEvents(events, start.input, low, high))
          .map((event) => shown(event, input.includeExecutionData !== false));
        if (reverse) page.reverse();
        const next = reverse ? low - 1 : high + 1;
        const more = next >= 1 && next <= start.last_event;
        return { events: page, ...(more && { nextToken: tokenOf(list, [next], call.at) }) };
      });
    },
  } satisfies StatesHandlers;
}

/** Members that `includeExecutionData: false` leaves out; parameters stay, as on AWS. */
const DATA = new Set(["input", "inputDetails", "output", "outputDetails"]);

function shown(event: HistoryEvent, withData: boolean): SdkHistoryEvent {
  const out: Record<string, unknown> = { ...event, timestamp: new Date(event.timestamp) };
  if (!withData) {
    for (const [name, value] of Object.entries(event)) {
      if (typeof value !== "object" || value === null) continue;
      out[name] = Object.fromEntries(Object.entries(value).filter(([member]) => !DATA.has(member)));
    }
  }
  // The interpreter writes events in AWS's shape; the SDK's type is the same shape with a Date.
  return out as unknown as SdkHistoryEvent;
}
