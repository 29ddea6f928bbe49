import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { fault, type AwsFault } from "../wire/fault.ts";
import type { Body } from "../wire/service.ts";
import { ChunkDecoder } from "./chunked.ts";
import { checkDigests } from "./digests.ts";
import { sha256 } from "./keys.ts";
import type { Payload } from "./payload.ts";
import { entityTooLarge, incompleteBody, requestTimeout, unavailable } from "./refuse.ts";
import type { StallWatch, Waiter } from "./stall.ts";

/** Bytes that all requests together hold in memory. */
export type Budget = { used: number; readonly limit: number };
type Step = IteratorResult<Buffer, undefined>;

/**
 * A request's body: read once, decoded and proved as it is read. Whoever reads it to its end without a throw has the
 * bytes that were signed, all of them; whoever does not must keep nothing.
 */
export class RequestBody implements Body, Waiter {
  /** The decoded length, if the client said it. */
  readonly length: number | undefined;
  /** Raw bytes received. */
  received = 0;
  /** Set while S3 decodes a document: its digests are the gate's to check, those of objects are the S3 room's. */
  documentLimit: number | undefined;
  readonly #request: IncomingMessage;
  readonly #watch: StallWatch;
  readonly #budget: Budget;
  readonly #proceed: (() => void) | undefined;
  #payload: Payload = { kind: "plain" };
  #trailers: Readonly<Record<string, string>> = {};
  #held = 0;
  #begun = false;
  #bytes: Buffer | undefined;
  #reject: ((error: Error) => void) | undefined;

  /** `proceed` tells a client that waits for `100 Continue` to send: called at the first read. */
  constructor(request: IncomingMessage, watch: StallWatch, budget: Budget, proceed: (() => void) | undefined) {
    this.#request = request;
    this.#watch = watch;
    this.#budget = budget;
    this.#proceed = proceed;
    const { headers } = request;
    const sent = headers["content-length"];
    const chunked = String(headers["x-amz-content-sha256"] ?? "").startsWith("STREAMING-");
    const decoded = chunked ? headers["x-amz-decoded-content-length"] : sent;
    this.length = decoded !== undefined ? Number(decoded) : headers["transfer-encoding"] === undefined ? 0 : undefined;
  }

  /** Says how the bytes are to be proved. Before this they are taken as they come. */
  prove(payload: Payload): void {
    this.#payload = payload;
  }

  /** All bytes that have been read whole, if they have. */
  get collected(): Buffer | undefined {
    return this.#bytes;
  }

  async bytes(most: number): Promise<Buffer> {
    const limit = Math.min(most, this.documentLimit ?? most);
    if (this.length !== undefined && this.length > limit) throw entityTooLarge(limit, this.length);
    if (this.#bytes === undefined) {
      // Chunk headers and trailers come on top of the data: 100 bytes for 8 KiB is the most that clients add.
      const raw = await this.#collect(this.#payload.kind === "chunked" ? limit * 2 + 16_384 : limit);
      this.#bytes = this.#decode(raw);
    }
    if (this.#bytes.length > limit) throw entityTooLarge(limit, this.#bytes.length);
    if (this.documentLimit !== undefined) checkDigests(this.#request.headers, this.#bytes, this.#trailers);
    return this.#bytes;
  }

  trailers(): Readonly<Record<string, string>> {
    return this.#trailers;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, undefined> {
    if (this.#bytes !== undefined) {
      if (this.#bytes.length > 0) yield this.#bytes;
      return;
    }
    const payload = this.#payload;
    if (payload.kind === "chunked") {
      const decoder = new ChunkDecoder(payload);
      for await (const raw of this.#raw()) yield* decoder.push(raw);
      this.#trailers = decoder.end();
      return;
    }
    const digest = payload.kind === "hash" ? createHash("sha256") : undefined;
    for await (const raw of this.#raw()) {
      digest?.update(raw);
      yield raw;
    }
    if (payload.kind === "hash" && digest) matchHash(payload.hex, digest.digest("hex"));
  }

  /** The client was too slow: what waits for its bytes gets the fault. */
  cutOff(): void {
    this.fail(requestTimeout());
  }

  /** Breaks off a read that is under way. */
  fail(error: AwsFault): void {
    this.#reject?.(error);
  }

  /** Gives back the memory that the request held. */
  release(): void {
    this.#budget.used -= this.#held;
    this.#held = 0;
  }

  #decode(raw: Buffer): Buffer {
    const payload = this.#payload;
    if (payload.kind === "hash") matchHash(payload.hex, sha256(raw));
    if (payload.kind !== "chunked") return raw;
    const decoder = new ChunkDecoder(payload);
    const parts = decoder.push(raw);
    this.#trailers = decoder.end();
    return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
  }

  #begin(): void {
    if (this.#begun) throw new Error("A request body can be read only once");
    this.#begun = true;
    this.#proceed?.();
  }

  /** All raw bytes: by events, which cost a third of what iterating does. */
  #collect(limit: number): Promise<Buffer> {
    this.#begin();
    const request = this.#request;
    if (this.length === 0 && this.#payload.kind !== "chunked") return Promise.resolve(Buffer.alloc(0));
    const parts: Buffer[] = [];
    let size = 0;
    return new Promise<Buffer>((resolve, reject) => {
      const settle = (error?: Error): void => {
        request.off("data", take).off("end", end).off("error", broken).off("close", broken);
        this.#watch.end(this);
        this.#reject = undefined;
        if (error) {
          request.pause();
          reject(error);
        } else resolve(parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts, size));
      };
      const take = (part: Buffer): void => {
        size += part.length;
        this.received += part.length;
        this.#watch.progress(this, part.length);
        if (size > limit) settle(entityTooLarge(limit, size));
        else if (!this.#hold(part.length)) settle(unavailable("s3", true));
        else parts.push(part);
      };
      const end = (): void => settle(request.complete ? undefined : incompleteBody());
      const broken = (): void => settle(incompleteBody());
      this.#reject = settle;
      this.#watch.begin(this);
      request.on("data", take).on("end", end).on("error", broken).on("close", broken);
      if (request.destroyed && !request.readableEnded) broken();
    });
  }

  #hold(size: number): boolean {
    if (this.#budget.used + size > this.#budget.limit) return false;
    this.#budget.used += size;
    this.#held += size;
    return true;
  }

  async *#raw(): AsyncGenerator<Buffer, undefined> {
    this.#begin();
    if (this.length === 0 && this.#payload.kind !== "chunked") return;
    const source = this.#request.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer, undefined>;
    try {
      for (;;) {
        const step = await this.#next(source);
        if (step.done === true) break;
        this.received += step.value.length;
        yield step.value;
      }
    } finally {
      source.return?.().catch(() => undefined);
    }
    if (!this.#request.complete) throw incompleteBody();
  }

  #next(source: AsyncIterator<Buffer, undefined>): Promise<Step> {
    return new Promise<Step>((resolve, reject) => {
      const settle = (error: Error): void => {
        this.#watch.end(this);
        this.#reject = undefined;
        reject(error);
      };
      this.#reject = settle;
      this.#watch.begin(this);
      source.next().then(
        (step) => {
          this.#watch.progress(this, step.done === true ? 0 : step.value.length);
          this.#watch.end(this);
          this.#reject = undefined;
          resolve(step);
        },
        () => settle(incompleteBody()),
      );
    });
  }
}

function matchHash(claimed: string, computed: string): void {
  if (claimed === computed) return;
  throw fault(
    "XAmzContentSHA256Mismatch",
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
    {
      status: 400,
      detail: { ClientComputedContentSHA256: claimed, S3ComputedContentSHA256: computed },
    },
  );
}
