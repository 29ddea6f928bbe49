import { hash } from "node:crypto";
import { onMachine, type Count, type Machine } from "./machine.ts";
import { chance } from "./random.ts";
import { client } from "./client.ts";
import { everythingHolds, type History } from "./invariants.ts";
import { setUp } from "./setting.ts";
import { CALM, weatherOf, type Weather } from "./weather.ts";
import { work } from "./workload.ts";

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

let calm: Promise<ReadonlyMap<string, History>> | undefined;
/** The histories of an undisturbed run, by the way that the execution takes. */
async function undisturbed(): Promise<ReadonlyMap<string, History>> {
  calm ??= run(0, CALM).then(({ histories }) => histories);
  return calm;
}

/** One run. Throws `Broken` if anything does not hold at its end. */
export async function runSeed(seed: number): Promise<Outcome> {
  const expected = await undisturbed();
  return run(seed, weatherOf(chance(seed, "weather")), expected);
}

function run(seed: number, weather: Weather, expected?: ReadonlyMap<string, History>): Promise<Outcome> {
  return onMachine(seed, CALM, async (machine) => {
    try {
      await setUp(machine);
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

/** What befalls the machine from outside: kills, power cuts, full disks, clocks set. */
class Misfortunes {
  readonly #machine: Machine;
  #over = false;
  readonly #all: Promise<unknown>;
  constructor(machine: Machine, seed: number, { killEveryMs, fullEveryMs, jumpEveryMs }: Weather) {
    this.#machine = machine;
    const { world } = machine;
    const kills = chance(seed, "kills");
    const disks = chance(seed, "full disks");
    const clocks = chance(seed, "clocks");
    this.#all = Promise.all([
      this.#every(
        killEveryMs,
        () => kills.random(),
        async () => {
          await machine.kill(kills.is(0.5) ? "power" : "process");
          await world.sleep(kills.pick([0, 100, 3_000, 15_000]));
          if (kills.is(0.3)) machine.jump(kills.between(-300_000, 300_000));
          await machine.start();
        },
      ),
      this.#every(
        fullEveryMs,
        () => disks.random(),
        async () => {
          machine.count("full disks");
          machine.full = true;
          await world.sleep(disks.between(100, 15_000));
          machine.full = false;
        },
      ),
      this.#every(
        jumpEveryMs,
        () => clocks.random(),
        async () => {
          machine.count("clock jumps");
          machine.jump(clocks.between(-300_000, 300_000));
        },
      ),
    ]);
  }

  /** Good weather from now on, on a node that lives. */
  async end(): Promise<void> {
    this.#over = true;
    this.#machine.full = false;
    this.#machine.weather = CALM;
    await this.#all;
    await this.#machine.node;
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
