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
  readonly many: string | undefined;
  /** Only statements that changed exactly one row this many times in a row are put off. */
  trust: number;
};

const INSERT = /^insert into (\w+) \(([^()]*)\) values \(([^()]*)\)(?: (on conflict .*))?$/s;
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
  const fixed = { sql, tables, sent: sql, many: undefined };
  if (sql.startsWith("select")) return { ...fixed, kind: "read", certain: false, trust: 0 };
  const [, table = "", columns = "", values = "", conflict] = INSERT.exec(sql) ?? [];
  if (table === "") {
    const plain = /^(update|delete) /.test(sql) && !/\breturning\b/.test(sql);
    return { ...fixed, kind: plain ? "write" : "other", certain: false, trust: 0 };
  }
  if (conflict === undefined || conflict.endsWith(" do nothing")) {
    const sent = conflict === undefined ? sql : sql.slice(0, -conflict.length - 1);
    const many = manyOf(table, columns.split(","), values.split(","), types);
    return { ...fixed, kind: "write", sent, many, certain: true, trust: TRUSTED };
  }
  const certain = !/ (where|returning) /.test(conflict);
  return { ...fixed, kind: / returning /.test(conflict) ? "other" : "write", certain, trust: certain ? TRUSTED : 0 };
}

/** Bytes would have to be written as hexadecimal text inside an array: such rows go one by one. */
function manyOf(table: string, columns: string[], values: string[], types: ColumnTypes): string | undefined {
  const arrays: string[] = [];
  const chosen: string[] = [];
  for (const [index, value] of values.entries()) {
    const type = types.get(`${table}.${columns[index]?.trim() ?? ""}`);
    if (type === undefined || type === "bytea") return undefined;
    const parameter = /^\$(\d+)$/.exec(value.trim())?.[1];
    if (parameter === undefined) {
      if (!/^(\d+|null|'\w*')$/.test(value.trim())) return undefined;
      chosen.push(`${value.trim()}::${type}`);
    } else {
      const place = Number(parameter) - 1;
      if (arrays[place] !== undefined) return undefined;
      arrays[place] = `$${parameter}::${type}[]`;
      chosen.push(`u.p${parameter}`);
    }
  }
  if (arrays.length === 0 || arrays.includes(undefined as never)) return undefined;
  const names = arrays.map((_, place) => `p${place + 1}`).join(", ");
  return `insert into ${table} (${columns.join(",")}) select ${chosen.join(", ")} from unnest(${arrays.join(", ")}) as u(${names})`;
}

/** Rows, one a statement, as one array for each parameter. */
export function columnsOf(rows: readonly (readonly Value[])[]): Value[][] {
  const width = rows[0]?.length ?? 0;
  return Array.from({ length: width }, (_, place) => rows.map((row) => row[place] ?? null));
}
