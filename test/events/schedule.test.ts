import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { daysOf, nextCron, parseCron } from "../../src/events/cron.ts";
import { nextTime, parseSchedule } from "../../src/events/schedule.ts";

const MINUTE = 60_000;
const at = (text: string): number => Date.parse(`${text}Z`);
const next = (expression: string, after: string): string | undefined => {
  const time = nextTime(parseSchedule(expression), at(after), at(after));
  return time === undefined ? undefined : new Date(time).toISOString().slice(0, 16);
};

/** Whether one part of a list (`a`, `a-b`, `*`, each with `/n`) names a value: written down afresh, value by value. */
function names(list: string, value: number, low: number, high: number): boolean {
  return list.split(",").some((part) => {
    const [range = "", step] = part.split("/");
    const [first = "", last] = range === "*" ? [String(low), String(high)] : range.split("-");
    const from = Number(first);
    const to = last === undefined ? (step === undefined ? from : high) : Number(last);
    for (let at = from, count = 0; count <= high - low; count++, at = at === high ? low : at + 1) {
      if (at === value) return count % Number(step ?? 1) === 0;
      if (at === to) return false;
    }
    return false;
  });
}

const term = (low: number, high: number) =>
  fc.oneof(
    fc.constant("*"),
    fc.integer({ min: low, max: high }).map(String),
    fc
      .tuple(fc.integer({ min: low, max: high }), fc.integer({ min: low, max: high }))
      .map(([from, to]) => `${from}-${to}`),
    fc
      .tuple(fc.integer({ min: low, max: high }), fc.integer({ min: 1, max: high }))
      .map(([from, step]) => `${from}/${step}`),
  );
const list = (low: number, high: number) =>
  fc.array(term(low, high), { minLength: 1, maxLength: 2 }).map((parts) => parts.join(","));

void test("cron agrees with going through the minutes one by one", () => {
  let fired = 0;
  fc.assert(
    fc.property(
      list(0, 59),
      list(0, 23),
      list(1, 31),
      list(1, 12),
      list(1, 7),
      fc.boolean(),
      fc.integer({ min: at("2023-12-20T00:00"), max: at("2024-03-05T00:00") }),
      (minute, hour, day, month, weekday, byDay, after) => {
        const cron = parseCron(`${minute} ${hour} ${byDay ? day : "?"} ${month} ${byDay ? "?" : weekday} *`);
        assert.ok(cron);
        const found = nextCron(cron, after);
        const limit = after + 4 * 86_400_000;
        let wanted: number | undefined;
        for (
          let time = (Math.floor(after / MINUTE) + 1) * MINUTE;
          time < limit && wanted === undefined;
          time += MINUTE
        ) {
          const date = new Date(time);
          const onDay = byDay ? names(day, date.getUTCDate(), 1, 31) : names(weekday, date.getUTCDay() + 1, 1, 7);
          if (
            onDay &&
            names(month, date.getUTCMonth() + 1, 1, 12) &&
            names(hour, date.getUTCHours(), 0, 23) &&
            names(minute, date.getUTCMinutes(), 0, 59)
          )
            wanted = time;
        }
        if (wanted === undefined) assert.ok(found === undefined || found >= limit);
        else assert.equal(found, wanted, new Date(wanted).toISOString());
        if (wanted !== undefined) fired++;
      },
    ),
    { seed: 21, numRuns: 300 },
  );
  assert.ok(fired > 50);
});

void test("the special days of Quartz", () => {
  assert.equal(next("cron(0 12 L 2 ? *)", "2024-02-01T00:00"), "2024-02-29T12:00");
  assert.equal(next("cron(0 12 LW * ? *)", "2024-03-01T00:00"), "2024-03-29T12:00");
  assert.equal(next("cron(0 12 15W * ? *)", "2024-06-01T00:00"), "2024-06-14T12:00");
  assert.equal(next("cron(0 12 1W * ? *)", "2024-06-01T00:00"), "2024-06-03T12:00");
  assert.equal(next("cron(0 12 ? * 6L *)", "2024-06-01T00:00"), "2024-06-28T12:00");
  assert.equal(next("cron(0 12 ? * FRI#2 *)", "2024-06-01T00:00"), "2024-06-14T12:00");
  assert.equal(next("cron(0 12 ? * L *)", "2024-06-02T00:00"), "2024-06-08T12:00");
  assert.equal(next("cron(0 20-2 * * ? *)", "2024-06-02T02:30"), "2024-06-02T20:00");
  assert.equal(next("cron(0/15 8-17/3 ? JAN-MAR MON-FRI 2030)", "2024-06-02T02:30"), "2030-01-01T08:00");
  assert.equal(next("cron(0 0 30 2 ? *)", "2024-06-02T02:30"), undefined);
  assert.equal(next("cron(0 0 1 1 ? 2020)", "2024-06-02T02:30"), undefined);
  assert.deepEqual(daysOf({ kind: "nth weekday", weekday: 7, nth: 5 }, 2024, 6), [29]);
});

void test("rates fire whole periods after they were armed", () => {
  assert.equal(next("rate(5 minutes)", "2024-06-02T02:30"), "2024-06-02T02:35");
  const rate = parseSchedule("rate(1 day)");
  assert.equal(nextTime(rate, 1000, 1000 + 3 * 86_400_000), 1000 + 4 * 86_400_000);
  assert.equal(nextTime(rate, 1000, 500), 1000 + 86_400_000);
});

void test("what is not valid is refused with AWS's sentence", () => {
  const bad = [
    "rate(1 minutes)", "rate(2 minute)", "rate(0 minutes)", "rate( 5 minutes)", "rate(5  minutes)", "RATE(5 minutes)", "rate(1.5 hours)",
    "cron(0 12 * * * *)", "cron(0 12 ? * ? *)", "cron(0 12 * * ?)", "cron(60 12 * * ? *)", "cron(0 24 * * ? *)", "cron(0 12 0 * ? *)",
    "cron(0 12 ? 13 MON *)", "cron(0 12 ? * 8 *)", "cron(0 12 ? * MON#6 *)", "cron(0 12 * * ? 1969)", "cron(0 12 * * ? 2200)",
    "cron(0/0 12 * * ? *)", "cron(0 12 ? * MON#1,TUE#2 *)", "cron(0 12 1W,15W * ? *)", "at(2024-01-01T00:00:00)", "", "cron()",
  ]; // prettier-ignore
  for (const expression of bad)
    assert.throws(
      () => parseSchedule(expression),
      { code: "ValidationException", message: "Parameter ScheduleExpression is not valid." },
      expression,
    );
});
