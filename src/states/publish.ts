import type { Transaction } from "../store/store.ts";
import { fault } from "../wire/fault.ts";
import type { MachineRow } from "./rows/machines.ts";
import {
  countVersions,
  insertVersion,
  updateLastVersion,
  versionOfRevision,
  type VersionRow,
} from "./rows/versions.ts";

const MOST_VERSIONS = 1_000;

type Publishing = Pick<MachineRow, "arn" | "revision" | "logging" | "tracing" | "encryption" | "last_version">;

/**
 * Publishes a machine's current revision, once: AWS answers a repeated publishing with the version that is there.
 * The caller bumps the machine's scope.
 */
export async function publish(
  transaction: Transaction,
  machine: Publishing,
  now: number,
  description: string | undefined,
): Promise<VersionRow> {
  const { arn, revision, logging, tracing, encryption, last_version } = machine;
  const existing = await versionOfRevision(transaction, arn, revision);
  if (existing) return existing;
  if ((await countVersions(transaction, arn, MOST_VERSIONS)) >= MOST_VERSIONS)
    throw fault(
      "ServiceQuotaExceededException",
      `The maximum number of versions of a state machine has been reached: ${MOST_VERSIONS}`,
    );
  const number = (last_version ?? 0) + 1;
  const version = {
    machine: arn,
    number,
    revision,
    description: description ?? null,
    logging,
    tracing,
    encryption,
    created_at: now,
  };
  await insertVersion(transaction, version);
  await updateLastVersion(transaction, arn, number);
  return version;
}
