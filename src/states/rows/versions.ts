import type { Reader, Transaction } from "../../store/store.ts";

/** A published version of a machine. */
export type VersionRow = {
  readonly machine: string;
  readonly number: number;
  readonly revision: string;
  readonly description: string | null;
  /** The settings as they were when it was published; see MachineRow. */
  readonly logging: string;
  readonly tracing: number;
  readonly encryption: string | null;
  readonly created_at: number;
};

const COLUMNS = "machine, number, revision, description, logging, tracing, encryption, created_at";

export function insertVersion(transaction: Transaction, row: VersionRow): Promise<number> {
  return transaction.run(`insert into states_version (${COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8)`, [
    row.machine,
    row.number,
    row.revision,
    row.description,
    row.logging,
    row.tracing,
    row.encryption,
    row.created_at,
  ]);
}

/** By the primary key. */
export function versionByNumber(reader: Reader, machine: string, number: number): Promise<VersionRow | undefined> {
  return reader.get<VersionRow>(`select ${COLUMNS} from states_version where machine = $1 and number = $2`, [
    machine,
    number,
  ]);
}

/** By states_version_revision. */
export function versionOfRevision(reader: Reader, machine: string, revision: string): Promise<VersionRow | undefined> {
  return reader.get<VersionRow>(
    `select ${COLUMNS} from states_version where machine = $1 and revision = $2 order by number desc limit 1`,
    [machine, revision],
  );
}

/** Walks the primary key backwards. */
export function versionsBefore(
  reader: Reader,
  machine: string,
  before: number,
  limit: number,
): Promise<{ number: number; created_at: number }[]> {
  return reader.all(
    "select number, created_at from states_version where machine = $1 and number < $2 order by number desc limit $3",
    [machine, before, limit],
  );
}

/** Walks the primary key up to the limit. */
export async function countVersions(reader: Reader, machine: string, limit: number): Promise<number> {
  const row = await reader.get<{ count: number }>(
    "select count(*) as count from (select number from states_version where machine = $1 limit $2) as counted",
    [machine, limit],
  );
  return row?.count ?? 0;
}

/** By the primary key. */
export function deleteVersion(transaction: Transaction, machine: string, number: number): Promise<number> {
  return transaction.run("delete from states_version where machine = $1 and number = $2", [machine, number]);
}

/** By the primary key's first part. */
export function deleteVersions(transaction: Transaction, machine: string): Promise<number> {
  return transaction.run("delete from states_version where machine = $1", [machine]);
}

/** By the primary key. */
export function updateLastVersion(transaction: Transaction, machine: string, number: number): Promise<number> {
  return transaction.run("update states_machine set last_version = $1 where arn = $2", [number, machine]);
}
