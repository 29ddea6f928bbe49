import type { MigrationFile } from "../migrate.ts";

export type Column = { readonly name: string; readonly type: "text" | "bigint" | "bytea" };
/** A table as the migrations make it; `key` is a unique key, by which it is read page by page. */
export type Table = { readonly name: string; readonly columns: readonly Column[]; readonly key: readonly string[] };

/** Reads the tables from the migrations' own text, so that none can be forgotten. Understands what portable migrations may say, and throws at the rest. */
export function tablesOf(files: readonly MigrationFile[]): Table[] {
  const tables = new Map<string, { name: string; columns: Column[]; key: string[] }>();
  for (const { name: file, sql } of files)
    for (const statement of statementsOf(sql)) {
      const [, table, body] =
        /^create table (?:if not exists )?(\w+) \((.*)\)(?: without rowid| partition by .*)?$/.exec(statement) ?? [];
      const [, indexed, columns] =
        /^create unique index (?:if not exists )?\w+ on (\w+) \(([\w, ]+)\)$/.exec(statement) ?? [];
      const [, altered, added] = /^alter table (\w+) add column (.*)$/.exec(statement) ?? [];
      if (table !== undefined && body !== undefined) tables.set(table, tableOf(table, body));
      else if (indexed !== undefined && columns !== undefined) {
        const known = tables.get(indexed);
        if (known && known.key.length === 0) known.key = columns.split(",").map((column) => column.trim());
      } else if (altered !== undefined && added !== undefined) tables.get(altered)?.columns.push(columnOf(added));
      else if (statement.startsWith("drop table ")) tables.delete(statement.split(" ").at(-1) ?? "");
      else if (!/^(create index|drop index|insert|update|delete) /.test(statement))
        throw new Error(`${file} says what a move between stores does not understand: ${statement}`);
    }
  for (const { name, key } of tables.values()) if (key.length === 0) throw new Error(`table ${name} has no unique key`);
  return [...tables.values()];
}

function statementsOf(sql: string): string[] {
  return sql
    .replace(/--.*$/gm, "")
    .replace(/\/\*.*?\*\//gs, "")
    .split(";")
    .map((statement) => statement.replace(/\s+/g, " ").replace(/ \)/g, ")").replace(/\( /g, "(").trim())
    .filter((statement) => statement !== "");
}

function tableOf(name: string, body: string): { name: string; columns: Column[]; key: string[] } {
  const columns: Column[] = [];
  let key: string[] = [];
  for (const part of body.split(/,(?![^(]*\))/).map((text) => text.trim())) {
    const [, primary] = /^primary key \(([\w, ]+)\)$/.exec(part) ?? [];
    if (primary !== undefined) key = primary.split(",").map((column) => column.trim());
    else {
      const column = columnOf(part);
      columns.push(column);
      if (part.includes(" primary key")) key = [column.name];
    }
  }
  return { name, columns, key };
}

function columnOf(text: string): Column {
  const [, name = "", type = ""] = /^(\w+) (\w+)/.exec(text) ?? [];
  if (type !== "text" && type !== "bigint" && type !== "bytea") throw new Error(`a column that no store has: ${text}`);
  return { name, type };
}
