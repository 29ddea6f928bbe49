/** The composition root: builds the rooms in the order data travels, and knows them all. */
import { connectionReader } from "./events/connections.ts";
import { explainRules } from "./events/explain.ts";
import { eventsRoom } from "./events/room.ts";
import type { InsideDoor, InsideQuestion, Parts } from "./flow.ts";
import { openGate, type Gate } from "./gate/gate.ts";
import { ensureAccount, type AccountKey } from "./iam/accounts.ts";
import { createAuthority } from "./iam/authority.ts";
import { iamRoom } from "./iam/room.ts";
import type { NodeOptions } from "./node-options.ts";
import { RelayEngine } from "./relay/engine.ts";
import { relayGauges } from "./relay/gauges.ts";
import { tell } from "./relay/story.ts";
import type { Endpoint, Room } from "./room.ts";
import { lastWrite } from "./s3/last-write.ts";
import { s3Room } from "./s3/room.ts";
import { statesRoom } from "./states/room.ts";
import { openDatabase } from "./store/database.ts";
import { openDirectory } from "./store/directory.ts";
import { storeGauges } from "./store/gauges.ts";
import { ownBlobs } from "./store/own-blobs.ts";
import { storyRoom } from "./story/room.ts";
import { explainTrail } from "./trail/explain.ts";
import { createRecorder, trailRoom } from "./trail/room.ts";
import type { ServiceDefinition } from "./wire/service.ts";

export type StepwellNode = {
  /** The administrator's key of the default account; `made` says that this start made it. */
  readonly key: AccountKey & { readonly made: boolean };
  readonly call: InsideDoor;
  readonly services: readonly ServiceDefinition[];
  readonly parts: Parts;
  readonly listen: Gate["listen"];
  /** Finishes what is under way, bounded by a few seconds, and hands the rest back to the relay. */
  close(): Promise<void>;
};

/** Opens a node on its database, not yet listening. Throws DirectoryInUse, or what SQLite says of the directory. */
export async function openNode(options: NodeOptions): Promise<StepwellNode> {
  const { account, region, clock, log, database, data } = options;
  const place = options.opened ?? (database === undefined ? openDirectory(data) : await openDatabase(database, data));
  const { store, close } = place;
  const blobs = await ownBlobs({ ...place, blobs: options.blobs ?? place.blobs }, clock, log);
  const relay = new RelayEngine(store, clock, log);
  let ready = false;
  // Rooms get the inside door before the gate exists, because the gate is built from the rooms.
  const call: InsideDoor = (request) => gate.call(request);
  const serves = (name: string) => services.some((service) => service.name === name);
  const authorize: InsideQuestion = (request) => gate.authorize(request);
  const connection = connectionReader({ store });
  const doors = { call, serves, authorize, connection };
  const parts: Parts = { store, relay, blobs, clock, tell, ...doors, account, region, log };
  const key = await ensureAccount(parts, account, options.key);
  const rooms: readonly Room[] = [
    s3Room(parts),
    trailRoom(parts, { flushMs: options.trailFlushMs }),
    eventsRoom(parts),
    statesRoom(parts, { allowMissingServices: options.allowMissingServices === true }),
    iamRoom(parts),
    storyRoom(parts, { lastWrite, explainTrail, explainRules }),
  ];
  const services = rooms.flatMap((room) => room.services);
  const endpoints: Record<string, Endpoint> = Object.assign({}, ...rooms.map((room) => room.endpoints));
  const checks = { authority: createAuthority(parts), recorder: createRecorder(parts), auth: options.auth };
  const gauges = () => storeGauges(store, (reader) => relayGauges(reader, clock.now()));
  const metrics = { token: options.metricsToken, gauges };
  const gate = openGate({ ...parts, ...checks, services, endpoints, health: () => ({ ready }), metrics });
  for (const room of rooms) await room.start?.();
  await relay.start(database === undefined);
  ready = true;
  return {
    key,
    call,
    services,
    parts,
    listen: (address, port, tls) => gate.listen(address, port, tls),
    async close() {
      ready = false;
      for (const room of rooms) room.drain?.();
      await gate.close();
      for (const room of rooms) await room.stop?.();
      await relay.stop(5000);
      await close();
    },
  };
}
