import type { LoggingConfiguration, UpdateStateMachineOutput } from "@aws-sdk/client-sfn";
import { fault } from "../../wire/fault.ts";
import { checkName, machineArn } from "../arns.ts";
import { checkDefinition, findings, isError, machineScope } from "../definitions.ts";
import { cutPage, pageSize, positionOf } from "../paging.ts";
import { publish } from "../publish.ts";
import {
  countMachines,
  insertMachine,
  insertRevision,
  machineByArn,
  machinesAfter,
  markDeleting,
  retireRevision,
  revisionById,
  updateMachine,
  type MachineRow,
  type RevisionRow,
} from "../rows/machines.ts";
import { versionOfRevision, type VersionRow } from "../rows/versions.ts";
import type { Handle, StatesHandlers, StatesParts } from "./handlers.ts";
import { deletingMachine, namedMachine, ownMachine, writableMachine } from "./own.ts";
import { checkRoleArn, checkSettings, encryptionOf, sameSettings, settingsOf, type Settings } from "./settings.ts";
import { mergedTags } from "./tags.ts";

const MOST_MACHINES = 10_000;

export function machineHandlers(own: StatesParts): StatesHandlers {
  return {
    CreateStateMachine: createStateMachine(own),
    UpdateStateMachine: updateStateMachine(own),
    DescribeStateMachine: describeStateMachine(own),
    ListStateMachines: listStateMachines(own),
    DeleteStateMachine: deleteStateMachine(own),
    ValidateStateMachineDefinition: validateStateMachineDefinition(own),
  };
}

function createStateMachine({ parts, offered }: StatesParts): Handle<"CreateStateMachine"> {
  return async (input, call) => {
    checkName(input.name);
    checkRoleArn(input.roleArn);
    const type = input.type ?? "STANDARD";
    checkSettings(input);
    checkDefinition(input.definition, type, offered);
    const arn = machineArn({ ...call, name: input.name });
    await call.passRole(input.roleArn, "states.amazonaws.com", arn);
    const now = parts.clock.now();
    const { name, definition } = input;
    const wanted = settingsOf(input, undefined);
    const tags = mergedTags([], input.tags ?? []);
    const revision = parts.clock.uuid();
    const creation = creationOf(input);
    return call.commit(async (transaction) => {
      const existing = await machineByArn(transaction, arn);
      if (existing) {
        if (existing.deleting === 1) deletingMachine(arn);
        const current = await revisionById(transaction, existing.revision);
        const same = sameSettings(existing, wanted) && (existing.creation ?? null) === creation;
        if (current?.definition !== definition || existing.type !== type || !same)
          throw fault("StateMachineAlreadyExists", `State Machine Already Exists: '${arn}'`);
        const version = creation === null ? undefined : await versionOfRevision(transaction, arn, existing.revision);
        return { stateMachineArn: arn, creationDate: new Date(existing.created_at), ...versionArn(version) };
      }
      const { account, region } = call;
      if ((await countMachines(transaction, account, region, MOST_MACHINES)) >= MOST_MACHINES)
        throw fault(
          "StateMachineLimitExceeded",
          `The maximum number of state machines has been reached: ${MOST_MACHINES}`,
        );
      await insertRevision(transaction, {
        id: revision,
        machine: arn,
        type,
        visible: 0,
        role_arn: input.roleArn,
        definition,
        logging: wanted.logging,
        created_at: now,
      });
      const machine = {
        arn,
        account,
        region,
        name,
        type,
        created_at: now,
        updated_at: null,
        revision,
        ...wanted,
        tags: JSON.stringify(tags),
        creation,
      };
      await insertMachine(transaction, machine);
      const version = input.publish
        ? await publish(transaction, machine, now, input.versionDescription ?? undefined)
        : undefined;
      transaction.bump(machineScope(arn));
      return { stateMachineArn: arn, creationDate: new Date(now), ...versionArn(version) };
    });
  };
}

/** What AWS compares of a repeated creation beside definition and settings. */
function creationOf({ publish: published, versionDescription }: Settings): string | null {
  return published === true ? JSON.stringify({ publish: true, versionDescription }) : null;
}

function versionArn(version: VersionRow | undefined): { stateMachineVersionArn?: string } {
  return version ? { stateMachineVersionArn: `${version.machine}:${version.number}` } : {};
}

function updateStateMachine({ parts, definitions, offered }: StatesParts): Handle<"UpdateStateMachine"> {
  return async (input, call) => {
    const arn = ownMachine(input.stateMachineArn, call);
    const changed = [input.loggingConfiguration, input.tracingConfiguration, input.encryptionConfiguration];
    if (input.definition === undefined && input.roleArn === undefined && changed.every((one) => one === undefined))
      throw fault(
        "MissingRequiredParameter",
        "Either the definition, the role ARN, the LoggingConfiguration, the TracingConfiguration, or the EncryptionConfiguration must be specified",
      );
    checkSettings(input);
    if (input.definition !== undefined) {
      const { type } = await call.read((reader) => definitions.existingMachine(reader, arn));
      checkDefinition(input.definition, type, offered);
    }
    if (input.roleArn !== undefined) {
      checkRoleArn(input.roleArn);
      await call.passRole(input.roleArn, "states.amazonaws.com", arn);
    }
    const now = parts.clock.now();
    const id = parts.clock.uuid();
    return call.commit(async (transaction): Promise<UpdateStateMachineOutput> => {
      const row = writableMachine(await machineByArn(transaction, arn), arn);
      const current = await revisionById(transaction, row.revision);
      if (!current) throw new Error(`the definition of ${arn} is gone`);
      const definition = input.definition ?? current.definition;
      const role_arn = input.roleArn ?? current.role_arn;
      const settings = settingsOf(input, row);
      const { type } = row;
      // AWS keeps the revision when nothing changes.
      const same = definition === current.definition && role_arn === current.role_arn && sameSettings(row, settings);
      if (!same) {
        await insertRevision(transaction, {
          id,
          machine: arn,
          type,
          visible: 1,
          role_arn,
          definition,
          logging: settings.logging,
          created_at: now,
        });
        await retireRevision(transaction, current.id, now);
      }
      const revision = same ? current : { id, visible: 1 };
      const after = { updated_at: now, revision: revision.id, ...settings };
      await updateMachine(transaction, arn, after);
      const version = input.publish
        ? await publish(transaction, { ...row, ...after }, now, input.versionDescription)
        : undefined;
      transaction.bump(machineScope(arn));
      return {
        updateDate: new Date(now),
        ...(revision.visible === 1 && { revisionId: revision.id }),
        ...versionArn(version),
      };
    });
  };
}

/** Of a version, or of the version that an alias names first, as it was published. */
function describeStateMachine({ definitions, targets }: StatesParts): Handle<"DescribeStateMachine"> {
  return async (input, call) => {
    const named = namedMachine(input.stateMachineArn, call);
    return call.read(async (reader) => {
      const { machine: row, version } = await targets.resolve(reader, named, () => 0);
      const revision = await revisionById(reader, row.revision);
      if (!revision) throw new Error(`the definition of ${named.arn} is gone`);
      const compiled = await definitions.revision(reader, row.revision);
      const { description = null } = version ?? {};
      return {
        ...described(row, revision, input.includedData === "METADATA_ONLY", compiled.machine.variableReferences),
        ...(version && { stateMachineArn: `${version.machine}:${version.number}` }),
        ...(description !== null && { description }),
        status: row.deleting === 1 ? ("DELETING" as const) : ("ACTIVE" as const),
        type: row.type,
        creationDate: new Date(version?.created_at ?? row.created_at),
      };
    });
  };
}

function listStateMachines(_own: StatesParts): Handle<"ListStateMachines"> {
  return async (input, call) => {
    const limit = pageSize(input.maxResults);
    const [after = ""] = positionOf("machines", input.nextToken, call.at) ?? [];
    const rows = await call.read((reader) =>
      machinesAfter(reader, call.account, call.region, String(after), limit + 1),
    );
    const { page, next } = cutPage(rows, limit, "machines", call.at, (row) => row.name);
    return {
      stateMachines: page.map((row) => ({
        stateMachineArn: row.arn,
        name: row.name,
        type: row.type,
        creationDate: new Date(row.created_at),
      })),
      ...next,
    };
  };
}

function deleteStateMachine({ parts }: StatesParts): Handle<"DeleteStateMachine"> {
  return async (input, call) => {
    const arn = ownMachine(input.stateMachineArn, call);
    return call.commit(async (transaction) => {
      // Running executions are ended and the machine leaves in the relay; deleting what is not there is no error on AWS.
      await markDeleting(transaction, arn);
      transaction.bump(machineScope(arn));
      const body = { machine: arn };
      await parts.relay.append(transaction, { kind: "states.delete", key: arn, trace: call.trace, body });
      return {};
    });
  };
}

function validateStateMachineDefinition({ offered }: StatesParts): Handle<"ValidateStateMachineDefinition"> {
  return async (input) => {
    const diagnostics = findings(input.definition, input.type ?? "STANDARD", offered);
    const severities = input.severity === "WARNING" ? ["ERROR", "WARNING"] : ["ERROR"];
    const told = diagnostics.filter(({ severity }) => severities.includes(severity));
    const limit = pageSize(input.maxResults);
    return {
      result: diagnostics.some(isError) ? ("FAIL" as const) : ("OK" as const),
      diagnostics: told.slice(0, limit).map((diagnostic) => ({ ...diagnostic })),
      truncated: told.length > limit,
    };
  };
}

/** The members that DescribeStateMachine and DescribeStateMachineForExecution share. */
export function described(
  row: Pick<MachineRow, "arn" | "name" | "logging" | "tracing" | "encryption" | "updated_at">,
  revision: RevisionRow,
  metadataOnly: boolean,
  variables: Readonly<Record<string, readonly string[]>>,
) {
  return {
    stateMachineArn: row.arn,
    name: row.name,
    // AWS: "If called with includedData = METADATA_ONLY, the returned definition will be {}."
    definition: metadataOnly ? "{}" : revision.definition,
    roleArn: revision.role_arn,
    loggingConfiguration: JSON.parse(row.logging) as LoggingConfiguration,
    tracingConfiguration: { enabled: row.tracing === 1 },
    encryptionConfiguration: encryptionOf(row.encryption),
    ...(revision.visible === 1 && { revisionId: revision.id }),
    ...(Object.keys(variables).length > 0 &&
      !metadataOnly && {
        variableReferences: Object.fromEntries(
          Object.entries(variables).map(([state, names]) => [state, names.toSorted()]),
        ),
      }),
  };
}
