/** What new executions run: the machine as it is, a version, or whichever version an alias chooses. */
import { VersionedCache } from "../store/cache.ts";
import type { Reader } from "../store/store.ts";
import { machineScope, missingMachine, type Definitions } from "./definitions.ts";
import { aliasByName, type AliasRow } from "./rows/aliases.ts";
import type { MachineRow } from "./rows/machines.ts";
import { versionByNumber, type VersionRow } from "./rows/versions.ts";

/** A machine's ARN taken apart: the plain one, and the number or name behind it. */
export type NamedMachine = {
  /** As the caller wrote it. */
  readonly arn: string;
  readonly machine: string;
  readonly qualifier?: string;
};
export type Target = {
  /** With the settings and the revision of the version, if one was named. */
  readonly machine: MachineRow;
  readonly version?: VersionRow;
  readonly alias?: string;
};
/** The versions that an alias sends to, with their weights in percent. */
export type Routing = readonly (readonly [number: number, weight: number])[];

export class Targets {
  readonly #definitions: Definitions;
  readonly #versions = new VersionedCache<VersionRow | undefined>(4_000);
  readonly #aliases = new VersionedCache<AliasRow | undefined>(4_000);
  constructor(definitions: Definitions) {
    this.#definitions = definitions;
  }

  /**
   * Throws AWS's StateMachineDoesNotExist if the machine, the version or the alias is not there.
   * @param chance 0 ≤ x < 1: where an alias leads
   */
  async resolve(reader: Reader, named: NamedMachine, chance: () => number): Promise<Target> {
    const machine = (await this.#definitions.machine(reader, named.machine)) ?? missingMachine(named.arn);
    const { qualifier } = named;
    if (qualifier === undefined) return { machine };
    const alias = isNumber(qualifier) ? undefined : qualifier;
    const number = alias === undefined ? Number(qualifier) : await this.#routed(reader, named, alias, chance);
    const version = (await this.#version(reader, named.machine, number)) ?? missingMachine(named.arn);
    const { revision, logging, tracing, encryption } = version;
    return {
      machine: { ...machine, revision, logging, tracing, encryption },
      version,
      ...(alias !== undefined && { alias }),
    };
  }

  #version(reader: Reader, machine: string, number: number): Promise<VersionRow | undefined> {
    const load = (from: Reader) => versionByNumber(from, machine, number);
    return this.#versions.get(reader, `${machine}:${number}`, load, machineScope(machine));
  }

  async #routed(reader: Reader, named: NamedMachine, name: string, chance: () => number): Promise<number> {
    const { machine, arn } = named;
    const load = (from: Reader) => aliasByName(from, machine, name);
    const row = await this.#aliases.get(reader, `${machine}:${name}`, load, machineScope(machine));
    return routedBy(routingOf(row ?? missingMachine(arn)), chance());
  }
}

export function routingOf({ routing }: Pick<AliasRow, "routing">): Routing {
  return JSON.parse(routing) as Routing;
}

/** The version that a throw of the dice, 0 ≤ chance < 1, falls on. */
export function routedBy(routing: Routing, chance: number): number {
  let left = chance * 100;
  for (const [number, weight] of routing) {
    left -= weight;
    if (left < 0) return number;
  }
  return routing.at(-1)?.[0] ?? 0;
}

/** Versions are numbers; an alias has a letter, `_`, `-` or `.` in its name. */
export function isNumber(qualifier: string): boolean {
  return /^\d+$/.test(qualifier);
}
