/** Cron expressions of six fields (minute hour day-of-month month day-of-week year), in UTC, as Quartz reads them. */
export type Cron = {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly months: readonly number[];
  readonly years: readonly number[];
  readonly days: DayRule;
};
/** Which days of a month: weekdays count from 1, Sunday. */
export type DayRule =
  | { readonly kind: "days"; readonly days: readonly number[] }
  | { readonly kind: "last day" }
  | { readonly kind: "last working day" }
  | { readonly kind: "nearest working day"; readonly day: number }
  | { readonly kind: "weekdays"; readonly weekdays: readonly number[] }
  | { readonly kind: "last weekday"; readonly weekday: number }
  | { readonly kind: "nth weekday"; readonly weekday: number; readonly nth: number };

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const LAST_YEAR = 2199;

type Unit = { readonly low: number; readonly high: number; readonly names?: readonly string[] };
const MINUTE: Unit = { low: 0, high: 59 };
const HOUR: Unit = { low: 0, high: 23 };
const DAY: Unit = { low: 1, high: 31 };
const MONTH: Unit = { low: 1, high: 12, names: MONTHS };
const WEEKDAY: Unit = { low: 1, high: 7, names: WEEKDAYS };
const YEAR: Unit = { low: 1970, high: LAST_YEAR };

/** Parses the part within the parentheses; undefined if it is not valid. */
export function parseCron(text: string): Cron | undefined {
  const fields = text.trim().toUpperCase().split(/\s+/);
  if (fields.length !== 6) return undefined;
  const [minute = "", hour = "", day = "", month = "", weekday = "", year = ""] = fields;
  // Exactly one of the two must be open.
  if ((day === "?") === (weekday === "?")) return undefined;
  const minutes = list(minute, MINUTE);
  const hours = list(hour, HOUR);
  const months = list(month, MONTH);
  const years = list(year, YEAR);
  const days = weekday === "?" ? dayRule(day) : weekdayRule(weekday);
  return minutes && hours && months && years && days ? { minutes, hours, months, years, days } : undefined;
}

function dayRule(text: string): DayRule | undefined {
  if (text === "L") return { kind: "last day" };
  if (text === "LW") return { kind: "last working day" };
  if (text.endsWith("W")) {
    const day = single(text.slice(0, -1), DAY);
    return day === undefined ? undefined : { kind: "nearest working day", day };
  }
  const days = list(text, DAY);
  return days && { kind: "days", days };
}

function weekdayRule(text: string): DayRule | undefined {
  if (text === "L") return { kind: "weekdays", weekdays: [7] };
  if (text.endsWith("L")) {
    const weekday = single(text.slice(0, -1), WEEKDAY);
    return weekday === undefined ? undefined : { kind: "last weekday", weekday };
  }
  if (text.includes("#")) {
    const [name = "", number = "", more] = text.split("#");
    const weekday = single(name, WEEKDAY);
    if (weekday === undefined || more !== undefined || !/^[1-5]$/.test(number)) return undefined;
    return { kind: "nth weekday", weekday, nth: Number(number) };
  }
  const weekdays = list(text, WEEKDAY);
  return weekdays && { kind: "weekdays", weekdays };
}

function single(text: string, unit: Unit): number | undefined {
  const name = unit.names?.indexOf(text) ?? -1;
  if (name >= 0) return unit.low + name;
  if (!/^\d{1,4}$/.test(text)) return undefined;
  const value = Number(text);
  return value >= unit.low && value <= unit.high ? value : undefined;
}

/** `*`, `a`, `a-b`, either with `/step`, and lists of these. Ranges may wrap around (`20-2`). */
function list(text: string, unit: Unit): number[] | undefined {
  const values = new Set<number>();
  for (const part of text.split(",")) {
    const [range = "", stepText, more] = part.split("/");
    if (more !== undefined || (stepText !== undefined && !/^\d{1,4}$/.test(stepText))) return undefined;
    const step = stepText === undefined ? 1 : Number(stepText);
    if (step < 1 || step > unit.high) return undefined;
    const ends = endsOf(range, unit, stepText !== undefined);
    if (!ends) return undefined;
    const size = unit.high - unit.low + 1;
    const length = (ends.to - ends.from + size) % size;
    for (let offset = 0; offset <= length; offset += step)
      values.add(unit.low + ((ends.from - unit.low + offset) % size));
  }
  return [...values].sort((one, other) => one - other);
}

function endsOf(range: string, unit: Unit, stepped: boolean): { from: number; to: number } | undefined {
  if (range === "*" || (range === "" && stepped)) return { from: unit.low, to: unit.high };
  const [first = "", second, more] = range.split("-");
  const from = single(first, unit);
  const to = second === undefined ? (stepped ? unit.high : from) : single(second, unit);
  if (from === undefined || to === undefined || more !== undefined) return undefined;
  if (unit === YEAR && to < from) return undefined;
  return { from, to };
}

/** The first whole minute after `after` (milliseconds) that the expression names; undefined if there is none. */
export function nextCron(cron: Cron, after: number): number | undefined {
  const start = new Date((Math.floor(after / 60_000) + 1) * 60_000);
  const startYear = start.getUTCFullYear();
  const startMonth = start.getUTCMonth() + 1;
  const startDay = start.getUTCDate();
  const startOfDay = Date.UTC(startYear, startMonth - 1, startDay);
  for (const year of cron.years) {
    if (year < startYear) continue;
    for (const month of cron.months) {
      if (year === startYear && month < startMonth) continue;
      for (const day of daysOf(cron.days, year, month)) {
        const midnight = Date.UTC(year, month - 1, day);
        if (midnight < startOfDay) continue;
        const time = firstInDay(cron, midnight, start.getTime());
        if (time !== undefined) return time;
      }
    }
  }
  return undefined;
}

function firstInDay(cron: Cron, midnight: number, start: number): number | undefined {
  for (const hour of cron.hours) {
    if (midnight + (hour + 1) * 3_600_000 <= start) continue;
    for (const minute of cron.minutes) {
      const time = midnight + hour * 3_600_000 + minute * 60_000;
      if (time >= start) return time;
    }
  }
  return undefined;
}

/** The days of a month that the rule names, ascending. */
export function daysOf(rule: DayRule, year: number, month: number): number[] {
  const last = new Date(Date.UTC(year, month, 0)).getUTCDate();
  const weekdayOf = (day: number): number => new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 1;
  const all = (test: (day: number) => boolean): number[] =>
    Array.from({ length: last }, (_, index) => index + 1).filter(test);
  switch (rule.kind) {
    case "days":
      return rule.days.filter((day) => day <= last);
    case "last day":
      return [last];
    case "last working day":
      return [nearestWorkingDay(last, last, weekdayOf)];
    case "nearest working day":
      return rule.day > last ? [] : [nearestWorkingDay(rule.day, last, weekdayOf)];
    case "weekdays":
      return all((day) => rule.weekdays.includes(weekdayOf(day)));
    case "last weekday":
      return all((day) => day > last - 7 && weekdayOf(day) === rule.weekday);
    case "nth weekday":
      return all((day) => Math.ceil(day / 7) === rule.nth && weekdayOf(day) === rule.weekday);
  }
}

/** Monday to Friday nearest to the day, without leaving the month. */
function nearestWorkingDay(day: number, last: number, weekdayOf: (day: number) => number): number {
  const weekday = weekdayOf(day);
  if (weekday === 7) return day === 1 ? day + 2 : day - 1;
  if (weekday === 1) return day === last ? day - 2 : day + 1;
  return day;
}
