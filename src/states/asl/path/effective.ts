/** InputPath and OutputPath. */
import { runtime } from "../failure.ts";
import { Datum, textOf } from "../json.ts";
import type { Scope } from "../scope.ts";
import { parsePath } from "./parse.ts";
import { readerOf } from "./read.ts";

const EMPTY = Datum.ofText("{}");

/** null is `{}`; absent or `$` is the datum itself, so that untouched text stays as it came. */
export function filterPath(path: unknown): (data: Datum, scope: Scope) => Datum {
  if (path === null) return () => EMPTY;
  if (path === undefined || path === "$") return (data) => data;
  const syntax = parsePath(textOf(path));
  const read = readerOf(syntax);
  return (data, scope) => {
    const found = read(syntax.root === "" ? data.value : undefined, scope);
    if ("miss" in found) throw runtime(`Invalid path '${syntax.text}' : ${found.miss}`);
    return Datum.of(found.value);
  };
}
