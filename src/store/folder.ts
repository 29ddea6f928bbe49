import { mkdirSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes a folder (0700) and those above it, where they are missing. Node's own `recursive` tries for ever in a file
 * system that lets nobody make anything and calls that ENOENT, as /proc does.
 */
export function makeFolder(path: string): void {
  if (made(path)) return;
  makeFolder(dirname(path));
  if (!made(path)) throw Object.assign(new Error(`no folder can be made at ${path}`), { code: "EROFS", path });
}

/** False if what it would lie in is not there. */
function made(path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o700 });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" && dirname(path) !== path) return false;
    if (code !== "EEXIST") throw error;
    // There already; a file in its place is said by the same words as before.
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return true;
  }
}
