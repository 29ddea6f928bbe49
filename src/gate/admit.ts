import { HEX_UPPER } from "../clock/clock.ts";
import type { CallFacts } from "../flow.ts";
import { fault, type AwsFault } from "../wire/fault.ts";
import type { HttpRequest, HttpResponse, Match } from "../wire/http.ts";
import { bucketOf, familyOf, isForm, pathStyle, serviceOf } from "./address.ts";
import { bareFault } from "./bare.ts";
import { AdmittedCall } from "./call.ts";
import { parseQuery, type Pair } from "./canonical.ts";
import { faultOf, type Core, type Service } from "./core.ts";
import { answerEndpoint, HEALTH, healthAnswer, metricsAnswer } from "./endpoints.ts";
import type { Arrival } from "./front.ts";
import { readClaim } from "./claim.ts";
import { identify, sourceOf } from "./identify.ts";
import type { SigningKeys } from "./keys.ts";
import { missingLength } from "./payload.ts";
import { entityTooLarge, notImplemented, unavailable, unknownOperation, type Family } from "./refuse.ts";

/** What an answer needs however the request ends; filled in as the request is understood. */
type Progress = {
  requestId: string;
  readonly trace: string;
  family: Family;
  operation: string;
  service: string;
  match?: Match;
  call?: AdmittedCall;
};

/** Takes requests from the wire through every check to their handlers, and answers whatever happens. */
export class Admission {
  readonly #core: Core;
  readonly #keys: SigningKeys;
  constructor(core: Core, keys: SigningKeys) {
    this.#core = core;
    this.#keys = keys;
  }

  async answer(arrival: Arrival): Promise<HttpResponse> {
    const { clock } = this.#core;
    const progress: Progress = {
      requestId: clock.uuid(),
      trace: clock.uuid(),
      family: "s3",
      operation: "",
      service: "",
    };
    let response: HttpResponse;
    try {
      if (arrival.crowded) throw unavailable("s3", true);
      response = await this.#admit(arrival, progress);
    } catch (error) {
      response = await this.#refuse(arrival, progress, error);
    }
    const { service, operation } = progress;
    this.#core.metrics.count(service, operation, response.status, clock.now() - arrival.at);
    return this.#stamp(response, progress);
  }

  async #admit(arrival: Arrival, progress: Progress): Promise<HttpResponse> {
    const core = this.#core;
    if (HEALTH.has(arrival.path)) return healthAnswer(core, arrival.path);
    if (arrival.path === "/_stepwell/metrics" && core.metrics.admits(arrival.headers["authorization"]))
      return metricsAnswer(core);
    const query = decodeTarget(arrival);
    const claim = readClaim(arrival.headers, query);
    const scope = claim !== undefined && "service" in claim ? claim.service : undefined;
    if (arrival.path.startsWith("/_stepwell/")) {
      progress.family = "rest";
      return answerEndpoint(core, this.#keys, {
        arrival,
        query,
        claim,
        requestId: progress.requestId,
        trace: progress.trace,
      });
    }
    const posted = arrival.method === "POST" && arrival.path === "/" && isForm(arrival.headers);
    // Only an unsigned form has to be read to learn which service it asks.
    let form = posted && scope === undefined ? await this.#form(arrival) : undefined;
    const hints = form === undefined ? query : [...query, ...parseForm(form)];
    const name = serviceOf(scope, arrival.headers, arrival.path, hints);
    const family = (progress.family = familyOf(name, arrival.headers, query));
    // S3's request ids are 16 letters and digits, everybody else's are UUIDs.
    if (family === "s3") progress.requestId = core.clock.text(16, HEX_UPPER);
    const service = core.services.get(name);
    if (!service) throw notImplemented(family, `Stepwell has no service ${name}.`);
    const request = this.#request(arrival, query, family);
    checkLength(core, arrival, family);
    if (!posted) this.#match(service, request, query, progress);
    const asking = {
      arrival,
      query,
      claim,
      family,
      scope: name,
      operation: progress.match?.operation ?? new Map(hints).get("Action"),
    };
    const identity = await identify(core, this.#keys, asking);
    if (posted) {
      form ??= await this.#form(arrival);
      this.#match(service, { ...request, form }, parseForm(form), progress);
    }
    const match = progress.match;
    if (!match) throw new Error("a request without an operation was admitted");
    const facts = this.#facts(arrival, service, progress, identity, query);
    const call = (progress.call = new AdmittedCall(core, service.definition, facts, { family, meter: arrival.body }));
    arrival.body.documentLimit = family === "s3" ? core.limits.documentBytes * 2 : undefined;
    const input = await match.decode();
    arrival.body.documentLimit = undefined;
    const output = await call.run(input);
    return match.encode(output, progress.requestId);
  }

  async #form(arrival: Arrival): Promise<string> {
    return (await arrival.body.bytes(this.#core.limits.documentBytes)).toString();
  }

  #request(arrival: Arrival, query: readonly Pair[], family: Family): HttpRequest {
    const { method, headers, body } = arrival;
    const bucket = family === "s3" ? bucketOf(headers["host"], this.#core.hosts) : undefined;
    return {
      method,
      path: bucket === undefined ? arrival.path : pathStyle(bucket, arrival.path),
      query,
      headers,
      body,
    };
  }

  #match({ definition, wire }: Service, request: HttpRequest, query: readonly Pair[], progress: Progress): void {
    const match = wire.match(request);
    if (!match)
      throw unknownOperation(progress.family, request.method, query.find(([name]) => name === "Action")?.[1] ?? "");
    progress.match = match;
    progress.operation = match.operation;
    progress.service = definition.name;
    if (!definition.handlers[match.operation]) {
      throw notImplemented(progress.family, `Stepwell does not implement ${definition.name}:${match.operation}.`);
    }
  }

  #facts(
    arrival: Arrival,
    { definition, wire }: Service,
    progress: Progress,
    identity: Awaited<ReturnType<typeof identify>>,
    query: readonly Pair[],
  ): CallFacts {
    return {
      requestId: progress.requestId,
      trace: progress.trace,
      service: definition.name,
      eventSource: definition.eventSource,
      operation: progress.operation,
      readOnly: wire.operations.get(progress.operation)?.readOnly ?? false,
      account: identity.principal.account,
      region: identity.region,
      principal: identity.principal,
      source: sourceOf(arrival, identity, query),
      at: arrival.at,
    };
  }

  async #refuse(arrival: Arrival, progress: Progress, error: unknown): Promise<HttpResponse> {
    const facts = { requestId: progress.requestId, trace: progress.trace, operation: progress.operation };
    let refusal = faultOf(this.#core, error, progress.family, facts);
    try {
      // A store that cannot be written cannot keep this record either.
      if (refusal.status !== 503) await progress.call?.failed(refusal);
    } catch (second) {
      refusal = faultOf(this.#core, second, progress.family, facts);
    }
    const { code, message, status, detail, headers } = inFamily(refusal, progress.family);
    const said = { code, message, status, detail, headers };
    const { requestId, match, family } = progress;
    if (match) return match.fault(said, requestId);
    return bareFault(family, said, { requestId, hostId: hostId(requestId), resource: arrival.path });
  }

  #stamp(response: HttpResponse, { requestId, trace, family }: Progress): HttpResponse {
    const headers: Record<string, string> = {};
    for (const name in response.headers) headers[name.toLowerCase()] = response.headers[name] ?? "";
    if (family === "s3") {
      headers["x-amz-request-id"] ??= requestId;
      headers["x-amz-id-2"] ??= hostId(requestId);
    } else headers["x-amzn-requestid"] ??= requestId;
    headers["x-stepwell-trace"] = trace;
    return { status: response.status, headers, body: response.body };
  }
}

/** S3's `x-amz-id-2`: on AWS it tells which host answered. */
const hostId = (requestId: string): string => Buffer.from(`stepwell ${requestId}`).toString("base64");

/** Checks that the target can be decoded at all, and decodes its query. */
function decodeTarget(arrival: Arrival): Pair[] {
  try {
    if (!arrival.path.startsWith("/")) throw new URIError("a target must begin with a slash");
    if (arrival.path.includes("%")) decodeURIComponent(arrival.path);
    return parseQuery(arrival.search);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw fault("InvalidURI", "Couldn't parse the specified URI.", { status: 400, detail: { URI: arrival.path } });
  }
}

function parseForm(form: string): Pair[] {
  try {
    return parseQuery(form);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw fault("MalformedQueryString", "The query string contains a syntax error.", { status: 404 });
  }
}

/** What the headers say of the body's size is checked before the client is told to send it. */
function checkLength(core: Core, arrival: Arrival, family: Family): void {
  const { length } = arrival.body;
  const { documentBytes, objectBytes } = core.limits;
  if (family !== "s3") {
    if (length !== undefined && length > documentBytes) throw tooLong(family);
    return;
  }
  if (length === undefined && arrival.method === "PUT") throw missingLength();
  if (length !== undefined && length > objectBytes) throw entityTooLarge(objectBytes, length);
}

function tooLong(family: Family): AwsFault {
  const code = family === "query" ? "RequestEntityTooLarge" : "RequestEntityTooLargeException";
  return fault(code, "The request body is too large.", { status: 413 });
}

/** Bodies speak S3's words; the other services have their own for too many bytes. */
function inFamily(refusal: AwsFault, family: Family): AwsFault {
  return refusal.code === "EntityTooLarge" && family !== "s3" ? tooLong(family) : refusal;
}
