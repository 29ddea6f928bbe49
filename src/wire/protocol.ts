import { fault } from "./fault.ts";
import type { FaultTable } from "./errors.ts";
import type { HttpRequest, Match } from "./http.ts";
import { Malformed } from "./malformed.ts";
import type { ServiceFacts } from "./model.ts";
import type { Operation, Shape, Shapes, StructShape } from "./shape.ts";

/** One wire protocol, bound to one service: recognises the requests that are for it. What its matches decode is not yet validated. */
export type Protocol = { match(request: HttpRequest): Found | undefined };
export type Found = Omit<Match, "operation"> & { readonly operation: Operation };
export type Service = { readonly facts: ServiceFacts; readonly shapes: Shapes; readonly faults: FaultTable };

/** Makes a value of each key once. */
export function once<Key, Value>(make: (key: Key) => Value): (key: Key) => Value {
  const made = new Map<Key, Value>();
  return (key) => {
    let value = made.get(key);
    if (value === undefined) made.set(key, (value = make(key)));
    return value;
  };
}

/** Runs a decoder; what is malformed is refused with the protocol's own code. */
export function refusing<T>(code: string, status: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof Malformed ? fault(code, error.message, { status }) : error;
  }
}

const MEGABYTE = 1024 * 1024;

/** A document may be 16 MiB; 72 MiB where it may hold bytes (Lambda's zip file of 50 MB in base64). */
export const documentLimit = once((shape: StructShape): number => (holdsBytes(shape, new Set()) ? 72 : 16) * MEGABYTE);

function holdsBytes(shape: Shape, seen: Set<Shape>): boolean {
  if (seen.has(shape)) return false;
  seen.add(shape);
  if (shape.kind === "blob") return true;
  if (shape.kind === "list") return holdsBytes(shape.item.shape, seen);
  if (shape.kind === "map") return holdsBytes(shape.value.shape, seen);
  return (
    (shape.kind === "struct" || shape.kind === "union") &&
    shape.members.some((member) => holdsBytes(member.shape, seen))
  );
}
