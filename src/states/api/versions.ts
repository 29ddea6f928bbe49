import { fault } from "../../wire/fault.ts";
import { machineScope } from "../definitions.ts";
import { cutPage, pageSize, positionOf } from "../paging.ts";
import { publish } from "../publish.ts";
import { aliasesAfter } from "../rows/aliases.ts";
import { machineByArn, retireRevision, revisionById } from "../rows/machines.ts";
import { deleteVersion, versionByNumber, versionsBefore } from "../rows/versions.ts";
import { isNumber, routingOf } from "../targets.ts";
import type { Handle, StatesHandlers, StatesParts } from "./handlers.ts";
import { namedMachine, ownMachine, writableMachine } from "./own.ts";

export function versionHandlers(own: StatesParts): StatesHandlers {
  return {
    PublishStateMachineVersion: publishStateMachineVersion(own),
    ListStateMachineVersions: listStateMachineVersions(),
    DeleteStateMachineVersion: deleteStateMachineVersion(own),
  };
}

/** AWS: "To specify an initial revision ID for a state machine with no revision ID assigned, specify the string INITIAL". */
const INITIAL = "INITIAL";

function publishStateMachineVersion({ parts }: StatesParts): Handle<"PublishStateMachineVersion"> {
  return async (input, call) => {
    const arn = ownMachine(input.stateMachineArn, call);
    const now = parts.clock.now();
    return call.commit(async (transaction) => {
      const machine = writableMachine(await machineByArn(transaction, arn), arn);
      if (input.revisionId !== undefined) {
        const revision = await revisionById(transaction, machine.revision);
        const current = revision?.visible === 1 ? revision.id : INITIAL;
        if (current !== input.revisionId)
          throw fault(
            "ConflictException",
            `Failed to publish the State Machine version for revision ${input.revisionId}. The current State Machine revision is ${current}.`,
          );
      }
      const version = await publish(transaction, machine, now, input.description);
      transaction.bump(machineScope(arn));
      return { creationDate: new Date(version.created_at), stateMachineVersionArn: `${arn}:${version.number}` };
    });
  };
}

/** Newest first. A machine that is not there has no versions, which is no error on AWS. */
function listStateMachineVersions(): Handle<"ListStateMachineVersions"> {
  return async (input, call) => {
    const machine = ownMachine(input.stateMachineArn, call);
    const limit = pageSize(input.maxResults);
    const list = `versions ${machine}`;
    const [before = Number.MAX_SAFE_INTEGER] = positionOf(list, input.nextToken, call.at) ?? [];
    const rows = await call.read((reader) => versionsBefore(reader, machine, Number(before), limit + 1));
    const { page, next } = cutPage(rows, limit, list, call.at, (row) => row.number);
    return {
      stateMachineVersions: page.map(({ number, created_at }) => ({
        stateMachineVersionArn: `${machine}:${number}`,
        creationDate: new Date(created_at),
      })),
      ...next,
    };
  };
}

/** A machine has at most so many aliases. */
const ALL_ALIASES = 1_000;

/** Running executions go on; deleting what is not there is no error on AWS. */
function deleteStateMachineVersion({ parts }: StatesParts): Handle<"DeleteStateMachineVersion"> {
  return async (input, call) => {
    const { arn, machine, qualifier } = namedMachine(input.stateMachineVersionArn, call);
    if (qualifier === undefined || !isNumber(qualifier))
      throw fault("ValidationException", `The ARN does not name a version of a state machine: '${arn}'`);
    const number = Number(qualifier);
    return call.commit(async (transaction) => {
      const row = await machineByArn(transaction, machine);
      const version = await versionByNumber(transaction, machine, number);
      if (!row || !version) return {};
      const aliases = await aliasesAfter(transaction, machine, "", ALL_ALIASES);
      const users = aliases.filter((alias) => routingOf(alias).some(([routed]) => routed === number));
      if (users.length > 0)
        throw fault(
          "ConflictException",
          `Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: [${users.map(({ name }) => name).join(", ")}]`,
        );
      await deleteVersion(transaction, machine, number);
      if (version.revision !== row.revision) await retireRevision(transaction, version.revision, parts.clock.now());
      transaction.bump(machineScope(machine));
      return {};
    });
  };
}
