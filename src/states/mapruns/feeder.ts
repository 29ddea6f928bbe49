/** `states.mapRun`: reads the data set of a map run and starts its children, until there are no items left. */
import type { Parts } from "../../flow.ts";
import { DONE, type EffectWorker, type Outcome } from "../../relay/relay.ts";
import { StoreUnavailable } from "../../store/store.ts";
import { AwsFault } from "../../wire/fault.ts";
import { plainItem, STATE_DATA, type MapItem } from "../asl/dataset.ts";
import type { DistributedMap } from "../asl/compiled.ts";
import { StateFailure } from "../asl/failure.ts";
import { exceedsBytes, type Datum } from "../asl/json.ts";
import { scopeFrom } from "../asl/mapRun.ts";
import { PAYLOAD_BYTES_MAX, tooLarge } from "../asl/outcome.ts";
import type { Scope } from "../asl/scope.ts";
import type { MapPlan, StoredScope } from "../asl/types.ts";
import type { Definitions, Revision } from "../definitions.ts";
import { mapRunByArn, type MapRunRow } from "../rows/mapRuns.ts";
import { batched } from "./batcher.ts";
import type { MapRunWork } from "./begin.ts";
import { s3Of } from "./caller.ts";
import { ItemReaderFailed } from "./readers/failed.ts";
import { openItems, type SourceItem } from "./readers/open.ts";
import { s3Sentence } from "./readers/s3.ts";
import { Pipeline } from "./pipeline.ts";
import type { MapRuns, NewChild, RunFailure } from "./runs.ts";
import type { Wakes } from "./wakes.ts";

/** Children started in one transaction: their status events ride in it too. */
const CHILDREN_AT_ONCE = 25;
const CHARACTERS_AT_ONCE = 1_000_000;
/** Tries without progress before an unexpected failure fails the run, and the pause that doubles between them. */
const MOST_ATTEMPTS = 5;
const AGAIN_MS = 500;

/** The body of `states.mapRun` work; `tries` have brought the run no further. */
type FeedWork = MapRunWork & { readonly tries?: number };

type Own = {
  readonly parts: Parts;
  readonly definitions: Definitions;
  readonly runs: MapRuns;
  readonly wakes: Wakes;
};

export function mapRunWorker(own: Own): EffectWorker {
  const { parts, runs } = own;
  return async (work) => {
    const { mapRun } = work.body as MapRunWork;
    const run = await parts.store.read((reader) => mapRunByArn(reader, mapRun));
    if (run === undefined || run.status !== "RUNNING" || run.error !== null || run.reading === 0)
      return async () => DONE;
    let failure: RunFailure | undefined;
    try {
      const result = await feed(own, run);
      if (result === "stopped") return async () => ({ kind: "again", dueAt: parts.clock.now() });
      if (result === "out of step") return settleOutOfStep(own, mapRun);
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error;
      failure = failureOf(error, parts);
      if (failure === undefined) {
        const again = await another(own, run, work.body as FeedWork, error);
        if (again) return async () => again;
        failure = { error: "States.ItemReaderFailed", cause: error instanceof Error ? error.message : String(error) };
      }
    }
    const failed = failure;
    return async (transaction) => {
      if (failed) await runs.fail(transaction, mapRun, failed);
      else await runs.readAll(transaction, mapRun);
      return DONE;
    };
  };
}

/**
 * A stream that broke off is opened again, as often as that brings the run forward: a file may be read for days. Undefined
 * if it does not, several times in a row.
 */
async function another({ parts }: Own, run: MapRunRow, work: FeedWork, error: unknown): Promise<Outcome | undefined> {
  const { mapRun, tries = 0 } = work;
  const now = await parts.store.read((reader) => mapRunByArn(reader, mapRun));
  const next = now !== undefined && now.children > run.children ? 0 : tries + 1;
  if (next >= MOST_ATTEMPTS) return undefined;
  parts.log("warn", "the data set of a map run is opened again", { mapRun, tries: next, error });
  return { kind: "again", dueAt: parts.clock.now() + AGAIN_MS * 2 ** next, body: { mapRun, tries: next } };
}

/** The run is over, or another transaction than the last one seen counts: then it is read again from where it is. */
function settleOutOfStep({ parts }: Own, arn: string): Settle {
  return async (transaction) => {
    const run = await mapRunByArn(transaction, arn);
    const goesOn = run !== undefined && run.status === "RUNNING" && run.error === null && run.reading === 1;
    return goesOn ? { kind: "again", dueAt: parts.clock.now() } : DONE;
  };
}
type Settle = Awaited<ReturnType<EffectWorker>>;

function failureOf(error: unknown, parts: Parts): RunFailure | undefined {
  if (error instanceof StateFailure) return { error: error.error, cause: error.message };
  if (error instanceof ItemReaderFailed) return { error: error.error, cause: error.message };
  if (error instanceof AwsFault)
    return { error: "States.ItemReaderFailed", cause: s3Sentence(error, parts.clock.uuid()) };
  return undefined;
}

type Fed = "all" | "out of step" | "stopped";

async function feed(own: Own, run: MapRunRow): Promise<Fed> {
  const { parts, definitions } = own;
  const revision = await parts.store.read((reader) => definitions.revision(reader, run.revision));
  const pipeline = new Pipeline(own, run);
  try {
    for await (const chunk of chunked(childrenInputs(parts, run, revision))) {
      const result = await pipeline.start(chunk);
      if (result) return result;
    }
  } finally {
    await pipeline.settled();
  }
  return pipeline.inStep ? "all" : "out of step";
}

/** As many children as are started in one transaction. */
async function* chunked(children: AsyncIterable<NewChild>): AsyncGenerator<readonly NewChild[], undefined> {
  let chunk: NewChild[] = [];
  let size = 0;
  for await (const child of children) {
    chunk.push(child);
    size += child.input.length;
    if (chunk.length < CHILDREN_AT_ONCE && size < CHARACTERS_AT_ONCE) continue;
    yield chunk;
    chunk = [];
    size = 0;
  }
  if (chunk.length > 0) yield chunk;
}

/** The inputs of the children that do not exist yet. */
async function* childrenInputs(parts: Parts, run: MapRunRow, revision: Revision): AsyncGenerator<NewChild, undefined> {
  const plan = JSON.parse(run.plan) as MapPlan;
  const state = revision.machine.states.get(run.state);
  if (state?.kind !== "Map" || !state.distributed) throw new Error(`the state '${run.state}' is no Distributed Map`);
  const { clock } = parts;
  const scope = scopeFrom(JSON.parse(run.scope) as StoredScope, {
    random: () => clock.random(),
    uuid: () => clock.uuid(),
    now: clock.now(),
  });
  const { distributed } = state;
  const source = plan.reader ? openItems(s3Of(parts, run, revision), plan.reader) : inputItems(distributed, scope);
  const items = selected(source, run, plan, distributed, scope);
  for await (const child of batched(items, plan.batcher)) {
    if (exceedsBytes(child.input, PAYLOAD_BYTES_MAX)) {
      const { error = "", cause = "" } = tooLarge(run.state);
      throw new StateFailure(error, cause);
    }
    yield child;
  }
}

/** The items from the first that no child was given yet, each as ItemSelector makes it. */
async function* selected(
  source: AsyncIterable<SourceItem> | Iterable<SourceItem>,
  run: MapRunRow,
  plan: MapPlan,
  distributed: DistributedMap,
  scope: Scope,
): AsyncGenerator<Datum, undefined> {
  const select = distributed.select?.(scope) ?? ((item: MapItem) => plainItem(item));
  const most = mostItems(plan);
  let index = 0;
  for await (const item of source) {
    if (index >= most) return;
    if (index >= run.items_read) yield select({ ...item, index });
    index += 1;
  }
}

/** 0 and more than AWS's limit mean all. */
function mostItems({ reader }: MapPlan): number {
  const given = reader?.maxItems ?? 0;
  if (given < 0) throw new ItemReaderFailed("field MaxItems must be positive");
  return given === 0 ? Infinity : given;
}

function inputItems(distributed: DistributedMap, scope: Scope): Iterable<SourceItem> {
  return (distributed.dataSet?.(scope) ?? []).map((item) => ({ ...item, source: STATE_DATA }));
}
