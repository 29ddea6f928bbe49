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
  const url = endpointOf(settings.data);
  if (url === undefined)
    throw new UsageError(
      `no Stepwell runs on ${settings.data}: start it with "stepwell serve", or name its directory with --data.`,
    );
  return askAt(url, keyOf(settings.data, settings.account), settings.region, endpoint, query);
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
    throw new UsageError(
      `${base} does not answer (${error.cause instanceof Error ? error.cause.message : error.message}).`,
    );
  });
  const answer: unknown = await response.json();
  if (!response.ok)
    throw new UsageError(`${(answer as { message?: string }).message ?? `the server answered ${response.status}`}`);
  return answer;
}
