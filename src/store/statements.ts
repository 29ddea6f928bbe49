import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Row, Value } from "./store.ts";

type Prepared = {
  readonly statement: StatementSync;
  /** For each `?`, the index of its parameter; undefined if they come in order, each once. */
  readonly order: readonly number[] | undefined;
};

/** Prepared statements of one connection, by their text. The texts are constants of the code, so their number is bounded. */
export class Statements {
  readonly database: DatabaseSync;
  readonly #prepared = new Map<string, Prepared>();
  constructor(database: DatabaseSync) {
    this.database = database;
  }
  get(sql: string, parameters: readonly Value[] = []): Row | undefined {
    const { statement, order } = this.#prepare(sql);
    return statement.get(...(order ? reorder(order, parameters) : parameters)) as Row | undefined;
  }
  all(sql: string, parameters: readonly Value[] = []): Row[] {
    const { statement, order } = this.#prepare(sql);
    return statement.all(...(order ? reorder(order, parameters) : parameters)) as Row[];
  }
  run(sql: string, parameters: readonly Value[] = []): number {
    const { statement, order } = this.#prepare(sql);
    return Number(statement.run(...(order ? reorder(order, parameters) : parameters)).changes);
  }
  #prepare(sql: string): Prepared {
    let prepared = this.#prepared.get(sql);
    if (!prepared) {
      const order: number[] = [];
      // There is one writer only: nobody to lock rows against.
      const alone = sql.replace(/ for (update|share)( skip locked)?$/, "");
      // SQLite treats `$1` as a name and binds names by object; `?` binds by position.
      const text = alone.replace(/\$(\d+)/g, (_, number: string) => {
        order.push(Number(number) - 1);
        return "?";
      });
      prepared = {
        statement: this.database.prepare(text),
        order: order.every((index, position) => index === position) ? undefined : order,
      };
      this.#prepared.set(sql, prepared);
    }
    return prepared;
  }
}

function reorder(order: readonly number[], parameters: readonly Value[]): Value[] {
  return order.map((index) => parameters[index] ?? null);
}
