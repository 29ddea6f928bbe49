/** The results of a map run, as its state's output and its result files show them. */
import type { Reader } from "../../store/store.ts";
import { exceedsBytes, parseJson, printJson } from "../asl/json.ts";
import { isoMilliseconds } from "../asl/time.ts";
import type { MapPlan } from "../asl/types.ts";
import { executionArn } from "../arns.ts";
import { childrenAfter, type ChildRow, type MapRunRow } from "../rows/mapRuns.ts";
import { redriveOf } from "../views.ts";

const PAGE = 500;

/** All children in their order, a page at a time. */
export async function* childrenOf(
  read: <T>(work: (reader: Reader) => Promise<T>) => Promise<T>,
  arn: string,
): AsyncGenerator<ChildRow, undefined> {
  let after = -1;
  for (;;) {
    const place = after;
    const page = await read((reader) => childrenAfter(reader, arn, place, PAGE));
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = last.map_index;
  }
}

/** The output of a run without result files: an array in the order of the items; undefined if it is too large. */
export async function collectResults(reader: Reader, run: MapRunRow, limit: number): Promise<string | undefined> {
  const { writer } = JSON.parse(run.plan) as MapPlan;
  // AWS: COMPACT is the "default when ResultWriter is not specified".
  const transformation = writer?.transformation ?? "COMPACT";
  const parts: string[] = [];
  let size = 2;
  for await (const child of childrenOf((work) => work(reader), run.arn)) {
    for (const part of resultsOf(child, transformation)) {
      size += part.length + 1;
      if (size - 1 > limit) return undefined;
      parts.push(part);
    }
  }
  const text = `[${parts.join(",")}]`;
  return exceedsBytes(text, limit) ? undefined : text;
}

/** What a child adds to the results; a failed child is told of with all that is known of it. */
export function resultsOf(child: ChildRow, transformation: string): readonly string[] {
  if (child.status !== "SUCCEEDED" || transformation === "NONE") return [printJson(recordOf(child))];
  const output = child.output ?? "null";
  if (transformation !== "FLATTEN" || !output.trimStart().startsWith("[")) return [output];
  const items = parseJson(output) as readonly unknown[];
  return items.map(printJson);
}

/** A child as AWS's result files show it. */
function recordOf(child: ChildRow): object {
  const { status, output, error, cause, stopped_at } = child;
  return {
    ...(cause !== null && { Cause: cause }),
    ...(error !== null && { Error: error }),
    ExecutionArn: executionArn(child),
    Input: child.input,
    InputDetails: { Included: true },
    Name: child.name,
    ...(output !== null && { Output: output, OutputDetails: { Included: true } }),
    RedriveCount: child.redrives ?? 0,
    ...recordedRedrive(child),
    StartDate: isoMilliseconds(child.started_at),
    StateMachineArn: child.machine,
    Status: status,
    ...(stopped_at !== null && { StopDate: isoMilliseconds(stopped_at) }),
  };
}

function recordedRedrive(child: ChildRow): object {
  const { redriveStatus, redriveStatusReason } = redriveOf(child, child.stopped_at ?? child.started_at);
  if (redriveStatus === "REDRIVABLE") return { RedriveStatus: "REDRIVABLE_BY_MAP_RUN" };
  return { RedriveStatus: redriveStatus, RedriveStatusReason: redriveStatusReason };
}
