import type { CallFacts } from "../flow.ts";
import { fault, type AwsFault } from "../wire/fault.ts";
import type { HttpResponse } from "../wire/http.ts";
import type { Pair } from "./canonical.ts";
import type { Claim, Unreadable } from "./claim.ts";
import { faultOf, type Core } from "./core.ts";
import type { Arrival } from "./front.ts";
import { identify, sourceOf } from "./identify.ts";
import type { SigningKeys } from "./keys.ts";
import { denied } from "./refuse.ts";

/** Whether this node serves: for load balancers and scripts, so nothing is signed and nothing is told. */
export function healthAnswer(core: Core, path: string): HttpResponse {
  const { ready } = core.health();
  // Whoever gets an answer at all knows that the process lives; one that starts or drains is not to be restarted for it.
  const well = path.endsWith("/live") || ready;
  return json(well ? 200 : 503, { status: ready ? "ready" : "not ready", ready, live: true });
}

/** The paths of `healthAnswer`: the second and third are for those who ask one question only. */
export const HEALTH: ReadonlySet<string> = new Set([
  "/_stepwell/health",
  "/_stepwell/health/ready",
  "/_stepwell/health/live",
]);

/** Figures for Prometheus, to whom the address or the token admits; everybody else signs, and needs `stepwell:Metrics`. */
export async function metricsAnswer(core: Core): Promise<HttpResponse> {
  return plain(await core.metrics.text());
}
function plain(body: string): HttpResponse {
  return { status: 200, headers: { "content-type": "text/plain; version=0.0.4", "cache-control": "no-store" }, body };
}

/** Stepwell's own endpoints: signed with any service's name, allowed by `stepwell:<Endpoint>`, answered in JSON. */
export async function answerEndpoint(
  core: Core,
  keys: SigningKeys,
  asked: {
    readonly arrival: Arrival;
    readonly query: readonly Pair[];
    readonly claim: Claim | Unreadable | undefined;
    readonly requestId: string;
    readonly trace: string;
  },
): Promise<HttpResponse> {
  const { arrival, query, claim, requestId, trace } = asked;
  const name = arrival.path.slice("/_stepwell/".length);
  const operation = name.charAt(0).toUpperCase() + name.slice(1);
  try {
    const identity = await identify(core, keys, {
      arrival,
      query,
      claim,
      family: "rest",
      scope: undefined,
      operation: undefined,
    });
    const endpoint = Object.hasOwn(core.endpoints, name) ? core.endpoints[name] : undefined;
    if (!endpoint) throw fault("UnknownEndpoint", `Stepwell has no endpoint /_stepwell/${name}`, { status: 404 });
    const facts: CallFacts = {
      requestId,
      trace,
      service: "stepwell",
      eventSource: "stepwell.amazonaws.com",
      operation,
      readOnly: true,
      account: identity.principal.account,
      region: identity.region,
      principal: identity.principal,
      source: sourceOf(arrival, identity, query),
      at: arrival.at,
    };
    const access = { action: `stepwell:${operation}`, resource: "*" };
    const decision = await core.store.read((reader) => core.authority.decide(reader, facts, access));
    if (!decision.allowed) throw denied("rest", decision.sentence);
    const parameters = new URLSearchParams();
    for (const [key, value] of query) if (!key.startsWith("X-Amz-")) parameters.append(key, value);
    const answer = await endpoint(parameters, facts);
    return typeof answer === "string" ? plain(answer) : json(200, answer);
  } catch (error) {
    const refusal = faultOf(core, error, "rest", { requestId, trace, operation });
    return json(refusal.status ?? 400, { __type: refusal.code, message: refusal.message, ...refusal.detail }, refusal);
  }
}

function json(status: number, value: unknown, refusal?: AwsFault): HttpResponse {
  const errors = refusal ? { ...refusal.headers, "x-amzn-errortype": refusal.code } : {};
  return {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store", ...errors },
    body: JSON.stringify(value),
  };
}
