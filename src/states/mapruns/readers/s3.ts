/** The AWS calls of readers and writers, in at the inside door as the execution's role. */
import { Readable } from "node:stream";
import type { Caller, Parts } from "../../../flow.ts";
import type { AwsFault } from "../../../wire/fault.ts";

export type Fetched = {
  readonly body: Readable;
  /** Of the whole object. */
  readonly size: number;
};
export type Listed = {
  readonly Contents?: readonly {
    readonly Key?: string;
    readonly ETag?: string;
    readonly Size?: number;
    readonly StorageClass?: string;
    readonly LastModified?: Date;
  }[];
  readonly NextContinuationToken?: string;
};
type Place = { readonly caller: Caller; readonly trace: string; readonly region: string };
type Got = { readonly Body?: unknown; readonly ContentLength?: number; readonly ContentRange?: string };

export class S3Calls {
  readonly #parts: Parts;
  readonly #place: Place;
  constructor(parts: Parts, place: Place) {
    this.#parts = parts;
    this.#place = place;
  }

  async #call<Output>(operation: string, input: unknown): Promise<Output> {
    const { caller, trace, region } = this.#place;
    return this.#parts.call<Output>({ service: "s3", operation, input, as: caller, trace, region });
  }

  async get(input: Readonly<Record<string, unknown>>, from = 0, to?: number): Promise<Fetched> {
    const range = from > 0 || to !== undefined ? { Range: `bytes=${from}-${to === undefined ? "" : to - 1}` } : {};
    const got = await this.#call<Got>("GetObject", { ...input, ...range });
    const whole = Number(got.ContentRange?.split("/")[1] ?? got.ContentLength ?? 0);
    return { body: readable(got.Body), size: whole };
  }

  async bytes(input: Readonly<Record<string, unknown>>, from = 0, to?: number): Promise<Buffer> {
    const { body } = await this.get(input, from, to);
    const chunks: Buffer[] = [];
    for await (const chunk of body) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }

  async size(input: Readonly<Record<string, unknown>>): Promise<number> {
    return (await this.#call<Got>("HeadObject", input)).ContentLength ?? 0;
  }

  list(input: Readonly<Record<string, unknown>>): Promise<Listed> {
    return this.#call<Listed>("ListObjectsV2", input);
  }

  async put(input: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#call("PutObject", input);
  }
}

/** Small objects come as bytes, larger ones as a stream. */
function readable(body: unknown): Readable {
  if (body === undefined || body === null) return Readable.from([]);
  if (body instanceof Uint8Array) return Readable.from([Buffer.from(body)]);
  return Readable.from(body as AsyncIterable<Uint8Array>, { objectMode: false });
}

/** A fault of S3 in the words of the optimised integrations. */
export function s3Sentence(fault: AwsFault, requestId: string): string {
  const status = fault.status ?? STATUSES[fault.code] ?? 400;
  return `${fault.message} (Service: Amazon S3; Status Code: ${status}; Error Code: ${fault.code}; Request ID: ${requestId}; Proxy: null)`;
}
const STATUSES: Readonly<Record<string, number>> = { NoSuchKey: 404, NoSuchBucket: 404, AccessDenied: 403 };
