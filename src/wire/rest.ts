import type { HttpRequest, HttpResponse } from "./http.ts";
import { Malformed, put, textOf } from "./malformed.ts";
import type { QueryIndex } from "./query.ts";
import type { Labels } from "./router.ts";
import { isScalar, textCodec, type TextCodec } from "./scalar.ts";
import type { Member, Operation, TimestampFormat } from "./shape.ts";

/** What restJson1 and restXml disagree on: the document in the body. */
export type Document = {
  readonly contentType: string;
  readonly reader: (members: readonly Member[]) => (bytes: Buffer) => object;
  readonly writer: (operation: Operation, members: readonly Member[]) => (value: unknown) => string;
  readonly payloadReader: (member: Member) => (bytes: Buffer) => unknown;
  readonly payloadWriter: (member: Member) => (value: unknown) => string;
  /** The fault for a header, label or query parameter that spells no value. */
  readonly refuse: (place: string, text: string, problem: Malformed) => Error;
};
export type RestCodec = {
  decode(request: HttpRequest, labels: Labels, query: QueryIndex, limit: number): Promise<Record<string, unknown>>;
  encode(output: unknown): { status: number; headers: Record<string, string>; body: HttpResponse["body"] };
};

export function restCodec(operation: Operation, document: Document): RestCodec {
  const decode = decoder(operation, document);
  const encode = encoder(operation, document);
  return { decode, encode };
}

const inBody = ({ traits }: Member): boolean =>
  traits.httpLabel === undefined &&
  traits.httpQuery === undefined &&
  traits.httpQueryParams === undefined &&
  traits.httpHeader === undefined &&
  traits.httpPrefixHeaders === undefined &&
  traits.httpPayload === undefined &&
  traits.httpResponseCode === undefined;

function decoder({ input }: Operation, document: Document): RestCodec["decode"] {
  const labels = input.members
    .filter((member) => member.traits.httpLabel === 1)
    .map((member) => ({ name: member.name, text: textCodec(member.shape, member.traits, "date-time") }));
  const queries = input.members.flatMap((member) => {
    const key = member.traits.httpQuery;
    return key === undefined
      ? []
      : [{ name: member.name, key, many: member.shape.kind === "list", text: elementText(member, "date-time") }];
  });
  const others = input.members.find((member) => member.traits.httpQueryParams === 1);
  const headers = headerCodecs(input.members, document.refuse);
  const prefixed = input.members.find((member) => member.traits.httpPrefixHeaders !== undefined);
  const readBody = bodyReader(input.members, document);
  return async (request, found, query, limit) => {
    const value: Record<string, unknown> = {};
    for (const { name, text } of labels) {
      const label = found[name];
      if (label !== undefined) value[name] = text.read(decodeLabel(label));
    }
    for (const { name, key, many, text } of queries) {
      if (!query.has(key)) continue;
      const each = (one: string): unknown => guarded(text, one, key, document.refuse);
      if (many) value[name] = query.all(key).map(each);
      else if (query.get(key) !== "" || text.plain) value[name] = each(query.get(key) ?? "");
    }
    if (others !== undefined) otherParameters(value, others, request, new Set(queries.map(({ key }) => key)));
    for (const header of headers) {
      const text = request.headers[header.key];
      if (text === undefined) continue;
      const read = header.read(text);
      if (read !== undefined) value[header.name] = read;
    }
    if (prefixed !== undefined) prefixHeaders(value, prefixed, request);
    await readBody(request, value, limit);
    return value;
  };
}

function bodyReader(
  members: readonly Member[],
  document: Document,
): (request: HttpRequest, value: Record<string, unknown>, limit: number) => Promise<void> {
  const payload = members.find((member) => member.traits.httpPayload === 1);
  if (payload === undefined) {
    const body = members.filter(inBody);
    if (body.length === 0) return async () => undefined;
    const read = document.reader(body);
    return async (request, value, limit) => {
      const bytes = await request.body.bytes(limit);
      if (bytes.length > 0) Object.assign(value, read(bytes));
    };
  }
  const { name, shape, traits } = payload;
  if (traits.streaming === 1) {
    return async (request, value) => {
      value[name] = request.body;
    };
  }
  const read =
    shape.kind === "blob"
      ? (bytes: Buffer) => bytes
      : shape.kind === "string"
        ? textOf
        : document.payloadReader(payload);
  return async (request, value, limit) => {
    const bytes = await request.body.bytes(limit);
    if (bytes.length > 0) value[name] = read(bytes);
  };
}

/** Decoded once, never normalised: `..`, `//`, `%2F` and `+` in a key stay what they are. */
function decodeLabel(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Malformed("Couldn't parse the specified URI.");
  }
}

function guarded(text: TextCodec, value: string, place: string, refuse: Document["refuse"]): unknown {
  try {
    return text.read(value);
  } catch (error) {
    throw error instanceof Malformed ? refuse(place, value, error) : error;
  }
}

function otherParameters(
  value: Record<string, unknown>,
  member: Member,
  request: HttpRequest,
  taken: ReadonlySet<string>,
): void {
  const many = member.shape.kind === "map" && member.shape.value.shape.kind === "list";
  const rest: Record<string, unknown> = {};
  for (const [name, text] of request.query) {
    if (taken.has(name)) continue;
    const before = Object.hasOwn(rest, name) ? rest[name] : undefined;
    if (many) put(rest, name, [...((before as string[] | undefined) ?? []), text]);
    else if (before === undefined) put(rest, name, text);
  }
  if (Object.keys(rest).length > 0) value[member.name] = rest;
}

function prefixHeaders(value: Record<string, unknown>, member: Member, request: HttpRequest): void {
  const prefix = (member.traits.httpPrefixHeaders ?? "").toLowerCase();
  const found: Record<string, unknown> = {};
  let any = false;
  for (const name in request.headers) {
    const text = request.headers[name];
    if (text === undefined || !name.startsWith(prefix)) continue;
    any = true;
    put(found, name.slice(prefix.length), readUtf8(text));
  }
  if (any) value[member.name] = found;
}

/** Node reads header bytes as Latin-1; clients that send more than ASCII send UTF-8. */
function readUtf8(text: string): string {
  // oxlint-disable-next-line no-control-regex
  if (!/[^\u0000-\u007f]/.test(text)) return text;
  const utf8 = Buffer.from(text, "latin1").toString();
  return utf8.includes("\ufffd") ? text : utf8;
}

/** What a header cannot carry S3 writes as RFC 2047 has it. */
function writeUtf8(text: string): string {
  return /^[\u0020-\u007e\t]*$/.test(text) ? text : `=?UTF-8?B?${Buffer.from(text).toString("base64")}?=`;
}

type HeaderCodec = {
  readonly name: string;
  readonly key: string;
  readonly read: (text: string) => unknown;
  readonly write: (value: unknown) => string;
};

function headerCodecs(members: readonly Member[], refuse: Document["refuse"]): readonly HeaderCodec[] {
  return members.flatMap((member): HeaderCodec[] => {
    if (member.traits.httpHeader === undefined) return [];
    const key = member.traits.httpHeader.toLowerCase();
    const text = elementText(member, "http-date");
    const each = (one: string): unknown => guarded(text, one, key, refuse);
    if (member.shape.kind === "list") {
      const dates = member.shape.item.shape.kind === "timestamp";
      const write = (value: unknown): string =>
        (value as readonly unknown[])
          .map((one) => text.write(one))
          .map((one) => (!dates && /[",]/.test(one) ? `"${one.replaceAll(/["\\]/g, "\\$&")}"` : writeUtf8(one)))
          .join(", ");
      return [{ name: member.name, key, read: (all) => splitHeader(all, dates).map(each), write }];
    }
    const conditionalDate = member.shape.kind === "timestamp" && key.startsWith("if-");
    const read = (value: string): unknown => {
      if (text.plain) return readUtf8(each(value) as string);
      if (value === "") return undefined;
      // HTTP: "A recipient MUST ignore the If-Modified-Since header field if the received field value is not a valid HTTP-date".
      if (conditionalDate && Number.isNaN(Date.parse(value))) return undefined;
      return each(value);
    };
    return [{ name: member.name, key, read, write: (value) => writeUtf8(text.write(value)) }];
  });
}

/** `plain` if an empty text is a value of its own. */
function elementText(member: Member, timestamps: TimestampFormat): TextCodec & { readonly plain: boolean } {
  const shape = member.shape.kind === "list" ? member.shape.item.shape : member.shape;
  const traits = member.shape.kind === "list" ? member.shape.item.traits : member.traits;
  return { ...textCodec(shape, traits, timestamps, timestamps === "http-date"), plain: shape.kind === "string" };
}

/** Items are separated by commas, and quoted where they hold one. HTTP dates hold one without quotes. */
function splitHeader(text: string, dates: boolean): readonly string[] {
  if (dates) return text.split(/(?<=GMT)\s*,\s*/);
  const items: string[] = [];
  for (let at = 0; at < text.length;) {
    while (text[at] === " " || text[at] === "\t") at++;
    let item = "";
    if (text[at] === '"') {
      for (at++; at < text.length && text[at] !== '"'; at++) {
        if (text[at] === "\\") at++;
        item += text[at] ?? "";
      }
      const comma = text.indexOf(",", at);
      at = comma < 0 ? text.length : comma + 1;
      items.push(item);
    } else {
      const comma = text.indexOf(",", at);
      item = text.slice(at, comma < 0 ? text.length : comma).trim();
      at = comma < 0 ? text.length : comma + 1;
      if (item !== "") items.push(item);
    }
  }
  return items;
}

function encoder(operation: Operation, document: Document): RestCodec["encode"] {
  const { output } = operation;
  const headersOut = headerCodecs(output.members, document.refuse);
  const prefixed = output.members.find((member) => member.traits.httpPrefixHeaders !== undefined);
  const statusMember = output.members.find((member) => member.traits.httpResponseCode === 1)?.name;
  const status = operation.traits.http?.[2] ?? 200;
  const payload = output.members.find((member) => member.traits.httpPayload === 1);
  const body = output.members.filter(inBody);
  const writeBody = payload === undefined && body.length > 0 ? document.writer(operation, body) : undefined;
  const writePayload =
    payload !== undefined && !isScalar(payload.shape) && payload.traits.streaming !== 1
      ? document.payloadWriter(payload)
      : undefined;
  return (value) => {
    const source = (value ?? {}) as Readonly<Record<string, unknown>>;
    const headers: Record<string, string> = {};
    for (const { name, key, write } of headersOut) {
      const each = source[name];
      if (each !== undefined && each !== null) headers[key] = write(each);
    }
    if (prefixed !== undefined) {
      const prefix = (prefixed.traits.httpPrefixHeaders ?? "").toLowerCase();
      for (const [key, each] of Object.entries((source[prefixed.name] ?? {}) as Readonly<Record<string, unknown>>)) {
        headers[prefix + key.toLowerCase()] = writeUtf8(String(each));
      }
    }
    const said = statusMember === undefined ? undefined : source[statusMember];
    const answer = { status: typeof said === "number" ? said : status, headers, body: "" as HttpResponse["body"] };
    if (payload !== undefined) {
      const each = source[payload.name];
      if (each === undefined || each === null) return answer;
      // What a stream is its owner says.
      if (payload.traits.streaming !== 1) headers["content-type"] ??= payloadType(payload, document);
      answer.body = writePayload === undefined ? rawBody(each) : writePayload(each);
    } else if (writeBody !== undefined) {
      headers["content-type"] ??= document.contentType;
      answer.body = writeBody(source);
    }
    return answer;
  };
}

function rawBody(value: unknown): HttpResponse["body"] {
  if (typeof value === "string" || value instanceof Uint8Array) return value;
  if (typeof value === "object" && value !== null && Symbol.asyncIterator in value)
    return value as AsyncIterable<Uint8Array>;
  throw new Error("the output's body is neither text nor bytes nor a stream of bytes");
}

function payloadType({ shape, traits }: Member, document: Document): string {
  if (traits.mediaType !== undefined) return traits.mediaType;
  return shape.kind === "blob"
    ? "application/octet-stream"
    : shape.kind === "string"
      ? "text/plain"
      : document.contentType;
}
