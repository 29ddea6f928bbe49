/** The composition root: builds the rooms in the order data travels, and knows them all. */
import { explainRules } from "./events/explain.ts";
import { eventsRoom } from "./events/room.ts";
import type { InsideDoor, Parts } from "./flow.ts";
import { openGate, type Gate } from "./gate/gate.ts";
import { ensureAccount, listAccounts, type AccountKey } from "./iam/accounts.ts";
import { createAuthority } from "./iam/authority.ts";
import { iamRoom } from "./iam/room.ts";
import { RelayEngine } from "./relay/engine.ts";
import { tell } from "./relay/story.ts";
import type { Endpoint, Room } from "./room.ts";
import { lastWrite } from "./s3/last-write.ts";
import { s3Room } from "./s3/room.ts";
import { statesRoom } from "./states/room.ts";
import { openDirectory } from "./store/directory.ts";
import { storyRoom } from "./story/room.ts";
import { explainTrail } from "./trail/explain.ts";
import { createRecorder, trailRoom } from "./trail/room.ts";
import type { ServiceDefinition } from "./wire/service.ts";

export type NodeOptions = Pick<Parts, "account" | "region" | "clock" | "log"> & {
  /** The data directory. */
  readonly data: string;
  readonly auth: "on" | "off";
  /** Fixes the key of the default account's administrator. */
  readonly key?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly trailFlushMs: number;
};
export type StepwellNode = {
  /** The administrator's key of the default account; `made` says that this start made it. */
  readonly key: AccountKey;
  readonly call: InsideDoor;
  readonly services: readonly ServiceDefinition[];
  /** Makes an account and answers its root key; without an id, lists the accounts. */
  account(create: string | undefined): Promise<unknown>;
  readonly listen: Gate["listen"];
  /** Finishes requests and work under way, bounded by a few seconds, and hands the rest back to the relay. */
  close(): Promise<void>;
};

/** Opens a node on the embedded store in `options.data`, not yet listening. Throws DirectoryInUse, or what SQLite says of the directory. */
export async function openNode(options: NodeOptions): Promise<StepwellNode> {
  const { account, region, clock, log } = options;
  const directory = openDirectory(options.data);
  const { store, blobs } = directory;
  const relay = new RelayEngine(store, clock, log);
  let ready = false;
  // Rooms get the inside door before the gate exists, because the gate is built from the rooms.
  const parts: Parts = {
    store,
    relay,
    blobs,
    clock,
    tell,
    call: (request) => gate.call(request),
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
  const services = rooms.flatMap((room) => room.services);
  const accounts: StepwellNode["account"] = async (create) =>
    create === undefined ? { accounts: await listAccounts(parts) } : ensureAccount(parts, create);
  const endpoints: Record<string, Endpoint> = { account: (query) => accounts(query.get("create") ?? undefined) };
  for (const room of rooms) Object.assign(endpoints, room.endpoints);
  const authority = createAuthority(parts);
  const recorder = createRecorder(parts);
  const health = () => ({ ready });
  const { auth } = options;
  const gate = openGate({
    services,
    endpoints,
    authority,
    recorder,
    store,
    relay,
    clock,
    account,
    region,
    auth,
    log,
    health,
  });
  for (const room of rooms) await room.start?.();
  await relay.start(true);
  ready = true;
  return {
    key,
    call: gate.call,
    services,
    account: accounts,
    listen: gate.listen,
    async close() {
      ready = false;
      await gate.close();
      for (const room of rooms) await room.stop?.();
      await relay.stop(5000);
      await directory.close();
    },
  };
}
