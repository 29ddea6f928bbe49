/** ARNs, unique ids and access key ids, as AWS makes them. */
import { LETTERS_AND_DIGITS, UPPER_AND_DIGITS } from "../clock/clock.ts";
import type { Clock } from "../clock/clock.ts";

export type EntityKind = "user" | "group" | "role";

const ID_PREFIXES = { user: "AIDA", group: "AGPA", role: "AROA", policy: "ANPA" } as const;
/** The digits of base 32, in the order of their value. */
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** `arn:aws:iam::123456789012:role/path/name` */
export function entityArn(account: string, kind: EntityKind | "policy", path: string, name: string): string {
  return `arn:aws:iam::${account}:${kind}${path}${name}`;
}
export function rootArn(account: string): string {
  return `arn:aws:iam::${account}:root`;
}
export function sessionArn(account: string, roleName: string, sessionName: string): string {
  return `arn:aws:sts::${account}:assumed-role/${roleName}/${sessionName}`;
}

export type EntityName = {
  readonly account: string;
  readonly kind: EntityKind;
  readonly path: string;
  readonly name: string;
};

/** Takes a user's, group's or role's ARN apart; undefined if it is none. */
export function parseEntityArn(arn: string): EntityName | undefined {
  const match = /^arn:aws:iam::(\d{12}):(user|group|role)(\/(?:[^\s]*\/)?)([^/\s]+)$/.exec(arn);
  const [, account, kind, path, name] = match ?? [];
  if (!account || !kind || !path || !name) return undefined;
  return { account, kind: kind as EntityKind, path, name };
}

/** AIDA, AROA, AGPA or ANPA and 17 more. */
export function newId(clock: Clock, kind: keyof typeof ID_PREFIXES): string {
  return ID_PREFIXES[kind] + clock.text(17, UPPER_AND_DIGITS);
}

/**
 * A key id: AKIA or ASIA and 16 characters of base 32, which hold the account in bits 1 to 40, so that
 * GetAccessKeyInfo can tell the account of any key, stored or not.
 */
export function newAccessKeyId(clock: Clock, prefix: "AKIA" | "ASIA", account: string): string {
  const low = valueOf(clock.text(9, BASE32));
  // 80 bits: one that is always set, the account in 40, and 39 of chance.
  let bits = (1n << 79n) | (BigInt(account) << 39n) | (low & ((1n << 39n) - 1n));
  let text = "";
  for (let at = 0; at < 16; at++) {
    text = (BASE32[Number(bits & 31n)] ?? "") + text;
    bits >>= 5n;
  }
  return prefix + text;
}

/** The account that a key id holds; undefined if it was not made by `newAccessKeyId`. */
export function accountOfKey(accessKeyId: string): string | undefined {
  const text = accessKeyId.slice(4);
  if (!/^A[KS]IA$/.test(accessKeyId.slice(0, 4)) || !/^[A-Z2-7]{16}$/.test(text)) return undefined;
  const bits = valueOf(text);
  const account = ((bits >> 39n) & ((1n << 40n) - 1n)).toString();
  return account.length <= 12 ? account.padStart(12, "0") : undefined;
}

function valueOf(digits: string): bigint {
  let value = 0n;
  for (const digit of digits) value = value * 32n + BigInt(BASE32.indexOf(digit));
  return value;
}

/** A secret access key: 40 characters. */
export function newSecret(clock: Clock): string {
  return clock.text(40, `${LETTERS_AND_DIGITS}+/`);
}

/** Documents come back percent-encoded by RFC 3986, which encodes five characters more than JavaScript does. */
export function encodeDocument(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
