import type { Duplex } from "node:stream";
import pg from "pg";
import { decoded } from "./nul.ts";
import type { Row, Value } from "../store.ts";

export type Result = { readonly rows: readonly Row[]; readonly count: number; readonly command: string };
/** A statement on its way; `values` are as the driver sends them. */
export type Asked = {
  readonly sql: string;
  /** The name that it is prepared under; undefined where it is not. */
  readonly name: string | undefined;
  readonly values: readonly (string | Buffer | null)[];
  readonly done: (result: Result) => void;
  readonly failed: (error: Error) => void;
};
/** What a prepared statement's rows look like; undefined until PostgreSQL has said so. */
export type Prepared = Map<string, Shape | undefined>;
type Shape = {
  readonly empty: Readonly<Record<string, null>>;
  readonly names: readonly string[];
  readonly parsers: readonly ((text: string) => Value)[];
};
type Field = { readonly name: string; readonly dataTypeID: number };
/** What is used of the driver's connection. */
export type Wire = {
  readonly stream: Duplex;
  close(statement: { readonly type: "S"; readonly name: string }): void;
  parse(statement: { readonly text: string; readonly name: string }): void;
  bind(bound: { readonly statement: string; readonly values: Asked["values"] }): void;
  describe(portal: { readonly type: "P" }): void;
  execute(): void;
  sync(): void;
};

const NO_ROWS: Shape = { empty: {}, names: [], parsers: [] };
const asNumber = (text: string): number => Number(text);
const asBytes = (text: string): Buffer => Buffer.from(text.slice(2), "hex");
// int8, int4, int2, numeric (what sum() of a bigint is), oid; bytea
const parserOf = (type: number): ((text: string) => Value) =>
  type === 20 || type === 23 || type === 21 || type === 1700 || type === 26
    ? asNumber
    : type === 17
      ? asBytes
      : decoded;

/** Raised for what PostgreSQL passed over because a statement before it in the same group failed. */
export class PassedOver extends Error {
  override readonly name = "PassedOver";
  readonly code = "25P02";
}

// A pipelined driver takes its own class of queries only.
const Query = pg.Query as unknown as new (config: { readonly text: string }) => object;

/**
 * Statements that travel together: sent in one piece, answered in one piece, because only their end asks for the
 * answers. If one fails, PostgreSQL passes over the rest. A prepared statement's rows are described to us once.
 */
export class Group extends Query {
  readonly #asked: readonly Asked[];
  readonly #prepared: Prepared;
  #next = 0;
  #rows: Row[] = [];
  #shape: Shape | undefined;

  constructor(asked: readonly Asked[], prepared: Prepared) {
    super({ text: "" });
    this.#asked = asked;
    this.#prepared = prepared;
  }

  // From here on: what the driver calls.
  submit(wire: Wire): null {
    wire.stream.cork();
    for (const { sql, name, values } of this.#asked) {
      if (name === undefined) wire.parse({ text: sql, name: "" });
      else if (!this.#prepared.has(name)) {
        // Perhaps it was prepared by a group that failed: to close what is not there is no error.
        wire.close({ type: "S", name });
        wire.parse({ text: sql, name });
        this.#prepared.set(name, undefined);
      }
      wire.bind({ statement: name ?? "", values });
      if (name === undefined || this.#prepared.get(name) === undefined) wire.describe({ type: "P" });
      wire.execute();
    }
    wire.sync();
    wire.stream.uncork();
    return null;
  }
  handleRowDescription({ fields }: { readonly fields: readonly Field[] }): void {
    const names = fields.map(({ name }) => name);
    const empty = Object.fromEntries(names.map((name) => [name, null]));
    this.#shape = { empty, names, parsers: fields.map(({ dataTypeID }) => parserOf(dataTypeID)) };
    const name = this.#asked[this.#next]?.name;
    if (name !== undefined) this.#prepared.set(name, this.#shape);
  }
  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    const { empty, names, parsers } = (this.#shape ??= this.#known());
    const row: Record<string, Value> = { ...empty };
    for (let i = 0; i < names.length; i++) {
      const text = fields[i];
      if (typeof text === "string") row[names[i] ?? ""] = parsers[i]?.(text) ?? null;
    }
    this.#rows.push(row);
  }
  handleCommandComplete({ text }: { readonly text: string }): void {
    const one = this.#asked[this.#next++];
    // `INSERT 0 5`, `SELECT 3`, `BEGIN`
    const first = text.indexOf(" ");
    const count = first === -1 ? 0 : Number(text.slice(text.lastIndexOf(" ") + 1)) || 0;
    const rows = this.#rows;
    if (one?.name !== undefined && this.#shape === undefined && this.#prepared.get(one.name) === undefined)
      this.#prepared.set(one.name, NO_ROWS);
    this.#rows = [];
    this.#shape = undefined;
    one?.done({ rows, count, command: first === -1 ? text : text.slice(0, first) });
  }
  handleEmptyQuery(): void {
    this.handleCommandComplete({ text: "EMPTY" });
  }
  handleError(error: Error): void {
    const left = this.#asked.slice(this.#next);
    this.#next = this.#asked.length;
    for (const { name } of left)
      if (name !== undefined && this.#prepared.get(name) === undefined) this.#prepared.delete(name);
    for (const [index, one] of left.entries())
      one.failed(index === 0 || !goesOn(error) ? error : new PassedOver("a statement before it failed"));
  }
  handleReadyForQuery(): void {
    if (this.#next < this.#asked.length) this.handleError(new Error("PostgreSQL left a statement unanswered"));
  }

  #known(): Shape {
    const name = this.#asked[this.#next]?.name;
    return (name === undefined ? undefined : this.#prepared.get(name)) ?? NO_ROWS;
  }
}

/** Whether PostgreSQL refused one statement, and did not end the connection. */
function goesOn(error: Error): boolean {
  return (error as { severity?: unknown }).severity === "ERROR";
}
