import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Enum values by `Structure.member`, from a client's declarations: `status?: ExecutionStatus | undefined` in an
 * interface, and `ExecutionStatus` among the client's exports. For lists and maps the values are those of the items.
 */
export function enumsOf(
  packageFolder: string,
  sdk: Readonly<Record<string, unknown>>,
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  const folder = join(packageFolder, "dist-types", "models");
  for (const file of readdirSync(folder)
    .filter((name) => name.endsWith(".d.ts"))
    .toSorted((a, b) => (a < b ? -1 : 1))) {
    const text = readFileSync(join(folder, file), "utf8").replaceAll(/\/\*[^]*?\*\//g, "");
    for (const [, name = "", body = ""] of text.matchAll(/export interface (\w+)[^{]*\{\n([^]*?)\n\}/g)) {
      for (const [, member = "", type = ""] of body.matchAll(/^ {4}(\w+)\??: ([^;]+);/gm)) {
        const values = valuesOf(type, sdk);
        if (values !== undefined) found.set(`${name}.${member}`, values);
      }
    }
  }
  return found;
}

function valuesOf(type: string, sdk: Readonly<Record<string, unknown>>): readonly string[] | undefined {
  const bare = type.replace(/ \| undefined$/, "").replace(/^\(?(\w+)(?: \| undefined\))?\[\]$/, "$1");
  const name = /^Partial<Record<\w+, (\w+)>>$/.exec(bare)?.[1] ?? bare;
  const value = sdk[name];
  if (!/^\w+$/.test(name) || typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const values = Object.values(value);
  return values.length > 0 && values.every((each) => typeof each === "string") ? values : undefined;
}
