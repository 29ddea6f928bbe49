import type { Clock } from "../clock/clock.ts";
import type { Reader, Transaction } from "../store/store.ts";

/** One line of a trace's story. `reason` is there when the story ends here. */
export type Hop = {
  readonly hop: "call" | "record" | "event" | "rule" | "delivery" | "execution" | "result";
  /** Milliseconds. */
  readonly at: number;
  /** `PutObject s3://b/k`, a rule's ARN, an execution's ARN. */
  readonly subject: string;
  readonly outcome: "ok" | "dead end" | "waiting";
  readonly reason?: string;
};

/** Appends a line to the story of a trace; all lines of one trace in one transaction are written as one row of the `flow` table before it commits. */
export type Tell = (transaction: Transaction, trace: string, hop: Hop) => void;

type Told = { readonly trace: string; readonly hop: Hop };
const STORY = Symbol("story");

export const tell: Tell = (transaction, trace, hop) => {
  const told = transaction.scratch.get(STORY) as Told[] | undefined;
  if (told) told.push({ trace, hop });
  else transaction.scratch.set(STORY, [{ trace, hop }]);
};

/** Writes what was told, one row a trace. The relay calls it as the last thing of a transaction. */
export async function writeStory(transaction: Transaction, clock: Clock): Promise<void> {
  const told = transaction.scratch.get(STORY) as Told[] | undefined;
  if (!told || told.length === 0) return;
  const first = told[0]?.trace;
  if (told.every(({ trace }) => trace === first)) return insertPart(transaction, clock, first ?? "", told);
  for (const [trace, lines] of Map.groupBy(told, (line) => line.trace))
    await insertPart(transaction, clock, trace, lines);
}

let lastPart = 0;
async function insertPart(
  transaction: Transaction,
  clock: Clock,
  trace: string,
  lines: readonly Told[],
): Promise<void> {
  const at = clock.now();
  // Parts of a trace sort in the order they were written, also within one millisecond.
  lastPart = Math.max(lastPart + 1, at * 1000);
  await transaction.run("insert into flow (trace, part, at, hops) values ($1, $2, $3, $4)", [
    trace,
    lastPart,
    at,
    JSON.stringify(lines.map(({ hop }) => hop)),
  ]);
}

/** The story of a trace so far, by the primary key. At most 1,000 parts: a story longer than that is a loop, and its beginning tells why. */
export async function storyOf(reader: Reader, trace: string): Promise<Hop[]> {
  const rows = await reader.all<{ hops: string }>("select hops from flow where trace = $1 order by part limit 1000", [
    trace,
  ]);
  return rows.flatMap(({ hops }) => JSON.parse(hops) as Hop[]);
}
