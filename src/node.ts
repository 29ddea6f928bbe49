/** The composition root: builds the rooms in the order data travels, and knows them all. */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "./clock/clock.ts";
import { createAuthority } from "./iam/authority.ts";
import { ensureAccount, listAccounts, type AccountKey } from "./iam/accounts.ts";
import { eventsRoom } from "./events/room.ts";
import { explainRules } from "./events/explain.ts";
import type { InsideDoor, Parts } from "./flow.ts";
import { openGate, type Gate } from "./gate/gate.ts";
import { iamRoom } from "./iam/room.ts";
import { RelayEngine } from "./relay/engine.ts";
import { tell } from "./relay/story.ts";
import type { Endpoint, Room } from "./room.ts";
import { s3Room } from "./s3/room.ts";
import { lastWrite } from "./s3/last-write.ts";
import { statesRoom } from "./states/room.ts";
import { FileBlobs } from "./store/files.ts";
import { lockDirectory } from "./store/lock.ts";
import { migrationFiles } from "./store/migrate.ts";
import { SqliteStore } from "./store/sqlite.ts";
import { storyRoom } from "./story/room.ts";
import type { ServiceDefinition } from "./wire/service.ts";
import { createRecorder, trailRoom } from "./trail/room.ts";
import { explainTrail } from "./trail/explain.ts";

export type NodeOptions = {
  readonly data: string;
  readonly account: string;
  readonly region: string;
  readonly auth: "on" | "off";
  readonly clock: Clock;
  readonly log: Parts["log"];
  /** Fixes the key of the default account's administrator. */
  readonly key?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly trailFlushMs: number;
};
export type StepwellNode = {
  /** The administrator's key of the default account; `made` says that this start made it. */
  readonly key: AccountKey & { readonly made: boolean };
  readonly call: InsideDoor;
  readonly services: readonly ServiceDefinition[];
  /** Makes an account and answers its root key; without an id, lists the accounts. */
  account(create: string | undefined): Promise<unknown>;
  listen(
    address: string,
    port: number,
    tls?: { readonly cert: string; readonly key: string },
  ): Promise<{ readonly port: number; readonly url: string }>;
  /** Finishes requests and work under way, bounded by a few seconds, and hands the rest back to the relay. */
  close(): Promise<void>;
};

/** Opens a node on the embedded store in `options.data`, not yet listening. Throws DirectoryInUse, or what SQLite says of the directory. */
export async function openNode(options: NodeOptions): Promise<StepwellNode> {
  const { data, account, region, clock, log } = options;
  mkdirSync(data, { recursive: true, mode: 0o700 });
  chmodSync(data, 0o700);
  const unlock = lockDirectory(join(data, "lock"));
  const store = new SqliteStore(join(data, "stepwell.db"), migrationFiles());
  const relay = new RelayEngine(store, clock, log);
  let gate: Gate | undefined;
  const call: InsideDoor = (request) => {
    if (!gate) throw new Error("a call before the node is put together");
    return gate.call(request);
  };
  const parts: Parts = {
    store,
    relay,
    blobs: new FileBlobs(join(data, "blobs")),
    clock,
    tell,
    call,
    account,
    region,
    log,
  };
  const key = await ensureAccount(parts, account, options.key);
  const rooms: readonly Room[] = [
    s3Room(parts),
    trailRoom(parts, { flushMs: options.trailFlushMs }),
    eventsRoom(parts),
    statesRoom(parts),
    iamRoom(parts),
    storyRoom(parts, { lastWrite, explainTrail, explainRules }),
  ];
  let ready = false;
  const endpoints: Record<string, Endpoint> = Object.assign({}, ...rooms.map((room) => room.endpoints ?? {}));
  const accounts = async (create: string | undefined): Promise<unknown> =>
    create === undefined ? { accounts: await listAccounts(parts) } : ensureAccount(parts, create);
  endpoints["account"] = (query) => accounts(query.get("create") ?? undefined);
  gate = openGate({
    services: rooms.flatMap((room) => room.services),
    endpoints,
    authority: createAuthority(parts),
    recorder: createRecorder(parts),
    store,
    relay,
    clock,
    account,
    region,
    auth: options.auth,
    log,
    health: () => ({ ready }),
  });
  for (const room of rooms) await room.start?.();
  await relay.start(true);
  const opened = gate;
  return {
    key,
    call,
    account: accounts,
    async listen(address, port, tls) {
      const bound = await opened.listen(address, port, tls);
      ready = true;
      const host =
        address === "127.0.0.1" || address === "::1" || address === "localhost"
          ? "localhost"
          : address.includes(":")
            ? `[${address}]`
            : address;
      const url = `${tls ? "https" : "http"}://${host}:${bound.port}`;
      writeFileSync(join(data, "endpoint"), url, { mode: 0o600 });
      return { port: bound.port, url };
    },
    async close() {
      ready = false;
      rmSync(join(data, "endpoint"), { force: true });
      await opened.close();
      for (const room of rooms) await room.stop?.();
      await relay.stop(5000);
      await store.close();
      unlock();
    },
  };
}
