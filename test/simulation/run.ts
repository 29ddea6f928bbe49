import { hash } from "node:crypto";
import { NOTHING, onMachine, type Beginning, type Count, type Machine } from "./machine.ts";
import { chance } from "./random.ts";
import { client } from "./client.ts";
import type { Host } from "./host.ts";
import type { History } from "./histories.ts";
import { everythingHolds } from "./invariants.ts";
import { setUp } from "./setting.ts";
import { CALM, weatherOf, type Weather } from "./weather.ts";
import { work } from "./workload.ts";

/** How far a clock is set from the world's at most. */
const FARTHEST_MS = 300_000;

export type Outcome = {
  readonly counts: Count;
  /** Equal for two runs that went alike. */
  readonly digest: string;
  readonly histories: ReadonlyMap<string, History>;
};
export class Broken extends Error {
  override readonly name = "Broken";
  readonly log: readonly string[];
  constructor(cause: unknown, log: readonly string[]) {
    super(cause instanceof Error ? (cause.stack ?? cause.message) : String(cause), { cause });
    this.log = log;
  }
}

/** What every run begins with and is held against: made once in each thread. */
let prepared: Promise<{ readonly beginning: Beginning; readonly expected: ReadonlyMap<string, History> }> | undefined;
async function prepare(): NonNullable<typeof prepared> {
  const beginning = await onMachine({ seed: 0, nodes: 1, beginning: NOTHING }, async (machine) => {
    await setUp(machine);
    await machine.world.sleep(1000);
    const { time } = machine.world;
    return { time, blobs: machine.blobs.all, database: await machine.disk.bytes() };
  });
  const { histories } = await run({ seed: 0, weather: CALM, nodes: 1, beginning });
  return { beginning, expected: histories };
}

/** In how many of the seeds two nodes share the store. */
const SHARED = 0.2;
export const nodesOf = (seed: number): number => (chance(seed, "nodes").is(SHARED) ? 2 : 1);

/** One run. Throws `Broken` if anything does not hold at its end. */
export async function runSeed(seed: number): Promise<Outcome> {
  prepared ??= prepare();
  return run({ seed, weather: weatherOf(chance(seed, "weather")), nodes: nodesOf(seed), ...(await prepared) });
}

type Run = {
  readonly seed: number;
  readonly weather: Weather;
  readonly nodes: number;
  readonly beginning: Beginning;
  /** The histories of the undisturbed run, by the way that an execution takes; absent in that run itself. */
  readonly expected?: ReadonlyMap<string, History>;
};

function run({ seed, weather, nodes, beginning, expected }: Run): Promise<Outcome> {
  return onMachine({ seed, nodes, beginning }, async (machine) => {
    try {
      machine.count(machine.shared ? "runs of two nodes" : "runs of one node");
      machine.weather = weather;
      const misfortunes = new Misfortunes(machine, seed, weather);
      const ledger = await work(machine, chance(seed, "work"));
      // The undisturbed run shows a schedule's firing too.
      await machine.world.sleep(expected ? 20_000 : 60_000);
      await misfortunes.end();
      await client(machine).once("events", "DisableRule", { Name: "tick" });
      const histories = await everythingHolds(machine, ledger, expected);
      return { counts: machine.counts, digest: digestOf(machine), histories };
    } catch (error) {
      throw new Broken(error, machine.log);
    }
  });
}

/** What befalls the nodes and the database from outside: kills, power cuts, full disks, clocks set. */
class Misfortunes {
  readonly #machine: Machine;
  #over = false;
  readonly #all: Promise<unknown>;
  constructor(machine: Machine, seed: number, { killEveryMs, fullEveryMs, jumpEveryMs }: Weather) {
    this.#machine = machine;
    const { world, disk } = machine;
    const kills = chance(seed, "kills");
    const disks = chance(seed, "full disks");
    const clocks = chance(seed, "clocks");
    const skew = (): number => clocks.between(-FARTHEST_MS, FARTHEST_MS);
    if (machine.shared && jumpEveryMs > 0) for (const host of machine.hosts) host.jump(skew());
    const any = (): Host => kills.pick(machine.hosts as readonly [Host, ...Host[]]);
    this.#all = Promise.all([
      this.#every(
        killEveryMs,
        () => kills.random(),
        async () => {
          const how = kills.is(0.5) ? "power" : "process";
          const pause = kills.pick([0, 100, 3_000, 15_000]);
          if (machine.shared && kills.is(0.25)) {
            machine.count("kills of the database");
            disk.crash(how);
            await world.sleep(pause);
            disk.open();
            return;
          }
          const host = any();
          if (machine.shared && disk.store)
            for (const _ of disk.query("select id from work where leased <> 0")) machine.count("leases at a kill");
          machine.count(how === "power" && !machine.shared ? "power cuts" : "kills");
          host.kill();
          if (!machine.shared) disk.crash(how);
          await world.sleep(pause);
          if (kills.is(0.3)) host.jump(kills.between(-FARTHEST_MS, FARTHEST_MS));
          await host.start();
        },
      ),
      this.#every(
        fullEveryMs,
        () => disks.random(),
        async () => {
          machine.count("full disks");
          disk.full = true;
          await world.sleep(disks.between(100, 15_000));
          disk.full = false;
        },
      ),
      this.#every(
        jumpEveryMs,
        () => clocks.random(),
        async () => {
          machine.count("clock jumps");
          clocks.pick(machine.hosts as readonly [Host, ...Host[]]).jump(skew());
        },
      ),
    ]);
  }

  /** Good weather from now on, on a node that lives. */
  async end(): Promise<void> {
    this.#over = true;
    this.#machine.disk.full = false;
    this.#machine.weather = CALM;
    await this.#all;
    await Promise.all(this.#machine.hosts.map(({ awake }) => awake));
  }

  async #every(ms: number, random: () => number, befall: () => Promise<void>): Promise<void> {
    if (ms === 0) return;
    for (;;) {
      for (let left = ms * 2 * random(); left > 0 && !this.#over; left -= 1000)
        await this.#machine.world.sleep(Math.min(left, 1000));
      if (this.#over) return;
      await befall();
    }
  }
}

/** Of everything the store holds that time or chance has touched. */
function digestOf(machine: Machine): string {
  const tables = ["states_execution", "states_history", "work", "trail_event", "s3_version", "events_dead_end"];
  const present = new Set(
    machine.query<{ name: string }>("select name from sqlite_schema where type = 'table'").map(({ name }) => name),
  );
  const held = tables
    .filter((table) => present.has(table))
    .map((table) => machine.query<unknown>(`select * from ${table} order by 1, 2, 3`));
  const text = JSON.stringify([machine.counts, machine.world.time, held], (_, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value,
  );
  return hash("sha256", text).slice(0, 16);
}
