import type { RoutingConfigurationListItem } from "@aws-sdk/client-sfn";
import type { CallFacts } from "../../flow.ts";
import type { Transaction } from "../../store/store.ts";
import { fault } from "../../wire/fault.ts";
import { machineScope, missingMachine } from "../definitions.ts";
import { cutPage, pageSize, positionOf } from "../paging.ts";
import { aliasByName, aliasesAfter, deleteAlias, insertAlias, updateAlias, type AliasRow } from "../rows/aliases.ts";
import { machineByArn } from "../rows/machines.ts";
import { versionByNumber } from "../rows/versions.ts";
import { isNumber, routingOf, type Routing } from "../targets.ts";
import type { Handle, StatesHandlers, StatesParts } from "./handlers.ts";
import { namedMachine, writableMachine } from "./own.ts";

const MOST_ALIASES = 100;

export function aliasHandlers(own: StatesParts): StatesHandlers {
  return {
    CreateStateMachineAlias: createStateMachineAlias(own),
    DescribeStateMachineAlias: describeStateMachineAlias(),
    UpdateStateMachineAlias: updateStateMachineAlias(own),
    DeleteStateMachineAlias: deleteStateMachineAlias(),
    ListStateMachineAliases: listStateMachineAliases(),
  };
}

/** AWS answers a repeated creation with the alias that is there, unless its routing or description differs. */
function createStateMachineAlias({ parts }: StatesParts): Handle<"CreateStateMachineAlias"> {
  return async (input, call) => {
    const { name, description = null } = input;
    const { machine, routing } = routed(input.routingConfiguration, call);
    const now = parts.clock.now();
    return call.commit(async (transaction) => {
      await checkVersions(transaction, machine, routing);
      const stateMachineAliasArn = `${machine}:${name}`;
      const text = JSON.stringify(routing);
      const existing = await aliasByName(transaction, machine, name);
      if (existing) {
        if (existing.routing !== text || existing.description !== description)
          throw fault(
            "ConflictException",
            "Failed to create alias because an alias with the same name and a different routing configuration already exists.",
          );
        return { stateMachineAliasArn, creationDate: new Date(existing.created_at) };
      }
      if ((await aliasesAfter(transaction, machine, "", MOST_ALIASES)).length >= MOST_ALIASES)
        throw fault(
          "ServiceQuotaExceededException",
          `The maximum number of aliases of a state machine has been reached: ${MOST_ALIASES}`,
        );
      await insertAlias(transaction, { machine, name, description, routing: text, created_at: now, updated_at: null });
      transaction.bump(machineScope(machine));
      return { stateMachineAliasArn, creationDate: new Date(now) };
    });
  };
}

function describeStateMachineAlias(): Handle<"DescribeStateMachineAlias"> {
  return async (input, call) => {
    const { machine, name } = namedAlias(input.stateMachineAliasArn, call);
    const row = (await call.read((reader) => aliasByName(reader, machine, name))) ?? missing();
    return {
      stateMachineAliasArn: `${machine}:${name}`,
      name,
      ...(row.description !== null && { description: row.description }),
      routingConfiguration: routingOf(row).map(([number, weight]) => ({
        stateMachineVersionArn: `${machine}:${number}`,
        weight,
      })),
      creationDate: new Date(row.created_at),
      updateDate: new Date(row.updated_at ?? row.created_at),
    };
  };
}

/** Starts that come after the answer are routed anew. */
function updateStateMachineAlias({ parts }: StatesParts): Handle<"UpdateStateMachineAlias"> {
  return async (input, call) => {
    const { machine, name } = namedAlias(input.stateMachineAliasArn, call);
    const { description, routingConfiguration } = input;
    if (description === undefined && routingConfiguration === undefined)
      throw fault("ValidationException", "Either the description or the routingConfiguration must be specified", {
        detail: { reason: "MISSING_REQUIRED_PARAMETER" },
      });
    const wanted = routingConfiguration && routed(routingConfiguration, call);
    if (wanted && wanted.machine !== machine)
      throw invalidRouting(
        "Routing configuration must contain versions of the alias's state machine.",
        routingConfiguration,
      );
    const now = parts.clock.now();
    return call.commit(async (transaction) => {
      writableMachine(await machineByArn(transaction, machine), machine);
      const row = (await aliasByName(transaction, machine, name)) ?? missing();
      if (wanted) await checkVersions(transaction, machine, wanted.routing);
      const routing = wanted ? JSON.stringify(wanted.routing) : row.routing;
      await updateAlias(transaction, {
        machine,
        name,
        routing,
        description: description ?? row.description,
        updated_at: now,
      });
      transaction.bump(machineScope(machine));
      return { updateDate: new Date(now) };
    });
  };
}

function deleteStateMachineAlias(): Handle<"DeleteStateMachineAlias"> {
  return async (input, call) => {
    const { machine, name } = namedAlias(input.stateMachineAliasArn, call);
    return call.commit(async (transaction) => {
      if ((await deleteAlias(transaction, machine, name)) === 0) missing();
      transaction.bump(machineScope(machine));
      return {};
    });
  };
}

/** Of a machine, or of a version: then those that lead to it. */
function listStateMachineAliases(): Handle<"ListStateMachineAliases"> {
  return async (input, call) => {
    const { arn, machine, qualifier } = namedMachine(input.stateMachineArn, call);
    const limit = pageSize(input.maxResults);
    const list = `aliases ${arn}`;
    const [after = ""] = positionOf(list, input.nextToken, call.at) ?? [];
    const rows = await call.read(async (reader) => {
      if (!(await machineByArn(reader, machine))) missingMachine(arn);
      return aliasesAfter(reader, machine, String(after), MOST_ALIASES);
    });
    const wanted = qualifier === undefined ? rows : rows.filter((row) => leadsTo(row, qualifier));
    const { page, next } = cutPage(wanted, limit, list, call.at, (row) => row.name);
    return {
      stateMachineAliases: page.map((row) => ({
        stateMachineAliasArn: `${machine}:${row.name}`,
        creationDate: new Date(row.created_at),
      })),
      ...next,
    };
  };
}

function leadsTo(row: AliasRow, version: string): boolean {
  return routingOf(row).some(([number]) => String(number) === version);
}

function namedAlias(arn: string, call: Pick<CallFacts, "region">): { machine: string; name: string } {
  const { machine, qualifier } = namedMachine(arn, call);
  if (qualifier === undefined || isNumber(qualifier))
    throw fault("ValidationException", `The ARN does not name an alias of a state machine: '${arn}'`);
  return { machine, name: qualifier };
}

/** A routing configuration as it is stored; throws what AWS refuses, in its words. */
function routed(
  items: readonly RoutingConfigurationListItem[],
  call: Pick<CallFacts, "region">,
): { machine: string; routing: Routing } {
  const named = items.map(({ stateMachineVersionArn = "" }) => namedMachine(stateMachineVersionArn, call));
  if (!named.every(({ qualifier }) => qualifier !== undefined && isNumber(qualifier)))
    throw invalidRouting("Routing configuration must contain state machine version ARNs.", items);
  if (new Set(named.map(({ arn }) => arn)).size < named.length)
    throw invalidRouting("Routing configuration must contain distinct state machine version ARNs.", items);
  const machine = named[0]?.machine ?? "";
  if (!named.every((one) => one.machine === machine))
    throw invalidRouting("Routing configuration must contain versions of the same state machine.", items);
  const weights = items.map(({ weight = 0 }) => weight);
  if (weights.reduce((sum, weight) => sum + weight, 0) !== 100)
    throw fault(
      "ValidationException",
      `Sum of routing configuration weights must equal 100. Received: [${weights.join(", ")}]`,
      { detail: { reason: "INVALID_ROUTING_CONFIGURATION" } },
    );
  return { machine, routing: named.map(({ qualifier }, index) => [Number(qualifier), weights[index] ?? 0] as const) };
}

function invalidRouting(sentence: string, items: readonly RoutingConfigurationListItem[] | undefined): Error {
  const received = (items ?? []).map(({ stateMachineVersionArn }) => stateMachineVersionArn).join(", ");
  return fault("ValidationException", `${sentence} Received: [${received}]`, {
    detail: { reason: "INVALID_ROUTING_CONFIGURATION" },
  });
}

async function checkVersions(transaction: Transaction, machine: string, routing: Routing): Promise<void> {
  const row = await machineByArn(transaction, machine);
  if (!row) missing();
  writableMachine(row, machine);
  for (const [number] of routing) if (!(await versionByNumber(transaction, machine, number))) missing();
}

function missing(): never {
  throw fault("ResourceNotFound", "Request references a resource that does not exist.");
}
