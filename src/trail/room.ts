import type { Parts } from "../flow.ts";
import type { Room } from "../room.ts";
import { deliverLogFiles, FLUSH_MS } from "./delivery.ts";
import { beginTrimming, trimHistory } from "./retention.ts";
import { trailService } from "./service.ts";

export { createRecorder } from "./recorder.ts";

export type TrailOptions = {
  /** How often a logging trail's waiting records are written into log files; a minute by default. */
  readonly flushMs?: number;
};

/** CloudTrail: trails, their log files, and the event history. The recorder of calls is made by `createRecorder`. */
export function trailRoom(parts: Parts, options: TrailOptions = {}): Room {
  const flushMs = options.flushMs ?? FLUSH_MS;
  deliverLogFiles(parts, flushMs);
  trimHistory(parts);
  return { services: [trailService(parts, flushMs)], start: () => beginTrimming(parts) };
}
