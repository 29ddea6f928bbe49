import type { MachineType } from "../asl/types.ts";
import type { Reader, Transaction } from "../../store/store.ts";

/** A machine as it is now, joined with its current revision. */
export type MachineRow = {
  readonly arn: string;
  readonly account: string;
  readonly region: string;
  readonly name: string;
  readonly type: MachineType;
  readonly created_at: number;
  readonly updated_at: number | null;
  readonly revision: string;
  /** JSON of the LoggingConfiguration. */
  readonly logging: string;
  readonly tracing: number;
  /** JSON of the EncryptionConfiguration, if one was given. */
  readonly encryption: string | null;
  /** JSON: [[key, value], …] */
  readonly tags: string;
  /** The last number that a version was given. */
  readonly last_version?: number | null;
  /** 1 while its running executions are ended. */
  readonly deleting?: number | null;
  /** JSON: what its creation said of publishing; null if nothing. */
  readonly creation?: string | null;
};
export type RevisionRow = {
  readonly id: string;
  readonly machine: string;
  readonly type: MachineType;
  readonly visible: number;
  readonly role_arn: string;
  readonly definition: string;
  /** JSON of the LoggingConfiguration; null in revisions from before there was logging. */
  readonly logging: string | null;
  readonly created_at: number;
};

/** By the primary key. */
export function machineByArn(reader: Reader, arn: string): Promise<MachineRow | undefined> {
  return reader.get<MachineRow>(
    "select arn, account, region, name, type, created_at, updated_at, revision, logging, tracing, encryption, tags, last_version, deleting, creation from states_machine where arn = $1",
    [arn],
  );
}

/** By the primary key. */
export function revisionById(reader: Reader, id: string): Promise<RevisionRow | undefined> {
  return reader.get<RevisionRow>(
    "select id, machine, type, visible, role_arn, definition, logging, created_at from states_revision where id = $1",
    [id],
  );
}

/** Walks states_machine_names from a name on. */
export function machinesAfter(
  reader: Reader,
  account: string,
  region: string,
  after: string,
  limit: number,
): Promise<{ arn: string; name: string; type: MachineType; created_at: number }[]> {
  return reader.all(
    "select arn, name, type, created_at from states_machine where account = $1 and region = $2 and name > $3 order by name limit $4",
    [account, region, after, limit],
  );
}

export function insertMachine(transaction: Transaction, row: MachineRow): Promise<number> {
  return transaction.run(
    "insert into states_machine (arn, account, region, name, type, created_at, updated_at, revision, logging, tracing, encryption, tags, creation) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    [
      row.arn,
      row.account,
      row.region,
      row.name,
      row.type,
      row.created_at,
      row.updated_at,
      row.revision,
      row.logging,
      row.tracing,
      row.encryption,
      row.tags,
      row.creation ?? null,
    ],
  );
}

export function insertRevision(transaction: Transaction, row: RevisionRow): Promise<number> {
  return transaction.run(
    "insert into states_revision (id, machine, type, visible, role_arn, definition, logging, created_at, retired_at) values ($1, $2, $3, $4, $5, $6, $7, $8, null)",
    [row.id, row.machine, row.type, row.visible, row.role_arn, row.definition, row.logging, row.created_at],
  );
}

/** By the primary key. */
export function updateMachine(
  transaction: Transaction,
  arn: string,
  row: Pick<MachineRow, "updated_at" | "revision" | "logging" | "tracing" | "encryption">,
): Promise<number> {
  return transaction.run(
    "update states_machine set updated_at = $1, revision = $2, logging = $3, tracing = $4, encryption = $5 where arn = $6",
    [row.updated_at, row.revision, row.logging, row.tracing, row.encryption, arn],
  );
}

/** By the primary key. */
export function updateTags(transaction: Transaction, arn: string, tags: string): Promise<number> {
  return transaction.run("update states_machine set tags = $1 where arn = $2", [tags, arn]);
}

/** By the primary key. */
export function markDeleting(transaction: Transaction, arn: string): Promise<number> {
  return transaction.run("update states_machine set deleting = 1 where arn = $1", [arn]);
}

/** Walks states_machine_names up to the limit. */
export async function countMachines(reader: Reader, account: string, region: string, limit: number): Promise<number> {
  const row = await reader.get<{ count: number }>(
    "select count(*) as count from (select name from states_machine where account = $1 and region = $2 limit $3) as counted",
    [account, region, limit],
  );
  return row?.count ?? 0;
}

/** By the primary key. */
export function deleteMachine(transaction: Transaction, arn: string): Promise<number> {
  return transaction.run("delete from states_machine where arn = $1", [arn]);
}

/** By the primary key. */
export function retireRevision(transaction: Transaction, id: string, at: number): Promise<number> {
  return transaction.run("update states_revision set retired_at = $1 where id = $2", [at, id]);
}

/** Walks states_revision_machine: the machine leaves, and with it all that it was. */
export function retireRevisions(transaction: Transaction, machine: string, at: number): Promise<number> {
  return transaction.run("update states_revision set retired_at = $1 where machine = $2", [at, machine]);
}

/** Walks states_revision_machine and states_version_revision: a version keeps its revision. */
export function deleteRetiredRevisions(transaction: Transaction, machine: string, before: number): Promise<number> {
  return transaction.run(
    "delete from states_revision where machine = $1 and retired_at < $2 and not exists (select 1 from states_version where states_version.machine = $1 and states_version.revision = states_revision.id)",
    [machine, before],
  );
}

/** The next machine that has revisions, by states_revision_machine: also those that were deleted. */
export async function nextMachineWithRevisions(reader: Reader, after: string): Promise<string | undefined> {
  const row = await reader.get<{ machine: string }>(
    "select machine from states_revision where machine > $1 order by machine limit 1",
    [after],
  );
  return row?.machine;
}
