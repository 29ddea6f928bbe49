/** `http:invoke`: one request to a web server, authorised by an EventBridge connection. */
import type { InspectionDataRequest, InspectionDataResponse } from "@aws-sdk/client-sfn";
import type { ConnectionSecrets, Parts } from "../../flow.ts";
import { PAYLOAD_LIMIT_BYTES } from "../input.ts";
import { isObject, parseJson } from "../asl/json.ts";
import { TaskFailed } from "./failure.ts";
import type { Parameters } from "./integrations.ts";
import { formOf } from "./form.ts";
import { withStreamsRead } from "./result.ts";

/** AWS: "HTTP Task … times out after 60 seconds". */
const TIMEOUT_MS = 60_000;

/** Headers that AWS keeps for itself. */
const RESTRICTED = new Set(
  "a-im accept-charset accept-datetime accept-encoding authorization cache-control connection content-encoding content-length content-md5 date expect forwarded from host http2-settings if-match if-modified-since if-none-match if-range if-unmodified-since max-forwards origin pragma proxy-authorization referer server te trailer transfer-encoding upgrade via warning".split(
    " ",
  ),
);
const RESTRICTED_PREFIX = /^(?:x-amz-|x-amzn-|x-forwarded)/;

/** The connection that the task names. */
export function connectionArnOf({ Authentication, InvocationConfig }: Parameters): string {
  const named = [Authentication, InvocationConfig].find(isObject);
  const arn = named?.["ConnectionArn"];
  if (typeof arn === "string" && arn !== "") return arn;
  throw new TaskFailed(
    "States.Runtime",
    "The HTTP task has no connection: one of Authentication.ConnectionArn and InvocationConfig.ConnectionArn is required",
  );
}

type Authorization = NonNullable<ConnectionSecrets["authorization"]>;

/** Sees what goes over the wire, as TestState shows it. */
export type Observer = {
  /** Also what the connection adds. */
  readonly revealSecrets: boolean;
  readonly request: (request: Required<InspectionDataRequest>) => void;
  readonly response: (response: Required<InspectionDataResponse>) => void;
};

/** Makes the request. Any answer outside 200-299 fails the task with its status. */
export async function invokeHttp(
  parts: Parts,
  given: Parameters,
  lossless: Parameters,
  authorization: Authorization,
  { region, observer }: { readonly region: string; readonly observer?: Observer | undefined },
): Promise<unknown> {
  const url = urlOf(given, authorization);
  const headers = headersOf(given, region);
  const method = typeof given["Method"] === "string" ? given["Method"] : "";
  if (!/^(?:GET|POST|PUT|DELETE|PATCH|OPTIONS|HEAD)$/.test(method))
    throw new TaskFailed("States.Runtime", `The Method of an HTTP task cannot be '${method}'`);
  const body = bodyOf(given, lossless, authorization, headers);
  for (const [name, value] of authorization.headers) headers.set(name, value);
  observer?.request(shownRequest(method, given, lossless, observer.revealSecrets ? authorization : NOTHING, region));
  const patience = new AbortController();
  const answered = (async () => {
    const response = await fetch(url, {
      method,
      headers,
      redirect: "manual",
      signal: patience.signal,
      ...(body !== undefined && { body }),
    });
    const read = (await withStreamsRead({ body: response.body ?? new Uint8Array() }, "http")) as { body: Uint8Array };
    return { response, text: Buffer.from(read.body).toString() };
  })();
  const late = parts.clock.sleep(TIMEOUT_MS, patience.signal).then(() => {
    throw new TaskFailed("States.Http.Socket", "The HTTP endpoint did not answer within 60 seconds");
  });
  // Which of the two comes second does not matter any more.
  late.catch(() => undefined);
  try {
    const { response, text } = await Promise.race([answered, late]);
    observer?.response({
      protocol: url.protocol.slice(0, -1),
      statusCode: String(response.status),
      statusMessage: response.statusText,
      headers: listed(response.headers),
      body: text,
    });
    return resultOf(response, text);
  } catch (error) {
    if (error instanceof TaskFailed) throw error;
    throw new TaskFailed("States.Http.Socket", socketSentence(error));
  } finally {
    answered.catch(() => undefined);
    patience.abort();
  }
}

/** A connection that adds nothing. */
const NOTHING: Authorization = { headers: [], query: [], body: [] };

function shownRequest(
  method: string,
  given: Parameters,
  lossless: Parameters,
  authorization: Authorization,
  region: string,
): Required<InspectionDataRequest> {
  const url = urlOf(given, authorization);
  const headers = headersOf(given, region);
  const body = bodyOf(given, lossless, authorization, headers) ?? "";
  for (const [name, value] of authorization.headers) headers.set(name, value);
  return { protocol: url.protocol.slice(0, -1), method, url: url.href, headers: listed(headers), body };
}

function listed(headers: Headers): string {
  return `[${[...headers].map(([name, value]) => `${name}: ${value}`).join(", ")}]`;
}

function socketSentence(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error && cause.message !== "" ? cause.message : String(error);
}

function urlOf({ ApiEndpoint, QueryParameters }: Parameters, { query }: Authorization): URL {
  const url = typeof ApiEndpoint === "string" && URL.canParse(ApiEndpoint) ? new URL(ApiEndpoint) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new TaskFailed("States.Runtime", "The ApiEndpoint of an HTTP task must be an http or https URL");
  for (const [name, value] of Object.entries(isObject(QueryParameters) ? QueryParameters : {}))
    for (const one of Array.isArray(value) ? (value as unknown[]) : [value])
      url.searchParams.append(name, plainText(one));
  for (const [name, value] of query) url.searchParams.set(name, value);
  return url;
}

function headersOf({ Headers: given }: Parameters, region: string): Headers {
  const headers = new Headers({
    "User-Agent": `Amazon|StepFunctions|HttpInvoke|${region}`,
    Range: `bytes=0-${PAYLOAD_LIMIT_BYTES}`,
  });
  for (const [name, value] of Object.entries(isObject(given) ? given : {})) {
    if (RESTRICTED.has(name.toLowerCase()) || RESTRICTED_PREFIX.test(name.toLowerCase()))
      throw new TaskFailed("States.Runtime", `The header '${name}' is not allowed in an HTTP task`);
    headers.set(name, Array.isArray(value) ? value.map(plainText).join(", ") : plainText(value));
  }
  return headers;
}

/** JSON as it was written, text as it is, or a form. */
function bodyOf(
  given: Parameters,
  lossless: Parameters,
  authorization: Authorization,
  headers: Headers,
): string | undefined {
  const added = Object.fromEntries(authorization.body);
  const more = authorization.body.length > 0;
  if (given["RequestBody"] === undefined && !more) return undefined;
  const content = lossless["RequestBody"] ?? {};
  const whole = more && isObject(content) ? { ...content, ...added } : content;
  const { Transform: transform } = given;
  if (isObject(transform) && transform["RequestBodyEncoding"] === "URL_ENCODED") {
    headers.set("Content-Type", "application/x-www-form-urlencoded");
    const options = transform["RequestEncodingOptions"];
    return formOf(whole, isObject(options) ? options["ArrayFormat"] : undefined);
  }
  if (!headers.has("Content-Type")) headers.set("Content-Type", "application/json");
  return typeof whole === "string" ? whole : JSON.stringify(whole);
}

function resultOf(response: Response, text: string): unknown {
  if (!response.ok) {
    const cause = text === "" ? response.statusText : text;
    throw new TaskFailed(`States.Http.StatusCode.${response.status}`, cause);
  }
  const names = [...new Set(response.headers.keys())];
  const json = /\bjson\b/i.test(response.headers.get("content-type") ?? "");
  return {
    Headers: Object.fromEntries(names.map((name) => [name, [response.headers.get(name) ?? ""]])),
    ...(text !== "" && { ResponseBody: json ? jsonOr(text) : text }),
    StatusCode: response.status,
    StatusText: response.statusText,
  };
}

function jsonOr(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}

function plainText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
