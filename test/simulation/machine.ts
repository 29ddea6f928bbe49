import { inWorld, type World } from "./world.ts"; // first: it takes the timers
import type { StepwellNode } from "../../src/node.ts";
import { UneasyBlobs } from "./blobs.ts";
import { Disk } from "./disk.ts";
import { Host, nameWorkersOn } from "./host.ts";
import { chance, type Chance } from "./random.ts";
import { ChangeLog } from "./versions.ts";
import { CALM, type Weather } from "./weather.ts";

export const ACCOUNT = "123456789012";
export const REGION = "us-east-1";
export const FLUSH_MS = 20_000;
/** As long as another node may take to see a change. */
export const HEARSAY_MS = 1_000;

export type Count = Record<string, number>;
type Chances =
  | "refused"
  | "aborted"
  | "unacknowledged"
  | "late"
  | "unread"
  | "doubled"
  | "delayed"
  | "lostBlob"
  | "slowBlob";

/** What a run begins with. */
export type Beginning = {
  readonly time: number;
  readonly database: Uint8Array | undefined;
  readonly blobs: ReadonlyMap<string, Buffer>;
};
export const NOTHING: Beginning = { time: 0, database: undefined, blobs: new Map() };

/** The nodes, the database, the blobs and all that can befall them. */
export class Machine {
  readonly world: World;
  readonly counts: Count = {};
  weather: Weather = CALM;
  readonly disk: Disk;
  readonly blobs: UneasyBlobs;
  /** One that has the database to itself, and dies with it; or several that share it. */
  readonly hosts: readonly Host[];
  readonly changes: ChangeLog;
  readonly #chance: Chance;
  readonly #clients: Chance;
  readonly #log: (readonly [at: number, host: string, level: string, message: string, facts: unknown])[] = [];

  constructor(world: World, seed: number, nodes: number, { database, blobs }: Beginning) {
    this.world = world;
    this.#chance = chance(seed, "store");
    this.#clients = chance(seed, "clients");
    this.changes = new ChangeLog(world);
    this.blobs = new UneasyBlobs(this, blobs);
    const around = {
      world,
      chance: chance(seed, "disk"),
      weather: () => this.weather,
      count: (what: string): void => this.count(what),
      lost: () => void this.changes.losses++,
    };
    this.disk = new Disk(around, database);
    this.hosts = Array.from({ length: nodes }, (_, index) => new Host(this, `node${index}`, chance(seed, `n${index}`)));
  }

  get shared(): boolean {
    return this.hosts.length > 1;
  }
  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }
  happens(what: Chances): boolean {
    const happens = this.#chance.is(this.weather[what]);
    if (happens) this.count(what);
    return happens;
  }
  between(from: number, to: number): number {
    return this.#chance.between(from, to);
  }

  async start(): Promise<void> {
    if (this.shared) this.disk.open();
    await Promise.all(this.hosts.map((host) => host.start()));
  }

  /** Any node that lives, once there is one. */
  async reach(): Promise<{ readonly node: StepwellNode; readonly death: Promise<void> }> {
    for (;;) {
      const host = this.hosts[this.#clients.whole(0, this.hosts.length)];
      if (host?.node) return { node: host.node, death: host.death };
      await Promise.race(this.hosts.map(({ awake }) => awake));
    }
  }

  /** What the store holds, read past the nodes. */
  query<T>(sql: string): T[] {
    return this.disk.query<T>(sql);
  }

  note(host: string, level: string, message: string, facts: unknown): void {
    if (message.startsWith("a node fell silent")) this.count("nodes taken for dead");
    if (this.#log.length < 5000) this.#log.push([Math.round(this.world.time), host, level, message, facts]);
  }
  get log(): string[] {
    return this.#log.map(
      ([at, host, level, message, facts]) =>
        `${at} ${host} ${level} ${message} ${JSON.stringify(facts ?? {}).slice(0, 400)}`,
    );
  }

  async remove(): Promise<void> {
    for (const host of this.hosts) host.kill();
    await this.disk.remove();
  }
}

/** Runs so many nodes in a world of their own, and leaves nothing behind. */
export function onMachine<T>(
  { seed, nodes, beginning }: { readonly seed: number; readonly nodes: number; readonly beginning: Beginning },
  work: (machine: Machine) => Promise<T>,
): Promise<T> {
  return inWorld(beginning.time, async (world) => {
    const machine = new Machine(world, seed, nodes, beginning);
    nameWorkersOn(machine);
    try {
      await machine.start();
      return await work(machine);
    } finally {
      nameWorkersOn(undefined);
      await machine.remove();
    }
  });
}
