import type { ChaosResult } from "./harness.ts";

/** The counts of a run in one sentence. */
export function summaryOf({
  seed,
  troubles,
  uploads,
  starts,
  refused,
  settledMs,
  executions,
  faults,
}: ChaosResult): string {
  const made = Object.entries(troubles).map(([trouble, times]) => `${times} times ${trouble}`);
  return `seed ${seed}: ${made.join(", ")}; ${uploads} uploads and ${starts} starts acknowledged, ${refused} refused; ${executions} executions, the last over ${settledMs} ms after the trouble; ${faults.length} faults`;
}
