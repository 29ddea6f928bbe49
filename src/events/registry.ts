import { hash } from "node:crypto";
import type { Reader } from "../store/store.ts";
import { parsePattern } from "./pattern/parse.ts";
import { RuleIndex } from "./pattern/ruleIndex.ts";
import { changeOf, changesAfter, floorOf, lastChange, ruleRow, ruleRows, targetRows, type RuleRow } from "./rows.ts";
import { compileTarget, type CompiledTarget } from "./targets.ts";

/** A rule ready to match and deliver. */
export type LoadedRule = {
  readonly name: string;
  readonly arn: string;
  /** Sees read-only management events too. */
  readonly allManagement: boolean;
  readonly targets: readonly CompiledTarget[];
  /** The name of the sessions in which the rule's roles act: the same for every delivery. */
  readonly sessionName: string;
};

/** `tx.bump` of this says that a bus's rules or targets changed. */
export const rulesScope = (bus: string): string => `events/rules/${bus}`;
/** Longer than any group of transactions that commits or fails together. */
export const WINDOW = 512;
const PAGE = 1000;
/** Buses kept in memory. */
const BUS_LIMIT = 1000;

type Bus = {
  version: number;
  seq: number;
  readonly index: RuleIndex<LoadedRule>;
  /** The last rules read, and the stamp of the change each was read at: such a change may yet have been taken back. */
  readonly recent: Map<string, string>;
};

/**
 * The rules of every bus, in memory. When a bus's version moves on, only the rules that changed are read again, so
 * that a PutRule among 100,000 costs no more than one among ten.
 */
export class Registry {
  readonly #buses = new Map<string, Bus>();

  async rulesOf(reader: Reader, arn: string): Promise<RuleIndex<LoadedRule>> {
    const version = reader.version(rulesScope(arn));
    const known = this.#buses.get(arn);
    if (known?.version === version) return known.index;
    const bus = known && (await this.#follow(reader, arn, known)) ? known : await this.#load(reader, arn);
    bus.version = version;
    this.#buses.delete(arn);
    this.#buses.set(arn, bus);
    if (this.#buses.size > BUS_LIMIT) {
      const oldest = this.#buses.keys().next();
      if (!oldest.done) this.#buses.delete(oldest.value);
    }
    return bus.index;
  }

  async #load(reader: Reader, arn: string): Promise<Bus> {
    const bus: Bus = { version: 0, seq: await lastChange(reader, arn), index: new RuleIndex(), recent: new Map() };
    for (const row of await changesAfter(reader, arn, bus.seq - WINDOW, PAGE)) bus.recent.set(row.name, row.stamp);
    for (let from = ""; ;) {
      const rows = await ruleRows(reader, arn, from, "\u{10ffff}", PAGE);
      for (const row of rows) await place(reader, bus.index, row);
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) return bus;
      from = `${last.name}\u0000`;
    }
  }

  /**
   * Reads the changes since the last one known, and again those shortly before: what was read then may have been
   * rolled back, and its place taken by another. False if there is too much to follow.
   */
  async #follow(reader: Reader, arn: string, bus: Bus): Promise<boolean> {
    if (bus.seq < (await floorOf(reader, arn))) return false;
    const changes = await changesAfter(reader, arn, bus.seq - WINDOW, 2 * WINDOW);
    if (changes.length === 2 * WINDOW) return false;
    const stale = new Map(
      changes.filter(({ name, stamp }) => bus.recent.get(name) !== stamp).map((row) => [row.name, row]),
    );
    const seen = new Set(changes.map(({ name }) => name));
    for (const name of bus.recent.keys()) {
      if (seen.has(name)) continue;
      // Older than the window, or taken back: its present stamp tells.
      const now = await changeOf(reader, arn, name);
      if ((now?.stamp ?? "") === bus.recent.get(name)) bus.recent.delete(name);
      else stale.set(name, now ?? { name, seq: 0, stamp: "" });
    }
    for (const { name, stamp } of stale.values()) {
      const row = await ruleRow(reader, arn, name);
      if (row) await place(reader, bus.index, row);
      else bus.index.remove(name);
      bus.recent.delete(name);
      bus.recent.set(name, stamp);
    }
    bus.seq = changes.at(-1)?.seq ?? 0;
    return true;
  }
}

async function place(reader: Reader, index: RuleIndex<LoadedRule>, row: RuleRow): Promise<void> {
  if (row.pattern === null || row.state === "DISABLED") index.remove(row.name);
  else index.add(row.name, parsePattern(row.pattern), await loadRule(reader, row));
}

/** A rule with its targets compiled. */
export async function loadRule(reader: Reader, row: RuleRow): Promise<LoadedRule> {
  const rows = await targetRows(reader, row.bus, row.name, "", 100);
  return {
    name: row.name,
    arn: row.arn,
    allManagement: row.state === "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
    targets: rows.map(compileTarget),
    sessionName: hash("md5", row.arn),
  };
}
