import type { CallFacts, Parts } from "../flow.ts";
import type { Reader, Transaction } from "../store/store.ts";
import { fault } from "../wire/fault.ts";
import { ownBus, type BusName } from "./arns.ts";
import { parsePattern, patternSentence } from "./pattern/parse.ts";
import type { Pattern } from "./pattern/pattern.ts";
import { PatternError } from "./pattern/reader.ts";
import { rulesScope, type Registry } from "./registry.ts";
import { busRow, lastChange, putChange, putTag, ruleRow, tagRows, type RuleRow } from "./rows.ts";

/** What the room's handlers and workers are built from. */
export type Events = { readonly parts: Parts; readonly registry: Registry; readonly ruleQuota: number };

/** `tx.bump` of this says that a bus or its policy changed. */
export const busScope = (arn: string): string => `events/bus/${arn}`;

export function noSuchBus(bus: BusName): Error {
  return fault("ResourceNotFoundException", `Event bus ${bus.name} does not exist.`, { status: 400 });
}
export function notImplemented(what: string): Error {
  return fault("NotImplementedException", `Stepwell does not implement ${what}.`, { status: 501 });
}
export function validation(message: string): Error {
  return fault("ValidationException", message, { status: 400 });
}
export function limitExceeded(message = "The requested resource exceeds the maximum number allowed."): Error {
  return fault("LimitExceededException", message, { status: 400 });
}

/** The default bus exists in every account and region without anybody making it. */
export async function busExists(reader: Reader, bus: BusName): Promise<boolean> {
  return bus.name === "default" || (await busRow(reader, bus.arn)) !== undefined;
}

/** The caller's bus, which exists. */
export async function wantBus(reader: Reader, text: string | undefined, facts: CallFacts): Promise<BusName> {
  const bus = ownBus(text, facts.account, facts.region);
  if (!(await busExists(reader, bus))) throw noSuchBus(bus);
  return bus;
}

/** A rule of the caller's, which exists. */
export async function wantRule(reader: Reader, bus: BusName, name: string): Promise<RuleRow> {
  const row = await ruleRow(reader, bus.arn, name);
  if (!row)
    throw fault("ResourceNotFoundException", `Rule ${name} does not exist on EventBus ${bus.name}.`, { status: 400 });
  return row;
}

/** Leaves word that a rule or its targets changed. */
export async function touch(events: Events, transaction: Transaction, bus: string, name: string): Promise<void> {
  const seq = (await lastChange(transaction, bus)) + 1;
  await putChange(transaction, bus, { name, seq, stamp: events.parts.clock.uuid() });
  transaction.bump(rulesScope(bus));
}

type Tags = readonly { readonly Key: string; readonly Value: string }[];
const TAG_QUOTA = 50;

export async function tag(transaction: Transaction, arn: string, tags: Tags): Promise<void> {
  const known = new Set((await tagRows(transaction, arn)).map(({ key }) => key));
  for (const { Key } of tags) known.add(Key);
  if (known.size > TAG_QUOTA) throw limitExceeded("The number of tags exceeds the limit of 50.");
  for (const { Key, Value } of tags) await putTag(transaction, arn, Key, Value);
}

/** A page: asks for one row more than it answers, to know whether there is a next page. */
export function paged<T>(
  rows: readonly T[],
  limit: number,
  nameOf: (row: T) => string,
): { readonly page: T[]; readonly next: { NextToken?: string } } {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { page, next: more ? { NextToken: Buffer.from(nameOf(last), "utf8").toString("base64url") } : {} };
}

/** The name after which a page begins. */
export function pageStart(token: string | undefined): string {
  if (token === undefined) return "";
  const name = Buffer.from(token, "base64url").toString("utf8");
  if (Buffer.from(name, "utf8").toString("base64url") !== token) throw validation("Parameter NextToken is not valid.");
  return name;
}
export const PAGE_LIMIT = 100;

/** Parses a pattern, or throws AWS's InvalidEventPatternException. */
export function wantPattern(text: string): Pattern {
  try {
    return parsePattern(text);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw fault("InvalidEventPatternException", patternSentence(error), { status: 400 });
  }
}
