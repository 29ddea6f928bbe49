import { DatabaseSync } from "node:sqlite";

export class DirectoryInUse extends Error {
  override readonly name = "DirectoryInUse";
}

/**
 * Keeps a data directory for one process. The lock is the operating system's (SQLite's, on an empty file), so it
 * ends with the process, however that ends; nothing has to be cleaned up after a kill -9.
 */
export function lockDirectory(path: string): () => void {
  // Whoever only looks (`isLocked`) is gone within this time.
  const lock = new DatabaseSync(path, { timeout: 100 });
  try {
    lock.exec("pragma journal_mode=memory; begin exclusive");
  } catch (error) {
    lock.close();
    throw new DirectoryInUse(`another Stepwell is using this data directory (${path} is locked)`, { cause: error });
  }
  return () => lock.close();
}

/** Whether a process keeps the data directory whose lock this is. */
export function isLocked(path: string): boolean {
  let lock: DatabaseSync;
  try {
    lock = new DatabaseSync(path, { readOnly: true, timeout: 0 });
  } catch {
    return false;
  }
  try {
    lock.prepare("select count(*) from sqlite_schema").get();
    return false;
  } catch {
    return true;
  } finally {
    lock.close();
  }
}
