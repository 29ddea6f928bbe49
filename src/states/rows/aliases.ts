import type { Reader, Transaction } from "../../store/store.ts";

/** A name that sends executions to versions. */
export type AliasRow = {
  readonly machine: string;
  readonly name: string;
  readonly description: string | null;
  /** JSON: [[number, weight], …] */
  readonly routing: string;
  readonly created_at: number;
  readonly updated_at: number | null;
};

const COLUMNS = "machine, name, description, routing, created_at, updated_at";

export function insertAlias(transaction: Transaction, row: AliasRow): Promise<number> {
  return transaction.run(`insert into states_alias (${COLUMNS}) values ($1, $2, $3, $4, $5, $6)`, [
    row.machine,
    row.name,
    row.description,
    row.routing,
    row.created_at,
    row.updated_at,
  ]);
}

/** By the primary key. */
export function aliasByName(reader: Reader, machine: string, name: string): Promise<AliasRow | undefined> {
  return reader.get<AliasRow>(`select ${COLUMNS} from states_alias where machine = $1 and name = $2`, [machine, name]);
}

/** Walks the primary key from a name on. */
export function aliasesAfter(reader: Reader, machine: string, after: string, limit: number): Promise<AliasRow[]> {
  return reader.all<AliasRow>(
    `select ${COLUMNS} from states_alias where machine = $1 and name > $2 order by name limit $3`,
    [machine, after, limit],
  );
}

/** By the primary key. */
export function updateAlias(
  transaction: Transaction,
  row: Pick<AliasRow, "machine" | "name" | "description" | "routing" | "updated_at">,
): Promise<number> {
  return transaction.run(
    "update states_alias set description = $1, routing = $2, updated_at = $3 where machine = $4 and name = $5",
    [row.description, row.routing, row.updated_at, row.machine, row.name],
  );
}

/** By the primary key. */
export function deleteAlias(transaction: Transaction, machine: string, name: string): Promise<number> {
  return transaction.run("delete from states_alias where machine = $1 and name = $2", [machine, name]);
}

/** By the primary key's first part. */
export function deleteAliases(transaction: Transaction, machine: string): Promise<number> {
  return transaction.run("delete from states_alias where machine = $1", [machine]);
}
