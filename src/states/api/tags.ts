import type { Tag } from "@aws-sdk/client-sfn";
import type { CallFacts } from "../../flow.ts";
import type { Reader, Transaction } from "../../store/store.ts";
import { fault } from "../../wire/fault.ts";
import { machineScope } from "../definitions.ts";
import { activityByArn, updateActivityTags } from "../rows/activities.ts";
import { machineByArn, updateTags } from "../rows/machines.ts";
import type { StatesHandlers } from "./handlers.ts";
import { ownActivity, ownMachine } from "./own.ts";

type Pair = readonly [key: string, value: string];
const MOST_TAGS = 50;

/** Something that has tags, and how they are kept. */
type Tagged = {
  readonly arn: string;
  readonly read: (reader: Reader) => Promise<{ readonly tags: string } | undefined>;
  readonly write: (transaction: Transaction, tags: string) => Promise<unknown>;
};

function taggedBy(arn: string, facts: Pick<CallFacts, "region">): Tagged {
  if (arn.split(":")[5] === "activity") {
    const activity = ownActivity(arn, facts);
    return {
      arn,
      read: (reader) => activityByArn(reader, activity),
      write: (transaction, tags) => updateActivityTags(transaction, activity, tags),
    };
  }
  const machine = ownMachine(arn, facts);
  return {
    arn,
    read: (reader) => machineByArn(reader, machine),
    async write(transaction, tags) {
      await updateTags(transaction, machine, tags);
      transaction.bump(machineScope(machine));
    },
  };
}

async function tagsOf({ arn, read }: Tagged, reader: Reader): Promise<readonly Pair[]> {
  const row = (await read(reader)) ?? missingResource(arn);
  return JSON.parse(row.tags) as readonly Pair[];
}

export function tagHandlers() {
  return {
    async TagResource(input, call) {
      const tagged = taggedBy(input.resourceArn, call);
      return call.commit(async (transaction) => {
        const before = await tagsOf(tagged, transaction);
        await tagged.write(transaction, JSON.stringify(mergedTags(before, input.tags)));
        return {};
      });
    },
    async UntagResource(input, call) {
      const tagged = taggedBy(input.resourceArn, call);
      return call.commit(async (transaction) => {
        const before = await tagsOf(tagged, transaction);
        const kept = before.filter(([key]) => !input.tagKeys.includes(key));
        await tagged.write(transaction, JSON.stringify(kept));
        return {};
      });
    },
    async ListTagsForResource(input, call) {
      const tags = await call.read((reader) => tagsOf(taggedBy(input.resourceArn, call), reader));
      return { tags: tags.map(([key, value]) => ({ key, value })) };
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

function missingResource(arn: string): never {
  throw fault("ResourceNotFound", `Resource not found: '${arn}'`);
}
