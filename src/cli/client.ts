import { systemClock } from "../clock/system.ts";
import { sign } from "../gate/sign.ts";
import { endpointOf, keyOf, type Key } from "./env.ts";
import { UsageError, type Settings } from "./settings.ts";

/** Asks one of the running server's own endpoints, signed with the administrator's key. */
export async function ask(
  settings: Settings,
  endpoint: string,
  query: Readonly<Record<string, string>>,
): Promise<unknown> {
  const url = endpointOf(settings);
  if (url === undefined)
    throw new UsageError(
      `no Stepwell runs on ${settings.data}: start it with "stepwell serve", or name its directory with --data.`,
    );
  return askAt(url, await keyOf(settings), settings.region, endpoint, query);
}

/** The same, at an address with a key. */
export async function askAt(
  base: string,
  key: Key,
  region: string,
  endpoint: string,
  query: Readonly<Record<string, string>>,
): Promise<unknown> {
  const url = new URL(`/_stepwell/${endpoint}`, base);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  // Spaces as %20: the signature covers the query as it is sent.
  url.search = url.search.replaceAll("+", "%20");
  const headers = sign({
    method: "GET",
    url,
    headers: {},
    body: "",
    key,
    region,
    service: "stepwell",
    at: systemClock.now(),
  });
  const response = await fetch(url, { headers }).catch((error: Error) => {
    const cause = error.cause instanceof Error ? error.cause : error;
    const hint = /certificate/.test(cause.message)
      ? " NODE_EXTRA_CA_CERTS=FILE makes a certificate of your own known to it."
      : "";
    throw new UsageError(`${base} does not answer (${cause.message}).${hint}`);
  });
  const answer = (await response.json().catch(() => ({}))) as { readonly message?: string };
  if (!response.ok) throw new UsageError(answer.message ?? `${base} answered ${response.status}.`);
  return answer;
}
