/** How much the variables of an execution may hold. */
import type { Live } from "./live.ts";
import { PAYLOAD_BYTES_MAX } from "./outcome.ts";
import type { Assigned } from "./scope.ts";
import type { Thread } from "./types.ts";

const EXECUTION_BYTES_MAX = 10 * 1024 * 1024;

/** One Assign may hold 256 KiB, all variables of an execution together 10 MiB. */
export function exceedsVariables(live: Live, thread: Thread, assigned: Assigned): boolean {
  const added = bytes(assigned);
  if (added > PAYLOAD_BYTES_MAX) return true;
  const replaced = Object.fromEntries(
    Object.entries(thread.variables ?? {}).filter(([name]) => Object.hasOwn(assigned, name)),
  );
  return total(live.root) - bytes(replaced) + added > EXECUTION_BYTES_MAX;
}

function total(thread: Thread): number {
  const { work } = thread;
  const below = work?.kind === "parallel" ? work.threads : work?.kind === "map" ? Object.values(work.threads) : [];
  return below.reduce((sum, child) => sum + (child === null ? 0 : total(child)), bytes(thread.variables ?? {}));
}

function bytes(variables: Assigned): number {
  return Object.values(variables).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}
