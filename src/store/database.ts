import { chmodSync } from "node:fs";
import { join } from "node:path";
import type { Blobs } from "./blobs.ts";
import { FileBlobs } from "./files.ts";
import { makeFolder } from "./folder.ts";
import { migrationFiles } from "./migrate.ts";
import type { Store } from "./store.ts";

/** The set-up of a database cannot be used; the message says what to mend. */
export class DatabaseMisplaced extends Error {
  override readonly name = "DatabaseMisplaced";
}

/** The store on PostgreSQL at `url`, shared with other nodes; `data` is this node's own, and holds the blobs unless they are kept elsewhere. */
export async function openDatabase(
  url: string,
  data: string,
): Promise<{ readonly store: Store; readonly blobs: Blobs; readonly close: () => Promise<void> }> {
  const shown = url.replace(/:[^:@/]*@/, ":…@");
  if (!/^postgres(ql)?:\/\//.test(url))
    throw new DatabaseMisplaced(`--database takes postgres://user@host:5432/name, not "${shown}".`);
  makeFolder(data);
  chmodSync(data, 0o700);
  // Loaded only here: the embedded store starts without the driver.
  const { PostgresStore } = await import("./postgres.ts");
  try {
    const store = await PostgresStore.open(url, migrationFiles());
    return { store, blobs: new FileBlobs(join(data, "blobs")), close: () => store.close() };
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    throw new DatabaseMisplaced(`the database at ${shown} cannot be used: ${message || code}.`, { cause: error });
  }
}
