import { availableParallelism } from "node:os";
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { Digests, type Algorithm, type Digested } from "./checksums.ts";

/** Below this a trip to a worker costs more than it saves; most bodies never get there. */
const WORKER_FROM_BYTES = 1024 * 1024;
/** What is gathered before it is sent: a message costs as much as hashing 20 KiB. */
const PIECE_BYTES = 1024 * 1024;
/** Pieces of one stream that a worker may have to do before the stream waits: bounds memory. */
const PIECES_AHEAD = 4;

/** To a worker: begin, go on, finish, or forget a stream. */
export type Order =
  | { readonly kind: "begin"; readonly stream: number; readonly algorithms: readonly Algorithm[] }
  | { readonly kind: "piece"; readonly stream: number; readonly buffer: ArrayBuffer; readonly length: number }
  | { readonly kind: "end"; readonly stream: number; readonly forget: boolean };
/** From a worker: the piece's buffer, to be used again, or the digests. */
export type Answer =
  | { readonly kind: "done"; readonly stream: number; readonly buffer: ArrayBuffer }
  | { readonly kind: "values"; readonly stream: number; readonly values: Digested };

type Thread = { readonly worker: Worker; readonly streams: Map<number, WorkerStream> };

/**
 * Digests of large bodies, in a few worker threads: MD5 alone runs at half a gigabyte a second, and on the loop it
 * would hold up everybody else. The workers start with the first large body.
 */
export class Hashing {
  readonly #workers: Thread[] = [];
  #next = 0;

  /** A stream of bytes to be digested. It stays on the loop until it turns out to be large. */
  open(algorithms: readonly Algorithm[]): HashStream {
    return new HashStream(algorithms, () => this.#openWorker(algorithms));
  }
  async stop(): Promise<void> {
    await Promise.all(this.#workers.splice(0).map(({ worker }) => worker.terminate()));
  }

  #openWorker(algorithms: readonly Algorithm[]): WorkerStream {
    const idle = this.#workers.find(({ streams }) => streams.size === 0);
    const wanted = Math.max(1, Math.min(4, availableParallelism() - 1));
    const least = this.#workers.toSorted((a, b) => a.streams.size - b.streams.size)[0];
    const chosen = idle ?? (this.#workers.length < wanted || !least ? this.#start() : least);
    const number = ++this.#next;
    const stream = new WorkerStream(
      (order, transfer) => chosen.worker.postMessage(order, transfer),
      number,
      () => chosen.streams.delete(number),
    );
    chosen.streams.set(number, stream);
    stream.begin(algorithms);
    return stream;
  }
  #start(): Thread {
    const entry = {
      // Beside this file, whether it runs as it is written or compiled.
      worker: new Worker(new URL(`./hashing-worker${extname(import.meta.url)}`, import.meta.url)),
      streams: new Map<number, WorkerStream>(),
    };
    entry.worker.unref();
    entry.worker.on("message", (answer: Answer) => entry.streams.get(answer.stream)?.answered(answer));
    const failed = (error: Error) => {
      const index = this.#workers.indexOf(entry);
      if (index >= 0) this.#workers.splice(index, 1);
      for (const stream of entry.streams.values()) stream.failed(error);
    };
    entry.worker.on("error", failed);
    entry.worker.on("exit", () => failed(new Error("a hashing worker ended")));
    this.#workers.push(entry);
    return entry;
  }
}

/** Digests of one body. Call `update` for each chunk and wait for what it answers; then `values`, or `abandon`. */
class HashStream {
  readonly #local: Digests;
  readonly #openWorker: () => WorkerStream;
  #held: Uint8Array[] = [];
  #bytes = 0;
  #remote: WorkerStream | undefined;
  constructor(algorithms: readonly Algorithm[], openWorker: () => WorkerStream) {
    this.#local = new Digests(algorithms);
    this.#openWorker = openWorker;
  }
  async update(chunk: Uint8Array): Promise<void> {
    if (this.#remote) return this.#remote.update(chunk);
    this.#held.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < WORKER_FROM_BYTES) return;
    this.#remote = this.#openWorker();
    for (const held of this.#held.splice(0)) await this.#remote.update(held);
  }
  async values(): Promise<Digested> {
    if (this.#remote) return this.#remote.values();
    for (const held of this.#held.splice(0)) this.#local.update(held);
    return this.#local.values();
  }
  abandon(): void {
    this.#remote?.abandon();
    this.#held = [];
  }
}

class WorkerStream {
  readonly #send: (order: Order, transfer?: ArrayBuffer[]) => void;
  readonly #stream: number;
  readonly #close: () => void;
  readonly #free: ArrayBuffer[] = [];
  #made = 0;
  #current: Uint8Array | undefined;
  #filled = 0;
  #wake: (() => void) | undefined;
  #settle: { resolve: (values: Digested) => void; reject: (error: Error) => void } | undefined;
  #failure: Error | undefined;
  constructor(send: (order: Order, transfer?: ArrayBuffer[]) => void, stream: number, close: () => void) {
    this.#send = send;
    this.#stream = stream;
    this.#close = close;
  }
  begin(algorithms: readonly Algorithm[]): void {
    this.#send({ kind: "begin", stream: this.#stream, algorithms });
  }
  async update(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      const piece = (this.#current ??= await this.#piece());
      const length = Math.min(chunk.length - at, PIECE_BYTES - this.#filled);
      piece.set(chunk.subarray(at, at + length), this.#filled);
      this.#filled += length;
      at += length;
      if (this.#filled === PIECE_BYTES) this.#flush();
    }
  }
  values(): Promise<Digested> {
    if (this.#failure) return Promise.reject(this.#failure);
    this.#flush();
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#send({ kind: "end", stream: this.#stream, forget: false });
    });
  }
  abandon(): void {
    if (!this.#failure) this.#send({ kind: "end", stream: this.#stream, forget: true });
    this.#close();
  }
  answered(answer: Answer): void {
    if (answer.kind === "values") {
      this.#close();
      this.#settle?.resolve(answer.values);
      return;
    }
    this.#free.push(answer.buffer);
    this.#wake?.();
  }
  failed(error: Error): void {
    this.#failure = error;
    this.#settle?.reject(error);
    this.#wake?.();
  }
  #flush(): void {
    const piece = this.#current;
    if (!piece) return;
    this.#current = undefined;
    const buffer = piece.buffer as ArrayBuffer;
    this.#send({ kind: "piece", stream: this.#stream, buffer, length: this.#filled }, [buffer]);
    this.#filled = 0;
  }
  async #piece(): Promise<Uint8Array> {
    while (true) {
      if (this.#failure) throw this.#failure;
      const free = this.#free.pop();
      if (free) return new Uint8Array(free);
      if (this.#made < PIECES_AHEAD) {
        this.#made++;
        return new Uint8Array(new ArrayBuffer(PIECE_BYTES));
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
