import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { rootKeyIn, rootKeyOf } from "../iam/accounts.ts";
import { DatabaseMisplaced, openDatabase } from "../store/database.ts";
import { isLocked } from "../store/lock.ts";
import { readSettings, UsageError, type Settings } from "./settings.ts";

export type Key = { readonly accessKeyId: string; readonly secretAccessKey: string };

/** Lines for a shell to evaluate. */
export function exportsText(url: string, key: Key, region: string): string {
  return [
    `export AWS_ENDPOINT_URL=${url}`,
    `export AWS_ACCESS_KEY_ID=${key.accessKeyId}`,
    `export AWS_SECRET_ACCESS_KEY=${key.secretAccessKey}`,
    `export AWS_DEFAULT_REGION=${region}`,
    `export AWS_REGION=${region}`,
    // StartSyncExecution and TestState would be sent to `sync-127.0.0.1`, which is no host.
    "export AWS_DISABLE_HOST_PREFIX_INJECTION=true",
  ].join("\n");
}

/** `stepwell env`: the exports again, from where the installation is kept; whoever can read that is the administrator. */
export async function printEnv(args: readonly string[]): Promise<number> {
  const { settings } = readSettings(args, process.env);
  console.log(exportsText(addressOf(settings), await keyOf(settings), settings.region));
  return 0;
}

/** Where a client finds the server: where it answers, or where it would with these settings. */
export function addressOf(settings: Settings): string {
  return endpointOf(settings) ?? `http://127.0.0.1:${settings.port}`;
}

/** Where the server answers, if one runs. Nodes that share a database are many: the port of the settings is believed. */
export function endpointOf({ data, database, port }: Settings): string | undefined {
  return database === undefined ? endpointIn(data) : `http://127.0.0.1:${port}`;
}

/** Where the server on this data directory answers; undefined when none runs. One that was killed leaves its address behind, but no lock. */
export function endpointIn(data: string): string | undefined {
  if (!isLocked(join(data, "lock"))) return undefined;
  try {
    return readFileSync(join(data, "endpoint"), "utf8").trim();
  } catch {
    return undefined;
  }
}

/** The administrator's key of the settings' account, read from the database beside running servers or without one. */
export async function keyOf({ data, database, account }: Settings): Promise<Key> {
  const key = database === undefined ? keyInFile(data, account) : await keyInDatabase(database, data, account);
  if (key) return key;
  throw new UsageError(`account ${account} does not exist here; "stepwell account create ${account}" makes it.`);
}

function keyInFile(data: string, account: string): Key | undefined {
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(join(data, "stepwell.db"), { readOnly: true });
  } catch {
    throw new UsageError(
      `there is no Stepwell in ${data} yet: start one with "stepwell serve", or name its directory with --data.`,
    );
  }
  try {
    return rootKeyOf((sql, parameters) => database.prepare(sql).get(...parameters), account);
  } finally {
    database.close();
  }
}

async function keyInDatabase(url: string, data: string, account: string): Promise<Key | undefined> {
  const { store, close } = await openDatabase(url, data).catch((error: unknown) => {
    throw error instanceof DatabaseMisplaced ? new UsageError(error.message) : error;
  });
  try {
    return await rootKeyIn(store, account);
  } finally {
    await close();
  }
}
