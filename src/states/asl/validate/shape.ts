/** What parsing a definition's JSON does not tell: how deep it goes, and names that it has twice. */

/** AWS's Java parser takes no more levels; far more would exhaust the stack of whoever walks them. */
const LEVELS_MAX = 1000;

/** Whether the value has more levels of arrays and objects than a definition may have. */
export function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > LEVELS_MAX) return true;
    level = level.flatMap((item): unknown[] =>
      typeof item === "object" && item !== null ? Object.values(item).filter((one) => typeof one === "object") : [],
    );
  }
  return false;
}

export type Twice = { readonly name: string; readonly location: string };
type Open = { readonly key: string; readonly names: Set<string> | undefined; items: number };

/** The states that a `States` object has twice, of which parsing keeps the last; the text is JSON. */
export function statesTwice(text: string): readonly Twice[] {
  const found: Twice[] = [];
  const open: Open[] = [];
  let key = "";
  for (const [token] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"\s*:?|[{}[\],]/g)) {
    const inside = open.at(-1);
    if (token === "{" || token === "[") {
      const place = inside !== undefined && inside.names === undefined ? `[${inside.items}]` : `/${key}`;
      open.push({ key: open.length === 0 ? "" : place, names: token === "{" ? new Set() : undefined, items: 0 });
    } else if (token === "}" || token === "]") open.pop();
    else if (token === ",") {
      if (inside !== undefined) inside.items += 1;
    } else if (token.endsWith(":") && inside?.names !== undefined) {
      key = JSON.parse(token.slice(0, token.lastIndexOf('"') + 1)) as string;
      if (inside.names.has(key) && inside.key === "/States")
        found.push({ name: key, location: `${open.map((one) => one.key).join("")}/${key}` });
      inside.names.add(key);
    }
  }
  return found;
}
