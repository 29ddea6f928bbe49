import type { Readable } from "node:stream";
import type { Clock } from "../clock/clock.ts";
import type { Blobs } from "./blobs.ts";
import { installationOf } from "./installation.ts";
import { StoreUnavailable, type Store } from "./store.ts";

/** A place for blobs that cannot be used as it was described; the message says what to mend. */
export class BlobsMisplaced extends Error {
  override readonly name = "BlobsMisplaced";
}

type Place = { readonly store: Store; readonly blobs: Blobs; readonly close: () => Promise<void> };
type Log = (level: "warn", message: string, facts: Readonly<Record<string, unknown>>) => void;

/**
 * The blobs as those of the installation in the store, which gets an id if it has none yet. Closes the store and throws
 * BlobsMisplaced if they are another's; a place that does not answer is asked again when it is needed.
 */
export async function ownBlobs({ store, blobs, close }: Place, clock: Clock, log: Log): Promise<Blobs> {
  if (!blobs.claim) return blobs;
  try {
    const own = new OwnBlobs(blobs, await installationOf(store, clock.uuid()));
    await own.makeSure().catch((error: unknown) => {
      if (!(error instanceof StoreUnavailable)) throw error;
      log("warn", "whose the blob store is cannot be seen; large objects are refused until it can", {
        error: error.message,
      });
    });
    return own;
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * The blobs of one installation: nothing is written, listed or removed before the place is known to be its own. Blobs
 * that no row names are removed as garbage, so two installations in one place would remove each other's.
 */
export class OwnBlobs implements Blobs {
  readonly #blobs: Blobs;
  readonly #installation: string;
  #own = false;
  constructor(blobs: Blobs, installation: string) {
    this.#blobs = blobs;
    this.#installation = installation;
  }

  /** Throws BlobsMisplaced if the place is another installation's, StoreUnavailable if nobody can say. */
  async makeSure(): Promise<void> {
    if (this.#own) return;
    const claimed = await this.#blobs.claim?.(this.#installation);
    if (claimed && claimed.owner !== this.#installation)
      throw new BlobsMisplaced(
        `the place for large objects belongs to another installation: ${claimed.mark} names ${claimed.owner}, and this one is ${this.#installation}. Each would remove the other's objects as garbage: give this one a directory or prefix of its own with --blobs. Only if the other is gone for good, remove ${claimed.mark}.`,
      );
    this.#own = true;
  }

  async write(chunks: AsyncIterable<Uint8Array>, id?: string): Promise<{ readonly id: string; readonly size: number }> {
    if (!this.#own) await this.#claimLate();
    return this.#blobs.write(chunks, id);
  }
  read(id: string, start: number, end: number): Readable {
    return this.#blobs.read(id, start, end);
  }
  async remove(id: string): Promise<void> {
    if (!this.#own) await this.#claimLate();
    await this.#blobs.remove(id);
  }
  async *older(before: number): AsyncIterable<string> {
    if (!this.#own) await this.#claimLate();
    yield* this.#blobs.older(before);
  }

  /** The place did not answer at the start. Whom a node serves already, it tells to come again. */
  async #claimLate(): Promise<void> {
    await this.makeSure().catch((error: unknown) => {
      throw error instanceof BlobsMisplaced ? new StoreUnavailable(error.message, { cause: error }) : error;
    });
  }
}
