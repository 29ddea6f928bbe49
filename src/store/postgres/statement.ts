import { isSendable, type Column } from "./columns.ts";
import type { Value } from "../store.ts";

/** The type of each column, by `table.column`. */
export type ColumnTypes = ReadonlyMap<string, string>;

/** What is known of a statement from its text. */
export type Statement = {
  readonly sql: string;
  /** `read` changes nothing; a `write` may wait in the buffer; `other` has to be sent at once. */
  readonly kind: "read" | "write" | "other";
  readonly tables: readonly string[];
  /** An insert is sent without its `on conflict … do nothing`, so that a conflict shows itself. */
  readonly sent: string;
  /** Whether the number of rows it changes is certain if it succeeds at all: then nobody has to look. */
  readonly certain: boolean;
  /** The same for many rows at once, as `unnest` of one array a parameter. */
  readonly many: Many | undefined;
  /** The columns that are given by a parameter for every row that it reads or leaves: their parameters' places. */
  readonly fixed: ReadonlyMap<string, number>;
  /** Only statements that changed exactly one row this many times in a row are put off. */
  trust: number;
};

type Many = { readonly sql: string; readonly types: readonly string[] };

const INSERT = /^insert into (\w+) \(([^()]*)\) values \(([^()]*)\)(?: (on conflict .*))?$/s;
/** The condition of a plain select, and the parts of a plain change. */
const READ = /^select .*? from \w+ where (.*?)(?: order by .*| limit .*| for update.*)?$/s;
const CHANGE = /^(update|delete from) (\w+)(?: set (.*?))? where (.*)$/s;
const EQUAL = /^(\w+) = (\$\d+)$/;
const TABLE = /\b(?:from|join|into|update)\s+([a-z_]\w*)/g;
const TRUSTED = 8;

/** Statements by their text. The texts are constants of the code, so their number is bounded. */
export class Statements {
  readonly #known = new Map<string, Statement>();
  readonly #types: ColumnTypes;
  constructor(types: ColumnTypes) {
    this.#types = types;
  }
  of(sql: string): Statement {
    let statement = this.#known.get(sql);
    if (!statement) {
      statement = analyse(sql, this.#types);
      this.#known.set(sql, statement);
    }
    return statement;
  }
  /** A put-off insert met a row that was there: for a while, inserts into this table are asked at once. */
  distrust(table: string): void {
    for (const statement of this.#known.values())
      if (statement.kind === "write" && statement.tables[0] === table) statement.trust = -8 * TRUSTED;
  }
}

/** Notes how many rows it changed when it was asked at once. */
export function learn(statement: Statement, count: number): void {
  statement.trust = count === 1 ? statement.trust + 1 : Math.min(statement.trust, 0);
}
export function isTrusted(statement: Statement): boolean {
  return statement.trust >= TRUSTED;
}

function analyse(sql: string, types: ColumnTypes): Statement {
  const tables = [...new Set([...sql.matchAll(TABLE)].map(([, table = ""]) => table))];
  const plain = { sql, tables, sent: sql, many: undefined, certain: false, trust: 0 };
  if (sql.startsWith("select")) return { ...plain, kind: "read", fixed: fixedBy(READ.exec(sql)?.[1], tables) };
  const [, table = "", columns = "", values = "", conflict] = INSERT.exec(sql) ?? [];
  if (table === "") {
    if (!/^(update|delete) /.test(sql) || /\breturning\b/.test(sql))
      return { ...plain, kind: "other", fixed: new Map() };
    return { ...plain, kind: "write", ...changeOf(sql, tables, types) };
  }
  if (conflict === undefined || conflict.endsWith(" do nothing")) {
    const sent = conflict === undefined ? sql : sql.slice(0, -conflict.length - 1);
    const names = columns.split(",").map((name) => name.trim());
    const given = values.split(",").map((value) => value.trim());
    const many = manyInserts(table, names, given, types);
    const fixed = new Map(names.flatMap((name, i) => placeOf(given[i] ?? "").map((place) => [name, place] as const)));
    return { ...plain, kind: "write", sent, many, certain: true, trust: TRUSTED, fixed };
  }
  const certain = !/ (where|returning) /.test(conflict);
  const kind = / returning /.test(conflict) ? "other" : "write";
  return { ...plain, kind, certain, trust: certain ? TRUSTED : 0, fixed: new Map() };
}

/** `$3` is at place 2. */
function placeOf(value: string): number[] {
  const [, number] = /^\$(\d+)$/.exec(value) ?? [];
  return number === undefined ? [] : [Number(number) - 1];
}

/** The columns that a condition binds to a parameter each. */
function fixedBy(condition: string | undefined, tables: readonly string[]): Map<string, number> {
  if (condition === undefined || tables.length !== 1 || /\b(?:or|select|from|where)\b/.test(condition))
    return new Map();
  return new Map(
    condition.split(" and ").flatMap((part) => {
      const [, name = "", value = ""] = EQUAL.exec(part.trim()) ?? [];
      return placeOf(value).map((place) => [name, place] as const);
    }),
  );
}

/** An update or a delete of what a condition finds. */
function changeOf(
  sql: string,
  tables: readonly string[],
  types: ColumnTypes,
): Pick<Statement, "fixed"> & Partial<Pick<Statement, "many">> {
  const [, verb = "", table = "", sets = "", condition = ""] = CHANGE.exec(sql) ?? [];
  const fixed = fixedBy(condition, tables);
  if (table === "" || fixed.size === 0) return { fixed };
  const assigned = sets === "" ? [] : sets.split(", ").map((one) => one.split(" = "));
  const arrays = new Arrays(types, table);
  const wheres = condition.split(" and ").map((part) => {
    const [, name = "", value = ""] = EQUAL.exec(part) ?? [];
    if (name !== "" && placeOf(value).length > 0) return `t.${name} = ${arrays.of(name, value)}`;
    if (/^\w+ (?:=|<>) \d+$/.test(part)) return `t.${part}`;
    return undefined;
  });
  const given = assigned.map(([name = "", value = ""]) => `${name} = ${arrays.of(name, value)}`);
  // A row may come to lie where it did not lie before: what is assigned fixes nothing.
  for (const [name = ""] of assigned) fixed.delete(name);
  const unnested = arrays.unnested();
  if (unnested === undefined || wheres.includes(undefined)) return { fixed };
  const where = wheres.join(" and ");
  const many =
    verb === "delete from"
      ? `delete from ${table} as t using ${unnested.sql} where ${where}`
      : `update ${table} as t set ${given.join(", ")} from ${unnested.sql} where ${where}`;
  return { fixed, many: { sql: many, types: unnested.types } };
}

function manyInserts(
  table: string,
  columns: readonly string[],
  values: readonly string[],
  types: ColumnTypes,
): Many | undefined {
  const arrays = new Arrays(types, table);
  const chosen = values.map((value, index) => arrays.of(columns[index] ?? "", value));
  const unnested = arrays.unnested();
  if (unnested === undefined) return undefined;
  const sql = `insert into ${table} (${columns.join(", ")}) select ${chosen.join(", ")} from ${unnested.sql}`;
  return { sql, types: unnested.types };
}

/** A statement's parameters as arrays, by the columns that they belong to. */
class Arrays {
  readonly #types: ColumnTypes;
  readonly #table: string;
  readonly #arrays: string[] = [];
  #possible = true;
  constructor(types: ColumnTypes, table: string) {
    this.#types = types;
    this.#table = table;
  }
  /** What a column's value is, in a statement of many rows. */
  of(column: string, value: string): string {
    const type = this.#types.get(`${this.#table}.${column}`);
    const [place] = placeOf(value);
    if (type === undefined || (place === undefined && !/^(\d+|null|'\w*')$/.test(value))) this.#possible = false;
    if (place === undefined) return `${value}::${type ?? ""}`;
    if (this.#arrays[place] !== undefined || !isSendable(type ?? "")) this.#possible = false;
    this.#arrays[place] = type ?? "";
    return `u.p${place + 1}`;
  }
  unnested(): Many | undefined {
    const types = Array.from(this.#arrays);
    if (!this.#possible || types.length === 0 || types.includes(undefined as never)) return undefined;
    const arrays = types.map((type, place) => `$${place + 1}::${type}[]`).join(", ");
    return { sql: `unnest(${arrays}) as u(${types.map((_, place) => `p${place + 1}`).join(", ")})`, types };
  }
}

/** Rows, one a statement, as one array for each parameter. */
export function columnsOf(rows: readonly (readonly Value[])[], types: readonly string[]): Column[] {
  return types.map((type, place) => ({ type, values: rows.map((row) => row[place] ?? null) }));
}

type Bound = { readonly statement: Statement; readonly parameters: readonly Value[] };
/** Whether two statements on one table certainly have to do with different rows. */
export function areApart(one: Bound, other: Bound): boolean {
  for (const [name, place] of one.statement.fixed) {
    const otherPlace = other.statement.fixed.get(name);
    if (otherPlace === undefined) continue;
    const [a, b] = [one.parameters[place], other.parameters[otherPlace]];
    if (a !== b && typeof a === typeof b && (typeof a === "string" || typeof a === "number")) return true;
  }
  return false;
}
