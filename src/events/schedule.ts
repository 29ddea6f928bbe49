import { fault } from "../wire/fault.ts";
import { nextCron, parseCron, type Cron } from "./cron.ts";

/** When a rule fires by itself: every so often since it was armed, or at the minutes that a cron expression names (UTC). */
export type Schedule =
  | { readonly kind: "rate"; readonly periodMs: number }
  | { readonly kind: "cron"; readonly cron: Cron };

const UNIT_MS: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/** Parses `rate(…)` or `cron(…)`; throws AWS's ValidationException. */
export function parseSchedule(expression: string): Schedule {
  const rate = /^rate\(([1-9]\d{0,9}) (minute|hour|day)(s?)\)$/.exec(expression);
  if (rate) {
    const [, count = "", unit = "", plural] = rate;
    // "singular exactly when N is 1"
    if ((count === "1") === (plural === "")) return { kind: "rate", periodMs: Number(count) * (UNIT_MS[unit] ?? 0) };
  }
  const cron = /^cron\((.*)\)$/.exec(expression);
  const parsed = cron ? parseCron(cron[1] ?? "") : undefined;
  if (!parsed) throw fault("ValidationException", "Parameter ScheduleExpression is not valid.", { status: 400 });
  return { kind: "cron", cron: parsed };
}

/** The first time after `after` (milliseconds); rates count from `anchor`. Undefined if it never fires again. */
export function nextTime(schedule: Schedule, anchor: number, after: number): number | undefined {
  if (schedule.kind === "cron") return nextCron(schedule.cron, after);
  const periods = Math.max(1, Math.floor((after - anchor) / schedule.periodMs) + 1);
  return anchor + periods * schedule.periodMs;
}
