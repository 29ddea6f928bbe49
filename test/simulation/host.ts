import "./world.ts"; // first: it takes the timers
import type { Clock } from "../../src/clock/clock.ts";
import { openNode, type StepwellNode } from "../../src/node.ts";
import { RelayEngine } from "../../src/relay/engine.ts";
import type { EffectWorker } from "../../src/relay/relay.ts";
import { ACCOUNT, FLUSH_MS, REGION, type Machine } from "./machine.ts";
import type { Chance } from "./random.ts";
import { UneasyStore } from "./store.ts";
import { Versions } from "./versions.ts";

const BEGINNING = Date.UTC(2026, 4, 4, 9, 0, 0);

/** What a node runs on: it has a clock of its own, and starts nodes one after the other. */
export class Host {
  readonly name: string;
  readonly #machine: Machine;
  readonly #own: Chance;
  /** How far its clock is from the world's. */
  #offset = 0;
  #store: UneasyStore | undefined;
  #node: StepwellNode | undefined;
  #awake = Promise.withResolvers<void>();
  #death = Promise.withResolvers<void>();

  constructor(machine: Machine, name: string, own: Chance) {
    this.#machine = machine;
    this.name = name;
    this.#own = own;
  }

  /** The node, when it has started. */
  get node(): StepwellNode | undefined {
    return this.#node;
  }
  /** Resolves when there is a node. */
  get awake(): Promise<void> {
    return this.#awake.promise;
  }
  /** Resolves when the node that lives now, or starts, is killed. */
  get death(): Promise<void> {
    return this.#death.promise;
  }
  jump(ms: number): void {
    this.#offset = ms;
  }

  /** Starts a node; tries again until it starts, as a supervisor would. */
  async start(): Promise<void> {
    const machine = this.#machine;
    for (;;) {
      if (!machine.shared && !machine.disk.store) machine.disk.open();
      const store = new UneasyStore(
        machine,
        machine.shared ? new Versions(machine.changes, this.#own.random()) : undefined,
      );
      this.#store = store;
      try {
        const opening = openNode(this.#options(store));
        const node = await Promise.race([opening, this.death.then(() => undefined)]);
        if (!node) return;
        this.#node = node;
        this.#awake.resolve();
        return;
      } catch (error) {
        if (this.#store !== store) return;
        machine.note(this.name, "error", "could not start", String(error));
        this.kill();
        if (!machine.shared) machine.disk.crash("process");
        await machine.world.sleep(1000);
      }
    }
  }

  /** Ends the node without a word; false if there was none. */
  kill(): boolean {
    if (!this.#store) return false;
    this.#store.alive = false;
    this.#machine.world.forget(this.#store);
    this.#store = undefined;
    // Who waits for a node that died while it started waits for the next.
    if (this.#node) this.#awake = Promise.withResolvers();
    this.#node = undefined;
    this.#death.resolve();
    this.#death = Promise.withResolvers();
    return true;
  }

  #now(): number {
    return Math.floor(BEGINNING + this.#machine.world.time + this.#offset);
  }

  #options(store: UneasyStore): Parameters<typeof openNode>[0] {
    const machine = this.#machine;
    return {
      data: "",
      account: ACCOUNT,
      region: REGION,
      auth: "on",
      clock: this.#clock(store),
      log: (level, message, facts) => level !== "info" && machine.note(this.name, level, message, facts),
      trailFlushMs: FLUSH_MS,
      opened: { store, blobs: machine.blobs, close: () => Promise.resolve() },
      // So that the node does not take itself for the only one.
      database: machine.shared ? "simulated" : undefined,
    };
  }

  #clock(store: UneasyStore): Clock {
    const own = this.#own;
    const { world } = this.#machine;
    const now = (): number => this.#now();
    let last = 0;
    let counter = 0;
    const hex = (length: number): string => {
      let text = "";
      while (text.length < length) text += own.whole(0, 16).toString(16);
      return text;
    };
    return {
      now,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          if (signal?.aborted || !store.alive) return resolve();
          const end = (): void => {
            entry.run = undefined;
            signal?.removeEventListener("abort", end);
            resolve();
          };
          const entry = world.at(world.time + ms, store, end);
          signal?.addEventListener("abort", end);
        }),
      uuid() {
        const ms = now();
        if (ms > last || counter >= 0xfff) {
          last = Math.max(ms, last + 1);
          counter = 0;
        } else counter++;
        const time = last.toString(16).padStart(12, "0");
        return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, "0")}-8${hex(3)}-${hex(12)}`;
      },
      text: (length, alphabet) => Array.from({ length }, () => alphabet[own.whole(0, alphabet.length)]).join(""),
      random: own.random,
    };
  }
}

/** The machine on which rooms name their workers now. */
let naming: Machine | undefined;
export function nameWorkersOn(machine: Machine | undefined): void {
  naming = machine;
}
// oxlint-disable-next-line typescript/unbound-method -- called below with the engine that it belongs to
const effect = RelayEngine.prototype.effect;
/** Every effect may set out late, be done twice, or come back late. */
RelayEngine.prototype.effect = function (kind, worker, options) {
  effect.call(this, kind, naming ? uneasy(naming, worker) : worker, options);
};

function uneasy(machine: Machine, worker: EffectWorker): EffectWorker {
  const delay = () => machine.world.sleep(machine.between(1, 45_000));
  return async (work, signal) => {
    if (machine.happens("delayed")) await delay();
    const settle = await worker(work, signal);
    if (!machine.happens("doubled")) return settle;
    if (machine.happens("delayed")) await delay();
    return worker(work, signal);
  };
}
