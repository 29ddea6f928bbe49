import { VersionedCache } from "../store/cache.ts";
import type { Reader } from "../store/store.ts";
import { fault } from "../wire/fault.ts";
import { compile, InvalidDefinition, validate, type Machine } from "./asl/machine.ts";

import type { Diagnostic, MachineType } from "./asl/types.ts";
import { loggingOf, type Logging } from "./logs/entry.ts";
import { machineByArn, revisionById, type MachineRow, type RevisionRow } from "./rows/machines.ts";
import type { Offered } from "./tasks/offered.ts";
import { parameterFindings } from "./tasks/parameters.ts";
import { refusalOf, targetOf } from "./tasks/target.ts";

/** A revision of a machine, compiled. */
export type Revision = {
  readonly id: string;
  readonly roleArn: string;
  readonly machine: Machine;
  /** Absent if its executions log nothing. */
  readonly logging?: Logging;
};

/** What an execution of this machine's ARN runs: the machine, or for the children of a map run (`…/label`) its processor. */
export function machineOf(revision: Revision, arn: string): Machine {
  const slash = arn.indexOf("/");
  if (slash < 0) return revision.machine;
  const processor = revision.machine.processors.get(arn.slice(slash + 1));
  if (!processor) throw new Error(`revision ${revision.id} has no Distributed Map for ${arn}`);
  return processor;
}

/** The scope that changes of a machine bump. */
export function machineScope(arn: string): string {
  return `states/machine/${arn}`;
}

/** Machines as they are, and their definitions compiled, each kept as long as it is good. */
export class Definitions {
  readonly #machines = new VersionedCache<MachineRow | undefined>(4_000);
  /** Revisions never change, so the cache needs no version. */
  readonly #revisions = new Map<string, Revision>();
  readonly #limit = 1_000;

  machine(reader: Reader, arn: string): Promise<MachineRow | undefined> {
    return this.#machines.get(reader, arn, (from) => machineByArn(from, arn), machineScope(arn));
  }

  /** Throws AWS's StateMachineDoesNotExist if there is none. */
  async existingMachine(reader: Reader, arn: string): Promise<MachineRow> {
    return (await this.machine(reader, arn)) ?? missingMachine(arn);
  }

  async revision(reader: Reader, id: string): Promise<Revision> {
    const known = this.#revisions.get(id);
    if (known) return known;
    const row = await revisionById(reader, id);
    if (!row) throw new Error(`the definition of revision ${id} is gone`);
    return this.#keep(row);
  }

  #keep(row: RevisionRow): Revision {
    const machine = compile(row.definition, row.type);
    const logging = loggingOf(row.logging);
    const revision: Revision = { id: row.id, roleArn: row.role_arn, machine, ...(logging && { logging }) };
    this.#revisions.set(row.id, revision);
    if (this.#revisions.size > this.#limit) {
      const oldest = this.#revisions.keys().next();
      if (!oldest.done) this.#revisions.delete(oldest.value);
    }
    return revision;
  }
}

export function missingMachine(arn: string): never {
  throw fault("StateMachineDoesNotExist", `State Machine Does Not Exist: '${arn}'`);
}

/** Everything that speaks against a definition: what the language finds, and tasks that nobody here could do. */
export function findings(definition: string, type: MachineType, offered: Offered = EVERYTHING): readonly Diagnostic[] {
  const found = validate(definition, type);
  if (found.some(isError)) return found;
  return [...unserved(compile(definition, type), offered), ...found];
}

/** Throws AWS's InvalidDefinition for a definition that was given to Create or Update. */
export function checkDefinition(definition: string, type: MachineType, offered: Offered = EVERYTHING): void {
  let refused: InvalidDefinition | undefined;
  try {
    const missing = unserved(compile(definition, type), offered);
    if (missing.length > 0) refused = new InvalidDefinition(missing);
  } catch (error) {
    if (!(error instanceof InvalidDefinition)) throw error;
    refused = error;
  }
  if (refused) throw fault("InvalidDefinition", refused.message);
}

export function isError({ severity }: Diagnostic): boolean {
  return severity === "ERROR";
}

/** Where nobody says what is there, only what no installation has is refused. */
const EVERYTHING: Offered = { serves: () => true, allowMissing: false };

function unserved(machine: Machine, offered: Offered): Diagnostic[] {
  return machine.tasks.flatMap((task): Diagnostic[] => {
    const { resource, location } = task;
    const message = refusalOf(resource, offered);
    if (message !== undefined) return [{ severity: "ERROR", code: "SCHEMA_VALIDATION_FAILED", message, location }];
    const target = targetOf(resource);
    return target.kind === "refused" ? [] : parameterFindings(task, target);
  });
}
