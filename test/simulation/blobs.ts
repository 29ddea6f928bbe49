import { Readable } from "node:stream";
import type { Blobs } from "../../src/store/blobs.ts";
import { StoreUnavailable } from "../../src/store/store.ts";
import type { Machine } from "./machine.ts";

/** Large objects in memory, which outlive every node; writing and reading them may fail, or take long. */
export class UneasyBlobs implements Blobs {
  readonly #blobs: Map<string, Buffer>;
  readonly #machine: Machine;
  #count: number;
  constructor(machine: Machine, blobs: ReadonlyMap<string, Buffer>) {
    this.#machine = machine;
    this.#blobs = new Map(blobs);
    this.#count = blobs.size;
  }
  get all(): ReadonlyMap<string, Buffer> {
    return this.#blobs;
  }

  async write(chunks: AsyncIterable<Uint8Array>, id = `blob-${++this.#count}`) {
    const bytes = Buffer.concat(await Array.fromAsync(chunks));
    await this.#trouble();
    this.#machine.count("blobs");
    this.#blobs.set(id, bytes);
    return { id, size: bytes.length };
  }
  read(id: string, start: number, end: number): Readable {
    return Readable.from(this.#pieces(id, start, end));
  }
  async remove(id: string): Promise<void> {
    this.#blobs.delete(id);
  }
  async *older(): AsyncIterable<string> {}

  async *#pieces(id: string, start: number, end: number): AsyncGenerator<Uint8Array> {
    const bytes = this.#blobs.get(id);
    if (!bytes) throw new Error(`${id} is gone`);
    const wanted = bytes.subarray(start, end === Infinity ? undefined : end);
    const half = Math.floor(wanted.length / 2);
    yield wanted.subarray(0, half);
    await this.#trouble();
    yield wanted.subarray(half);
  }
  async #trouble(): Promise<void> {
    const machine = this.#machine;
    if (machine.happens("slowBlob")) await machine.world.sleep(machine.between(1, 20_000));
    if (machine.happens("lostBlob")) throw new StoreUnavailable("simulated: the blob store does not answer");
  }
}
