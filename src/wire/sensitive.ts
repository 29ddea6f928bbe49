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
