import type { Readable } from "node:stream";

/** Where bytes too large for a row are kept. A blob is written once, never changed, and named by its id alone. */
export interface Blobs {
  /**
   * Streams `chunks` into a new blob and resolves once it is durable (written, synced, renamed, directory synced).
   * Whatever the source throws is passed on and leaves nothing behind. The id is chosen by the store, except that
   * an import gives the one that the rows name.
   */
  write(chunks: AsyncIterable<Uint8Array>, id?: string): Promise<{ readonly id: string; readonly size: number }>;
  /** The bytes from `start` up to but not including `end`, which may be Infinity. */
  read(id: string, start: number, end: number): Readable;
  /** Deletes a blob; one that is not there is no error. Readers that have it open finish undisturbed. */
  remove(id: string): Promise<void>;
  /** Ids of blobs written before `before` (milliseconds), for collecting those that no row names. */
  older(before: number): AsyncIterable<string>;
  /**
   * Marks the place as that of an installation, unless it bears a mark already. Answers whom the mark names, and where
   * it is, for people to find it. Absent where nobody else can come, such as in memory.
   */
  claim?(installation: string): Promise<{ readonly owner: string; readonly mark: string }>;
}
