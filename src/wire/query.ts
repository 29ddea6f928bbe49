import type { HttpRequest } from "./http.ts";

/** A request's query by name, in the order sent. */
export type QueryIndex = {
  has(name: string): boolean;
  get(name: string): string | undefined;
  all(name: string): readonly string[];
};

export function queryOf(request: HttpRequest): QueryIndex {
  if (request.query.length === 0) return EMPTY;
  const byName = new Map<string, string[]>();
  for (const [name, value] of request.query) {
    const values = byName.get(name);
    if (values === undefined) byName.set(name, [value]);
    else values.push(value);
  }
  return {
    has: (name) => byName.has(name),
    get: (name) => byName.get(name)?.[0],
    all: (name) => byName.get(name) ?? [],
  };
}

const EMPTY: QueryIndex = { has: () => false, get: () => undefined, all: () => [] };
