/** Timestamps of the States language: RFC 3339 with a capital `T` and a zone. */

const TIMESTAMP = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)$/;

/** Nanoseconds since 1970 as an exact integer, or undefined if the text is not a timestamp. */
export function parseTimestamp(text: string): bigint | undefined {
  const parts = TIMESTAMP.exec(text);
  if (parts === null) return undefined;
  const [, year = "", month = "", day = "", hour = "", minute = "", second = "00", fraction = "", zone = ""] = parts;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const local = Date.parse(`${iso}Z`);
  // Date.parse takes 30 February for 2 March: a date that does not print as it was written does not exist.
  if (Number.isNaN(local) || new Date(local).toISOString().slice(0, 19) !== iso) return undefined;
  const offsetMinutes =
    zone === "Z" ? 0 : (zone[0] === "-" ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4)));
  return BigInt(local - offsetMinutes * 60_000) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}

/** The first millisecond that is not before the timestamp. */
export function toMilliseconds(nanoseconds: bigint): number {
  const whole = nanoseconds / 1_000_000n;
  return Number(whole) + (nanoseconds > whole * 1_000_000n ? 1 : 0);
}

/** `2026-05-04T09:12:31.123Z`, as the context object has it. */
export function isoMilliseconds(ms: number): string {
  return new Date(ms).toISOString();
}
