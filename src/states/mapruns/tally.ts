/** The arithmetic of map runs: what has ended, how much may run, when it is too much failure. */
import type { Status } from "../rows/executions.ts";
import type { Counters, MapRunRow } from "../rows/mapRuns.ts";

/** AWS runs as many children at once where nothing else is said. */
const CONCURRENCY_MAX = 10_000;

/** The counters after a child with so many items has ended. */
export function counted<Row extends Counters>(row: Row, status: Status, items: number): Row {
  switch (status) {
    case "SUCCEEDED":
      return { ...row, succeeded: row.succeeded + 1, items_succeeded: row.items_succeeded + items };
    case "TIMED_OUT":
      return { ...row, timed_out: row.timed_out + 1, items_timed_out: row.items_timed_out + items };
    case "ABORTED":
      return { ...row, aborted: row.aborted + 1, items_aborted: row.items_aborted + items };
    default:
      return { ...row, failed: row.failed + 1, items_failed: row.items_failed + items };
  }
}

export function endedChildren(row: Counters): number {
  return row.succeeded + row.failed + row.timed_out + row.aborted;
}

/** How many further children may run now. */
export function freeSlots(row: Counters & Pick<MapRunRow, "max_concurrency" | "children">): number {
  const limit = row.max_concurrency === 0 ? CONCURRENCY_MAX : Math.min(row.max_concurrency, CONCURRENCY_MAX);
  return limit - (row.children - endedChildren(row));
}

/**
 * Either threshold counts where it was given; without any, one failure is too much. The percentage is of all items, so
 * it can be told once their number is known.
 */
export function exceedsTolerance(
  row: Pick<MapRunRow, "items_failed" | "items_timed_out" | "items_total" | "tolerated_count" | "tolerated_percentage">,
): boolean {
  const failures = row.items_failed + row.items_timed_out;
  if (failures === 0) return false;
  const { tolerated_count: count, tolerated_percentage: percentage, items_total: total } = row;
  if (count === null && percentage === null) return true;
  if (count !== null && failures > count) return true;
  return percentage !== null && total !== null && (failures / total) * 100 > Number(percentage);
}

/** All that was asked for has been done, or given up. */
export function isAtRest(row: Counters & Pick<MapRunRow, "reading" | "children" | "error">): boolean {
  return (row.reading === 0 || row.error !== null) && endedChildren(row) === row.children;
}
