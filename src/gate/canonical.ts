/**
 * Signature Version 4's canonical request: the one text that client and server must agree on.
 * Pure functions; AWS's documentation "Create a signed AWS API request" is the specification.
 */
export type Pair = readonly [name: string, value: string];

const UNRESERVED = /^[A-Za-z0-9\-._~]*$/;
const UNRESERVED_PATH = /^[A-Za-z0-9\-._~/]*$/;
const ENCODED_PATH = /^(?:[A-Za-z0-9\-._~/]|%(?:2[0-9A-CF]|3[A-F]|40|5[B-E]|60|7[B-D]|[89A-F][0-9A-F]))*$/;

/** Encodes everything but `A-Z a-z 0-9 - . _ ~`. */
function uriEncode(text: string): string {
  if (UNRESERVED.test(text)) return text;
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Encodes a text of bytes, one character a byte, as Node hands over request targets. */
function uriEncodeSegments(path: string): string {
  return path.split("/").map(uriEncode).join("/");
}

/** S3: neither normalised nor encoded twice. Throws URIError if the escapes are no UTF-8. */
export function s3Path(path: string): string {
  if (ENCODED_PATH.test(path)) return path;
  return path
    .split("/")
    .map((segment) => uriEncode(decodeURIComponent(segment)))
    .join("/");
}

/** Every other service: dot segments and empty segments removed, then what was sent is encoded once more. */
export function servicePath(path: string): string {
  if (path === "/") return path;
  const kept: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "" || segment === ".") continue;
    if (segment === "..") kept.pop();
    else kept.push(segment);
  }
  const normal = `/${kept.join("/")}${kept.length > 0 && /\/\.{0,2}$/.test(path) ? "/" : ""}`;
  return UNRESERVED_PATH.test(normal) ? normal : uriEncodeSegments(normal);
}

/** Sorted by encoded name, then encoded value; an empty value keeps its `=`. */
export function canonicalQuery(query: readonly Pair[], leaveOut?: (name: string) => boolean): string {
  if (query.length === 0) return "";
  const encoded: [string, string][] = [];
  for (const [name, value] of query) {
    if (!leaveOut?.(name)) encoded.push([uriEncode(name), uriEncode(value)]);
  }
  if (encoded.length > 1) encoded.sort((a, b) => compare(a[0], b[0]) || compare(a[1], b[1]));
  let text = "";
  for (const [name, value] of encoded) text += `${text ? "&" : ""}${name}=${value}`;
  return text;
}
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The signed headers, a line each: trimmed, inner spaces collapsed. Undefined if a signed header was not sent. */
export function canonicalHeaders(
  signed: readonly string[],
  header: (name: string) => string | undefined,
): string | undefined {
  let text = "";
  for (const name of signed) {
    const value = header(name);
    if (value === undefined) return undefined;
    text += `${name}:${trimAll(value)}\n`;
  }
  return text;
}
function trimAll(value: string): string {
  const trimmed = value.trim();
  return trimmed.includes("  ") || trimmed.includes("\t") ? trimmed.replace(/[ \t]+/g, " ") : trimmed;
}

/** Decodes a query string as S3 and the other services do: `+` is a space. Throws URIError if the escapes are no UTF-8. */
export function parseQuery(search: string): Pair[] {
  const pairs: Pair[] = [];
  if (search === "") return pairs;
  for (const part of search.split("&")) {
    if (part === "") continue;
    const cut = part.indexOf("=");
    pairs.push(cut < 0 ? [unescape(part), ""] : [unescape(part.slice(0, cut)), unescape(part.slice(cut + 1))]);
  }
  return pairs;
}
function unescape(text: string): string {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  return spaced.includes("%") ? decodeURIComponent(spaced) : spaced;
}

const TIMESTAMP = /^\d{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3])[0-5]\d[0-5]\dZ$/;
/** `20150830T123600Z` in milliseconds, or NaN. */
export function parseTimestamp(text: string): number {
  if (!TIMESTAMP.test(text)) return Number.NaN;
  const at = (from: number, to: number): number => Number(text.slice(from, to));
  return Date.UTC(at(0, 4), at(4, 6) - 1, at(6, 8), at(9, 11), at(11, 13), at(13, 15));
}

/** Milliseconds as `20150830T123600Z`. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
}
