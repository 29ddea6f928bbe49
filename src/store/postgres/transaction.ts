import type { Reader, Row, Transaction, Value } from "../store.ts";
import type { Session } from "./session.ts";
import { slotOf, type Versions } from "./versions.ts";

/** Answers a statement with its rows. */
export type Ask = (sql: string, parameters: readonly Value[]) => Promise<{ readonly rows: readonly Row[] }>;

export class PostgresReader implements Reader {
  readonly #ask: Ask;
  protected readonly versions: Versions;
  constructor(ask: Ask, versions: Versions) {
    this.#ask = ask;
    this.versions = versions;
  }
  async get<T = Row>(sql: string, parameters: readonly Value[] = []): Promise<T | undefined> {
    return (await this.#ask(sql, parameters)).rows[0] as T | undefined;
  }
  async all<T = Row>(sql: string, parameters: readonly Value[] = []): Promise<T[]> {
    return (await this.#ask(sql, parameters)).rows as T[];
  }
  version(scope: string): number {
    return this.versions.get(scope);
  }
}

/** One caller's part of a session. */
export class PostgresTransaction extends PostgresReader implements Transaction {
  readonly scratch = new Map<unknown, unknown>();
  readonly #session: Session;
  readonly #bumped: string[] = [];
  readonly #effects: (() => void)[] = [];
  constructor(session: Session, versions: Versions) {
    super((sql, parameters) => session.ask(sql, parameters), versions);
    this.#session = session;
  }
  run(sql: string, parameters: readonly Value[] = []): Promise<number> {
    return this.#session.change(sql, parameters);
  }
  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    const lists = this.#lists().map((list) => [list, list.length] as const);
    this.#session.enter();
    let value: T;
    try {
      value = await work();
    } catch (error) {
      const before = new Map(lists);
      this.bumpAgain();
      for (const list of this.#lists()) list.length = before.get(list) ?? 0;
      this.#session.takeBack();
      throw error;
    }
    this.#session.leave();
    return value;
  }
  /** Nobody on any node who locks the same scope passes this line before the transaction is over. */
  async lock(scope: string): Promise<void> {
    await this.#session.ask("select slot from store_version where slot = $1 for update", [slotOf(scope)]);
  }
  override version(scope: string): number {
    return this.#session.bumped.has(scope) ? this.#session.version : super.version(scope);
  }
  bump(scope: string): void {
    this.#bumped.push(scope);
    this.#session.bumped.add(scope);
    this.versions.bump(scope);
  }
  /** At commit and at rollback, so that nothing cached in between under the new number survives. */
  bumpAgain(): void {
    for (const scope of this.#bumped) this.versions.bump(scope);
  }
  /** What the other nodes are to be told of. */
  slots(): number[] {
    return this.#bumped.map(slotOf);
  }
  afterCommit(effect: () => void): void {
    this.#effects.push(effect);
  }
  committed(): void {
    for (const effect of this.#effects) effect();
  }
  /** What a rolled-back savepoint takes back besides rows. A bump stays: too many do no harm. */
  #lists(): unknown[][] {
    const lists: unknown[][] = [this.#effects];
    for (const value of this.scratch.values()) if (Array.isArray(value)) lists.push(value);
    return lists;
  }
}
