/** How CloudTrail prints what a call was given and what it answered, for every service but S3. Pure. */

export const HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS";

/** "requestParameters too large": AWS leaves out what exceeds 100 KB. */
const MEMBERS_LIMIT = 100 * 1024;
const DEPTH_LIMIT = 32;

/** Members that are secret wherever they stand. */
const SECRET = new Set([
  "secretAccessKey",
  "sessionToken",
  "password",
  "newPassword",
  "oldPassword",
  "secretString",
  "secretBinary",
  "authParameters",
  "apiKeyValue",
  "clientSecret",
  "privateKey",
]);

/** Members that one service's records hide: the model marks them sensitive, or they carry the caller's data. */
const SECRET_OF: Readonly<Record<string, ReadonlySet<string>>> = {
  "states.amazonaws.com": new Set(["input", "definition", "output", "cause", "error", "variables", "mock"]),
  "lambda.amazonaws.com": new Set(["environment", "payload", "zipFile"]),
  "ssm.amazonaws.com": new Set(["value"]),
  "sqs.amazonaws.com": new Set(["messageBody", "messageAttributes"]),
  "sns.amazonaws.com": new Set(["message", "messageAttributes", "messageStructure", "subject"]),
  "events.amazonaws.com": new Set(["detail"]),
  "dynamodb.amazonaws.com": new Set(["item", "items", "expressionAttributeValues", "attributes"]),
};
const NONE: ReadonlySet<string> = new Set();

/** Members whose value is a map of the caller's own keys, which keep their case. */
const MAPS = new Set([
  "attributes",
  "variables",
  "inputPathsMap",
  "headerParameters",
  "pathParameters",
  "queryStringParameters",
  "expressionAttributeNames",
]);

/** Members that hold a moment, for the case that a row carried the call as JSON and its dates became text. */
const MOMENT = /(?:date|time|timestamp|expiration|lastModified|lastUsed|createdAt|updatedAt)$/i;
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** An input or output as a record shows it: names begin in lower case, secrets are hidden, dates are printed as AWS prints them. Undefined if nothing is left. */
export function membersOf(
  value: unknown,
  eventSource: string,
  side: "requestParameters" | "responseElements",
): unknown {
  if (value === null || typeof value !== "object") return undefined;
  const copy = { secrets: SECRET_OF[eventSource] ?? NONE, size: 0 };
  const members = copyObject(value as Readonly<Record<string, unknown>>, copy, 0, false);
  if (copy.size > MEMBERS_LIMIT) return { reason: `${side} too large`, omitted: true, originalSize: copy.size };
  for (const _ in members) return members;
  return undefined;
}

/** A document as it is, if it is not too large for a record. */
export function within(document: object, side: "requestParameters" | "responseElements"): unknown {
  const size = JSON.stringify(document).length;
  return size > MEMBERS_LIMIT ? { reason: `${side} too large`, omitted: true, originalSize: size } : document;
}

type Copy = { readonly secrets: ReadonlySet<string>; size: number };

function copyObject(
  value: Readonly<Record<string, unknown>>,
  copy: Copy,
  depth: number,
  isMap: boolean,
): Record<string, unknown> {
  const members: Record<string, unknown> = {};
  if (depth > DEPTH_LIMIT) return members;
  for (const name in value) {
    const member = value[name];
    if (member === undefined || member === null || typeof member === "function") continue;
    const printed = isMap ? name : lowerFirst(name);
    copy.size += printed.length + 4;
    if (!isMap && (SECRET.has(printed) || copy.secrets.has(printed))) members[printed] = HIDDEN;
    else members[printed] = copyValue(member, copy, depth + 1, printed);
  }
  return members;
}

function copyValue(value: unknown, copy: Copy, depth: number, name: string): unknown {
  if (typeof value === "string") {
    copy.size += value.length;
    return value.length === 24 && MOMENT.test(name) && ISO.test(value) ? printedDate(Date.parse(value)) : value;
  }
  if (typeof value !== "object" || value === null) {
    copy.size += 8;
    return value;
  }
  if (value instanceof Date) return printedDate(value.getTime());
  if (value instanceof Uint8Array) return HIDDEN;
  if (Array.isArray(value)) return value.map((item) => copyValue(item, copy, depth + 1, name));
  if (Symbol.asyncIterator in value) return HIDDEN;
  return copyObject(value as Readonly<Record<string, unknown>>, copy, depth, MAPS.has(name));
}

/** AWS lowers exactly the first letter, of abbreviations too: `SSESpecification` becomes `sSESpecification`. */
function lowerFirst(name: string): string {
  const code = name.charCodeAt(0);
  return code >= 65 && code <= 90 ? name.charAt(0).toLowerCase() + name.slice(1) : name;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `Nov 22, 2026, 7:50:00 PM`, always in UTC: the form that dates have in the records of JSON services. */
export function printedDate(ms: number): string {
  const date = new Date(ms);
  const hour = date.getUTCHours();
  const two = (part: number): string => (part < 10 ? `0${part}` : String(part));
  return `${MONTHS[date.getUTCMonth()]} ${date.getUTCDate()}, ${date.getUTCFullYear()}, ${hour % 12 || 12}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} ${hour < 12 ? "AM" : "PM"}`;
}
