/** The JSON paths of InputPath and InputPathsMap: `$.a.b[0]`, `$['a']`, and `*` for all elements or members. */
export type Path = readonly (string | number | typeof EVERY)[];
const EVERY = Symbol("every element or member");

/** Undefined if the text is no such path. */
export function parsePath(text: string): Path | undefined {
  if (!text.startsWith("$")) return undefined;
  const steps: (string | number | typeof EVERY)[] = [];
  const pattern = /\.\*|\[\*\]|\.([^.[\]*'"\s]+)|\[(\d{1,9})\]|\['([^']*)'\]|\["([^"]*)"\]/y;
  pattern.lastIndex = 1;
  while (pattern.lastIndex < text.length) {
    const found = pattern.exec(text);
    if (!found) return undefined;
    const [whole, name, index, single, double] = found;
    if (index !== undefined) steps.push(Number(index));
    else if (whole === ".*" || whole === "[*]") steps.push(EVERY);
    else steps.push(name ?? single ?? double ?? "");
  }
  return steps;
}

/** What the path finds; undefined if nothing. With `*` in it, a list of all it finds. */
export function find(path: Path, document: unknown): unknown {
  let values: unknown[] = [document];
  for (const step of path) {
    values = values.flatMap((value): unknown[] => {
      if (typeof value !== "object" || value === null) return [];
      if (step === EVERY) return Object.values(value);
      if (typeof step === "number") return Array.isArray(value) && step < value.length ? [value[step]] : [];
      return !Array.isArray(value) && Object.hasOwn(value, step) ? [(value as Record<string, unknown>)[step]] : [];
    });
  }
  return path.includes(EVERY) ? values : values[0];
}
