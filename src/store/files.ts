import { randomUUID } from "node:crypto";
import { constants, createReadStream, mkdirSync } from "node:fs";
import { copyFile, link, open, opendir, readFile, rename, rm, stat, unlink, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import type { Blobs } from "./blobs.ts";
import { makeFolder } from "./folder.ts";
import { StoreUnavailable } from "./store.ts";

/** Chunks are gathered to this many bytes before they are written, to save trips to the thread pool. */
const GATHER_BYTES = 1024 * 1024;
const DISK_TROUBLE = new Set(["ENOSPC", "EIO", "EROFS", "EDQUOT", "EACCES", "EMFILE", "ENFILE"]);

/** Blobs as files: `blobs/ab/abcd…`, named by a random id and never by what a user wrote. */
export class FileBlobs implements Blobs {
  readonly #root: string;
  readonly #folders = new Set<string>();
  constructor(root: string) {
    this.#root = root;
    makeFolder(join(root, "tmp"));
  }

  async write(chunks: AsyncIterable<Uint8Array>, id: string = randomUUID()): Promise<{ id: string; size: number }> {
    const temporary = join(this.#root, "tmp", id);
    const file = await open(temporary, "wx", 0o600).catch((error: NodeJS.ErrnoException) => {
      throw new StoreUnavailable(error.message, { cause: error });
    });
    try {
      const size = await pour(file, chunks);
      // The bytes must be on the disk before the name is, and the name before any row that speaks of it.
      await file.datasync();
      await file.close();
      const path = await this.#folder(id);
      await rename(temporary, path);
      await syncFolder(dirname(path));
      return { id, size };
    } catch (error) {
      await file.close().catch(() => undefined);
      await rm(temporary, { force: true });
      throw DISK_TROUBLE.has((error as NodeJS.ErrnoException).code ?? "")
        ? new StoreUnavailable((error as Error).message, { cause: error })
        : error;
    }
  }

  read(id: string, start: number, end: number): Readable {
    if (end <= start) return Readable.from([]);
    return createReadStream(this.#path(id), { start, end: end - 1, highWaterMark: 256 * 1024 });
  }

  async remove(id: string): Promise<void> {
    await unlink(this.#path(id)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
  }

  async *older(before: number): AsyncIterable<string> {
    for await (const folder of await opendir(this.#root)) {
      if (!folder.isDirectory()) continue;
      for await (const entry of await opendir(join(this.#root, folder.name))) {
        const path = join(this.#root, folder.name, entry.name);
        const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
        if (mtimeMs >= before) continue;
        // What an interrupted write left in tmp/ has no name anywhere.
        if (folder.name === "tmp") await rm(path, { force: true });
        else yield entry.name;
      }
    }
  }

  /** The mark is a file with its whole text from the beginning: whoever links it first has the place, on shared directories too. */
  async claim(installation: string): Promise<{ readonly owner: string; readonly mark: string }> {
    const mark = join(this.#root, "installation");
    const temporary = join(this.#root, "tmp", randomUUID());
    const marked = (): Promise<string | undefined> =>
      readFile(mark, "utf8").catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOENT") throw error;
        return undefined;
      });
    try {
      let text = await marked();
      if (text === undefined) {
        const file = await open(temporary, "wx", 0o600);
        try {
          await file.writeFile(`${installation}\n`);
          await file.datasync();
        } finally {
          await file.close();
        }
        await link(temporary, mark)
          // Not every file system knows hard links.
          .catch((error: NodeJS.ErrnoException) =>
            error.code === "EEXIST" ? undefined : copyFile(temporary, mark, constants.COPYFILE_EXCL),
          )
          .catch((error: NodeJS.ErrnoException) => {
            if (error.code !== "EEXIST") throw error;
          });
        await syncFolder(this.#root);
        text = await marked();
      }
      const owner = text?.trim() ?? "";
      if (owner === "") throw new Error(`${mark} is empty`);
      return { owner, mark };
    } catch (error) {
      throw new StoreUnavailable((error as Error).message, { cause: error });
    } finally {
      await rm(temporary, { force: true });
    }
  }

  #path(id: string): string {
    return join(this.#root, id.slice(0, 2), id);
  }
  async #folder(id: string): Promise<string> {
    const path = this.#path(id);
    const folder = dirname(path);
    if (!this.#folders.has(folder)) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      await syncFolder(this.#root);
      this.#folders.add(folder);
    }
    return path;
  }
}

async function pour(file: FileHandle, chunks: AsyncIterable<Uint8Array>): Promise<number> {
  let size = 0;
  let gathered: Uint8Array[] = [];
  let bytes = 0;
  let writing: Promise<void> = Promise.resolve();
  for await (const chunk of chunks) {
    gathered.push(chunk);
    bytes += chunk.length;
    size += chunk.length;
    if (bytes < GATHER_BYTES) continue;
    // One write is under way while the next is gathered: bounded to two buffers, and the source waits for the disk.
    await writing;
    writing = writeAll(file, gathered, bytes);
    // A failure is seen at the next await; until then it must not count as unhandled.
    writing.catch(() => undefined);
    gathered = [];
    bytes = 0;
  }
  await writing;
  if (bytes > 0) await writeAll(file, gathered, bytes);
  return size;
}

async function writeAll(file: FileHandle, chunks: Uint8Array[], bytes: number): Promise<void> {
  const { bytesWritten } = await file.writev(chunks);
  if (bytesWritten !== bytes) throw new StoreUnavailable(`the disk took ${bytesWritten} of ${bytes} bytes`);
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
