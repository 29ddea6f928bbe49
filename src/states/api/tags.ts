import type { Tag } from "@aws-sdk/client-sfn";
import { fault } from "../../wire/fault.ts";
import { machineScope } from "../definitions.ts";
import { machineByArn, updateTags, type MachineRow } from "../rows/machines.ts";
import type { StatesHandlers, StatesParts } from "./handlers.ts";
import { ownMachine } from "./own.ts";

type Pair = readonly [key: string, value: string];
const MOST_TAGS = 50;

export function tagHandlers({ definitions }: StatesParts) {
  return {
    async TagResource(input, call) {
      const arn = ownMachine(input.resourceArn, call);
      return call.commit(async (transaction) => {
        const row = (await machineByArn(transaction, arn)) ?? missingResource(arn);
        await updateTags(transaction, arn, JSON.stringify(mergedTags(pairsOf(row), input.tags)));
        transaction.bump(machineScope(arn));
        return {};
      });
    },
    async UntagResource(input, call) {
      const arn = ownMachine(input.resourceArn, call);
      return call.commit(async (transaction) => {
        const row = (await machineByArn(transaction, arn)) ?? missingResource(arn);
        const kept = pairsOf(row).filter(([key]) => !input.tagKeys.includes(key));
        await updateTags(transaction, arn, JSON.stringify(kept));
        transaction.bump(machineScope(arn));
        return {};
      });
    },
    async ListTagsForResource(input, call) {
      const arn = ownMachine(input.resourceArn, call);
      const row = await call.read((reader) => definitions.machine(reader, arn));
      return { tags: pairsOf(row ?? missingResource(arn)).map(([key, value]) => ({ key, value })) };
    },
  } satisfies StatesHandlers;
}

/** Tags after new ones were set; throws what AWS refuses. */
export function mergedTags(before: readonly Pair[], added: readonly Tag[]): readonly Pair[] {
  const tags = new Map(before);
  for (const { key = "", value = "" } of added) {
    if (key.toLowerCase().startsWith("aws:"))
      throw fault("ValidationException", "Tag keys starting with 'aws:' are reserved for system use");
    tags.set(key, value);
  }
  if (tags.size > MOST_TAGS) throw fault("TooManyTags", `A resource may have at most ${MOST_TAGS} tags`);
  return [...tags];
}

function pairsOf(row: MachineRow): readonly Pair[] {
  return JSON.parse(row.tags) as readonly Pair[];
}

function missingResource(arn: string): never {
  throw fault("ResourceNotFound", `Resource not found: '${arn}'`);
}
