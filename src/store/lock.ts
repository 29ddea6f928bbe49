import { DatabaseSync } from "node:sqlite";

export class DirectoryInUse extends Error {
  override readonly name = "DirectoryInUse";
}

/**
 * Keeps a data directory for one process. The lock is the operating system's (SQLite's, on an empty file), so it
 * ends with the process, however that ends; nothing has to be cleaned up after a kill -9.
 */
export function lockDirectory(path: string): () => void {
  const lock = new DatabaseSync(path, { timeout: 0 });
  try {
    lock.exec("pragma journal_mode=memory; begin exclusive");
  } catch (error) {
    lock.close();
    throw new DirectoryInUse(`another Stepwell is using this data directory (${path} is locked)`, { cause: error });
  }
  return () => lock.close();
}
