/** `states.mapRunWrite`: the end of a run with a ResultWriter. The results are streamed from the rows into files in S3. */
import type { Parts } from "../../flow.ts";
import { DONE, type EffectWorker } from "../../relay/relay.ts";
import { StoreUnavailable } from "../../store/store.ts";
import { AwsFault } from "../../wire/fault.ts";
import { isObject } from "../asl/json.ts";
import type { MapPlan, WriterPlan } from "../asl/types.ts";
import type { Definitions } from "../definitions.ts";
import { mapRunByArn, type ChildRow, type MapRunRow } from "../rows/mapRuns.ts";
import type { MapRunWork } from "./begin.ts";
import { s3Of } from "./caller.ts";
import { s3Sentence, type S3Calls } from "./readers/s3.ts";
import { childrenOf, resultsOf } from "./results.ts";
import type { MapRuns, RunFailure } from "./runs.ts";

/** AWS splits result files at 5 GB. */
const FILE_BYTES_MAX = 5 * 1024 ** 3;
/** Text gathered before it goes into the stream. */
const PIECE_CHARACTERS = 64 * 1024;
const MOST_ATTEMPTS = 5;

type Own = { readonly parts: Parts; readonly definitions: Definitions; readonly runs: MapRuns };
type Place = { readonly Bucket: string; readonly folder: string };
type ResultFile = { readonly Key: string; readonly Size: number };
type Kind = "SUCCEEDED" | "FAILED" | "PENDING";

export function writeWorker(own: Own): EffectWorker {
  const { parts, runs } = own;
  return async (work) => {
    const { mapRun } = work.body as MapRunWork;
    const run = await parts.store.read((reader) => mapRunByArn(reader, mapRun));
    if (run === undefined || run.status !== "RUNNING") return async () => DONE;
    let output: string | undefined;
    let failure: RunFailure | undefined = run.error === null ? undefined : { error: run.error, cause: run.cause ?? "" };
    try {
      output = await writeResults(own, run);
    } catch (error) {
      if (error instanceof StoreUnavailable || (!(error instanceof AwsFault) && work.attempt < MOST_ATTEMPTS))
        throw error;
      const cause =
        error instanceof AwsFault ? s3Sentence(error, parts.clock.uuid()) : error instanceof Error ? error.message : "";
      failure ??= { error: "States.ResultWriterFailed", cause };
    }
    const end = failure ?? { output };
    return async (transaction) => {
      const now = await mapRunByArn(transaction, mapRun);
      if (now === undefined || now.status !== "RUNNING") return DONE;
      const items_written = now.items_succeeded + now.items_failed + now.items_timed_out;
      const written = now.succeeded + now.failed + now.timed_out;
      await runs.end(transaction, now, end, output === undefined ? NONE_WRITTEN : { written, items_written });
      return DONE;
    };
  };
}

const NONE_WRITTEN = { written: 0, items_written: 0 };

/** Writes all files and the manifest that lists them; answers the output of the state. */
async function writeResults({ parts, definitions }: Own, run: MapRunRow): Promise<string> {
  const { writer = {} } = JSON.parse(run.plan) as MapPlan;
  const parameters = isObject(writer.parameters) ? writer.parameters : {};
  const Bucket = text(parameters["Bucket"]);
  const prefix = text(parameters["Prefix"]).replace(/\/$/, "");
  const id = run.arn.slice(run.arn.lastIndexOf(":") + 1);
  const place: Place = { Bucket, folder: prefix === "" ? id : `${prefix}/${id}` };
  const revision = await parts.store.read((reader) => definitions.revision(reader, run.revision));
  const s3 = s3Of(parts, run, revision);
  const ResultFiles: Record<Kind, readonly ResultFile[]> = {
    FAILED: await writeKind(parts, s3, place, run, writer, "FAILED"),
    PENDING: [],
    SUCCEEDED: await writeKind(parts, s3, place, run, writer, "SUCCEEDED"),
  };
  const Key = `${place.folder}/manifest.json`;
  const manifest = { DestinationBucket: Bucket, MapRunArn: run.arn, ResultFiles };
  await s3.put({ Bucket, Key, Body: Buffer.from(JSON.stringify(manifest)), ContentType: "application/json" });
  return JSON.stringify({ MapRunArn: run.arn, ResultWriterDetails: { Bucket, Key } });
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The files of one kind: `SUCCEEDED_0.json`, and further ones where one would be too large. */
async function writeKind(
  parts: Parts,
  s3: S3Calls,
  { Bucket, folder }: Place,
  run: MapRunRow,
  writer: WriterPlan,
  kind: Kind,
): Promise<readonly ResultFile[]> {
  const results = resultTexts(parts, run, writer.transformation ?? "NONE", kind);
  const lines = writer.outputType === "JSONL";
  const files: ResultFile[] = [];
  let next = await results.next();
  while (next.done !== true) {
    const Key = `${folder}/${kind}_${files.length}.${lines ? "jsonl" : "json"}`;
    const file = new FileText(results, next.value, lines);
    const ContentType = lines ? "application/x-ndjson" : "application/json";
    await s3.put({ Bucket, Key, Body: file.pieces(), ContentType });
    files.push({ Key, Size: file.size });
    next = file.rest;
  }
  return files;
}

async function* resultTexts(
  parts: Parts,
  run: MapRunRow,
  transformation: string,
  kind: Kind,
): AsyncGenerator<string, undefined> {
  for await (const child of childrenOf((work) => parts.store.read(work), run.arn)) {
    if (kindOf(child) === kind) yield* resultsOf(child, transformation);
  }
}

/** Timed out and stopped children are among the failed. */
function kindOf({ status }: ChildRow): Kind {
  return status === "SUCCEEDED" ? "SUCCEEDED" : status === "RUNNING" ? "PENDING" : "FAILED";
}

/** The text of one file, as long as it may be: the results that are left over begin the next. */
class FileText {
  readonly #results: AsyncGenerator<string, undefined>;
  readonly #first: string;
  readonly #lines: boolean;
  size = 0;
  rest: IteratorResult<string, undefined> = { done: true, value: undefined };
  constructor(results: AsyncGenerator<string, undefined>, first: string, lines: boolean) {
    this.#results = results;
    this.#first = first;
    this.#lines = lines;
  }

  async *pieces(): AsyncGenerator<Buffer, undefined> {
    let text = this.#lines ? this.#first : `[${this.#first}`;
    this.rest = await this.#results.next();
    while (this.rest.done !== true && this.size + text.length < FILE_BYTES_MAX) {
      text += `${this.#lines ? "\n" : ","}${this.rest.value}`;
      if (text.length >= PIECE_CHARACTERS) {
        yield this.#counted(text);
        text = "";
      }
      this.rest = await this.#results.next();
    }
    yield this.#counted(`${text}${this.#lines ? "\n" : "]"}`);
  }

  #counted(text: string): Buffer {
    const bytes = Buffer.from(text);
    this.size += bytes.length;
    return bytes;
  }
}
