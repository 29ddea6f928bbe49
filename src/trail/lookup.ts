/**
 * LookupEvents: the management events of 90 days. One index keeps the order of time and holds every attribute, so a
 * search reads index entries only, a bounded number for each request; a page may be short, and NextToken goes on.
 */
import type { Event, LookupAttribute } from "@aws-sdk/client-cloudtrail";
import type { FinishedCall } from "../flow.ts";
import type { Reader } from "../store/store.ts";
import { fault } from "../wire/fault.ts";
import { firstIdAt, momentOf } from "./record.ts";
import { eventBefore, findEvents, type Filter, type FoundRow } from "./rows.ts";

export const HISTORY_MS = 90 * 24 * 3_600_000;
const PAGE_LIMIT = 50;
/** Index entries read by one search, and searches in one request. */
const WINDOW = 20_000;
const WINDOWS = 5;
/** What fits in an index entry; the record itself has every resource. */
const RESOURCES_LIMIT = 1200;

/** The resources of a call as the index keeps them: `\ntype\tname\n…`, names as LookupEvents shows them. */
export function resourcesText(call: FinishedCall): string {
  let text = "";
  for (const { type, arn } of call.resources) {
    const entry = `\n${type}\t${nameOf(arn)}`;
    if (text.length + entry.length > RESOURCES_LIMIT) break;
    text += entry;
  }
  return text === "" ? "" : `${text}\n`;
}

/** Buckets go by their name, users, groups and policies of IAM by the last part of theirs, all else by the ARN. */
function nameOf(arn: string): string {
  if (arn.startsWith("arn:aws:s3:::")) return arn.slice(13);
  if (/^arn:aws:iam::\d*:(?:user|group|policy)\//.test(arn)) return arn.slice(arn.lastIndexOf("/") + 1);
  return arn;
}

type Request = {
  readonly LookupAttributes?: readonly LookupAttribute[] | undefined;
  readonly StartTime?: Date | undefined;
  readonly EndTime?: Date | undefined;
  readonly EventCategory?: string | undefined;
  readonly MaxResults?: number | undefined;
  readonly NextToken?: string | undefined;
};
type Page = { readonly Events: Event[]; readonly NextToken?: string };

/** One page of an account's event history in a region, newest first. */
export async function lookupEvents(
  reader: Reader,
  place: { readonly account: string; readonly region: string },
  request: Request,
  now: number,
): Promise<Page> {
  const limit = request.MaxResults ?? PAGE_LIMIT;
  if (limit < 1 || limit > PAGE_LIMIT)
    throw fault("InvalidMaxResultsException", `MaxResults must be between 1 and ${PAGE_LIMIT}.`);
  const attributes = request.LookupAttributes ?? [];
  if (attributes.length > 1)
    throw fault("InvalidLookupAttributesException", "You can specify only one lookup attribute.");
  const [attribute] = attributes;
  const whole = rangeOf(request, now);
  const range = { ...whole, before: request.NextToken ? readToken(request) : whole.before };
  // Insight events are made by Insights, which no trail here can have.
  if (request.EventCategory === "insight") return { Events: [] };
  if (attribute?.AttributeKey === "EventId") return eventWithId(reader, place, range, attribute.AttributeValue ?? "");
  const filter = attribute && filterOf(attribute);
  return search(reader, place, range, filter, limit, request);
}

function rangeOf(request: Request, now: number): { readonly from: string; readonly before: string } {
  const start = request.StartTime?.getTime();
  const end = request.EndTime?.getTime();
  if (start !== undefined && end !== undefined && start > end)
    throw fault("InvalidTimeRangeException", "The start time must be before the end time.");
  // "EndTime: only events that occur before or at the specified time are returned"; times are whole seconds.
  return {
    from: firstIdAt(Math.max(start ?? 0, now - HISTORY_MS)),
    before: firstIdAt(end === undefined ? Number.MAX_SAFE_INTEGER : Math.floor(end / 1000) * 1000 + 1000),
  };
}

async function search(
  reader: Reader,
  place: { readonly account: string; readonly region: string },
  range: { readonly from: string; readonly before: string },
  filter: Filter | undefined,
  limit: number,
  request: Request,
): Promise<Page> {
  const found: FoundRow[] = [];
  let { before } = range;
  for (let searched = 0; searched < WINDOWS; searched++) {
    const floor = filter && (await eventBefore(reader, place, { from: range.from, before }, WINDOW));
    const wanted = limit - found.length + 1;
    found.push(...(await findEvents(reader, place, { from: floor?.id ?? range.from, before }, filter, wanted)));
    if (found.length > limit) {
      const page = found.slice(0, limit);
      return { Events: page.map(eventOfRow), NextToken: writeToken(page[limit - 1]?.id ?? before, request) };
    }
    if (!floor) return { Events: found.map(eventOfRow) };
    before = floor.id;
  }
  return { Events: found.map(eventOfRow), NextToken: writeToken(before, request) };
}

async function eventWithId(
  reader: Reader,
  place: { readonly account: string; readonly region: string },
  range: { readonly from: string; readonly before: string },
  id: string,
): Promise<Page> {
  const at = momentOf(id);
  if (at === undefined || id < range.from || id >= range.before) return { Events: [] };
  const moment = { from: id, before: firstIdAt(at + 1) };
  const rows = await findEvents(reader, place, moment, { condition: "id = $6", value: id }, 1);
  return { Events: rows.map(eventOfRow) };
}

function filterOf({ AttributeKey: key, AttributeValue: value }: LookupAttribute): Filter {
  const text = value ?? "";
  switch (key) {
    case "EventName":
      return { condition: "name = $6", value: text };
    case "EventSource":
      return { condition: "source = $6", value: text };
    case "Username":
      return { condition: "username = $6", value: text };
    case "AccessKeyId":
      return { condition: "access_key = $6", value: text };
    case "ReadOnly":
      return { condition: "read_only = $6", value: text === "true" ? 1 : text === "false" ? 0 : -1 };
    case "ResourceType":
      return { condition: "resources like $6 escape '!'", value: `%\n${literal(text)}\t%` };
    case "ResourceName":
      return { condition: "resources like $6 escape '!'", value: `%\t${literal(text)}\n%` };
    default:
      throw fault("InvalidLookupAttributesException", `The lookup attribute ${String(key)} is not valid.`);
  }
}

function literal(text: string): string {
  return text.replace(/[!%_]/g, "!$&");
}

function eventOfRow(row: FoundRow): Event {
  const resources = row.resources
    .split("\n")
    .filter((entry) => entry !== "")
    .map((entry) => {
      const [type = "", name = ""] = entry.split("\t");
      return { ResourceType: type, ResourceName: name };
    });
  return {
    EventId: row.id,
    EventName: row.name,
    ReadOnly: row.read_only === 1 ? "true" : "false",
    ...(row.access_key === "" ? {} : { AccessKeyId: row.access_key }),
    EventTime: new Date(Math.floor((momentOf(row.id) ?? 0) / 1000) * 1000),
    EventSource: row.source,
    ...(row.username === "" ? {} : { Username: row.username }),
    Resources: resources,
    CloudTrailEvent: row.record,
  };
}

/** "The parameters must be the same as in the request that gave the token"; the token holds them to compare. */
function question(request: Request): string {
  const { LookupAttributes, StartTime, EndTime, EventCategory } = request;
  return JSON.stringify([LookupAttributes ?? [], StartTime ?? null, EndTime ?? null, EventCategory ?? null]);
}
function writeToken(before: string, request: Request): string {
  return Buffer.from(`${before} ${question(request)}`).toString("base64url");
}
function readToken(request: Request): string {
  const text = Buffer.from(request.NextToken ?? "", "base64url").toString();
  const space = text.indexOf(" ");
  const before = text.slice(0, Math.max(space, 0));
  if (momentOf(before) === undefined || text.slice(space + 1) !== question(request))
    throw fault("InvalidNextTokenException", "The next token is not valid for this request.");
  return before;
}
