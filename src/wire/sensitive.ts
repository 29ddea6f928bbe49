import type { Shape, StructShape } from "./shape.ts";

/**
 * Paths of the members that the model calls sensitive: `input`, `Environment.Variables`, and `[]` for each item of a
 * list or entry of a map: `Entries.[].Password`. A shape within itself is not followed twice.
 */
export function sensitivePaths(shape: StructShape): readonly string[] {
  const found: string[] = [];
  const visit = (each: Shape, path: string, seen: readonly Shape[]): void => {
    if (seen.includes(each)) return;
    const within = [...seen, each];
    if (each.kind === "list" || each.kind === "map") {
      const item = each.kind === "list" ? each.item : each.value;
      const place = path === "" ? "[]" : `${path}.[]`;
      if (item.traits.sensitive === 1) found.push(place);
      else visit(item.shape, place, within);
    } else if (each.kind === "struct" || each.kind === "union") {
      for (const member of each.members) {
        const place = path === "" ? member.name : `${path}.${member.name}`;
        if (member.traits.sensitive === 1) found.push(place);
        else visit(member.shape, place, within);
      }
    }
  };
  visit(shape, "", []);
  return found;
}

/** A copy of `value` with what lies at the paths replaced. What is not on a path is shared with the original. */
export function masked(value: unknown, paths: readonly string[], replacement: unknown): unknown {
  return paths.reduce((current, path) => replaced(current, path.split("."), replacement), value);
}

function replaced(value: unknown, [segment, ...rest]: readonly string[], replacement: unknown): unknown {
  if (segment === undefined) return value === undefined || value === null ? value : replacement;
  if (typeof value !== "object" || value === null) return value;
  const each = (one: unknown): unknown => replaced(one, rest, replacement);
  if (Array.isArray(value)) return segment === "[]" ? value.map(each) : value;
  const source = value as Readonly<Record<string, unknown>>;
  if (segment === "[]") return Object.fromEntries(Object.entries(source).map(([key, one]) => [key, each(one)]));
  return Object.hasOwn(source, segment) ? { ...source, [segment]: each(source[segment]) } : value;
}
