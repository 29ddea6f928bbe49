import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { rootKeyOf } from "../iam/accounts.ts";
import { isLocked } from "../store/lock.ts";
import { readSettings, UsageError } from "./settings.ts";

export type Key = { readonly accessKeyId: string; readonly secretAccessKey: string };

/** Lines for a shell to evaluate. */
export function exportsText(url: string, key: Key, region: string): string {
  return [
    `export AWS_ENDPOINT_URL=${url}`,
    `export AWS_ACCESS_KEY_ID=${key.accessKeyId}`,
    `export AWS_SECRET_ACCESS_KEY=${key.secretAccessKey}`,
    `export AWS_DEFAULT_REGION=${region}`,
    `export AWS_REGION=${region}`,
  ].join("\n");
}

/** `stepwell env`: the exports again, from the data directory; whoever can read that is the administrator. */
export async function printEnv(args: readonly string[]): Promise<number> {
  const { settings } = readSettings(args, process.env);
  console.log(
    exportsText(
      endpointOf(settings.data) ?? `http://127.0.0.1:${settings.port}`,
      keyOf(settings.data, settings.account),
      settings.region,
    ),
  );
  return 0;
}

/** Where the server on this data directory answers; undefined when none runs. One that was killed leaves its address behind, but no lock. */
export function endpointOf(data: string): string | undefined {
  if (!isLocked(join(data, "lock"))) return undefined;
  try {
    return readFileSync(join(data, "endpoint"), "utf8").trim();
  } catch {
    return undefined;
  }
}

/** The administrator's key of an account, read from the database beside a running server or without one. */
export function keyOf(data: string, account: string): Key {
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(join(data, "stepwell.db"), { readOnly: true });
  } catch {
    throw new UsageError(
      `there is no Stepwell in ${data} yet: start one with "stepwell serve", or name its directory with --data.`,
    );
  }
  try {
    const key = rootKeyOf((sql, parameters) => database.prepare(sql).get(...parameters), account);
    if (!key)
      throw new UsageError(
        `account ${account} does not exist in ${data}; "stepwell account create ${account}" makes it.`,
      );
    return key;
  } finally {
    database.close();
  }
}
