import { systemClock } from "../clock/system.ts";
import { ask } from "./client.ts";
import { addressOf, endpointIn, exportsText, type Key } from "./env.ts";
import { readSettings, UsageError } from "./settings.ts";
import { blobsOf, jsonLog, setUpError } from "./start.ts";
import { accountAnswer } from "../iam/account-endpoint.ts";
import { openNode } from "../node.ts";

/** `stepwell account create ID` and `stepwell account list`, beside a running server or on a data directory at rest. */
export async function account(args: readonly string[]): Promise<number> {
  const { settings, rest } = readSettings(args, process.env);
  const [verb, id] = rest;
  if (verb === "list" && id === undefined) {
    const { accounts } = (await request({})) as { accounts: readonly { readonly accountId: string }[] };
    for (const { accountId } of accounts) console.log(accountId);
    return 0;
  }
  if (verb !== "create" || id === undefined || !/^\d{12}$/.test(id))
    throw new UsageError("usage: stepwell account create ID (12 digits) | stepwell account list");
  const key = (await request({ create: id })) as Key;
  console.log(exportsText(addressOf(settings), key, settings.region));
  return 0;

  async function request(query: Readonly<Record<string, string>>): Promise<unknown> {
    // Beside nodes that share a database it is one more of them for a moment.
    if (settings.database === undefined && endpointIn(settings.data) !== undefined)
      return ask(settings, "account", query);
    const { blobs: _, ...others } = settings;
    const log = jsonLog(settings.log);
    const options = { ...others, ...(await blobsOf(settings)), clock: systemClock, log, trailFlushMs: 60_000 };
    const node = await openNode(options).catch((error: unknown) => {
      throw setUpError(error, settings);
    });
    try {
      return await accountAnswer(node.parts, query["create"]);
    } finally {
      await node.close();
    }
  }
}
